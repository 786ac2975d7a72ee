"""Break a function of the library for a while, and see whether tests notice."""

import ast
import inspect
import io
import textwrap
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Change:
    """A change to the source of one function: `old` occurs once and becomes `new`."""

    function: str  # dotted path: module, classes if any, name
    old: str
    new: str

    @contextmanager
    def applied(self):
        """Swap the function's code in place, so that whoever holds it is affected."""
        function = find(self.function)
        original = function.__code__
        function.__code__ = changed_code(function, self.old, self.new)
        try:
            yield
        finally:
            function.__code__ = original


@dataclass(frozen=True)
class Input:
    """A change to a number or an array: `name` in `module` becomes `value`."""

    module: str
    name: str
    value: object

    @contextmanager
    def applied(self):
        """Set the attribute, and set it back."""
        module = import_module(self.module)
        original = getattr(module, self.name)
        setattr(module, self.name, self.value)
        try:
            yield
        finally:
            setattr(module, self.name, original)


def find(path):
    """Give the plain function at a dotted path, without its decorators."""
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        try:
            found = import_module(name)
        except ModuleNotFoundError:
            continue
        break
    for part in parts[end:]:
        found = inspect.getattr_static(found, part)
    found = getattr(found, "fget", None) or getattr(found, "__func__", found)
    return inspect.unwrap(found)


def changed_code(function, old, new):
    """Compile the function's source with one change, as code that fits its place."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{source.count(old)} times in the source: {old}"
    definition = ast.parse(source.replace(old, new)).body[0]
    definition.decorator_list = []
    # Names from around it (`__class__`, for super) must be around it here too.
    around = ast.parse(f"def around({', '.join(function.__code__.co_freevars)}): pass")
    around.body[0].body = [definition]
    name = f"<{function.__qualname__}, changed>"
    module = compile(ast.fix_missing_locations(around), name, "exec")
    outer = next(c for c in module.co_consts if inspect.iscode(c))
    return next(c for c in outer.co_consts if inspect.iscode(c))


class Failures:
    """A pytest plugin that notes what made a test fail."""

    def __init__(self):
        self.types = []

    def pytest_exception_interact(self, call):
        self.types.append(call.excinfo.type)


def run(tests):
    """Run tests by their ids in this process: the exit code, and what failed."""
    failures, printed = Failures(), io.StringIO()
    options = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
    options += ["-p", "no:xdist", "--hypothesis-profile=unshrunk"]
    # It collects all garbage at each end, which takes longer than the tests.
    options += ["-p", "no:unraisableexception"]
    with redirect_stdout(printed), redirect_stderr(printed):
        tests = [str(ROOT / test) for test in tests]
        code = pytest.main([*options, *tests], plugins=[failures])
    return code, failures.types, printed.getvalue()


def is_honest(error):
    """Tell whether a test failed by what it looks at: not because the code crashed."""
    failed = (AssertionError, Warning, pytest.fail.Exception)
    return issubclass(error, failed) or error.__name__ == "GradcheckError"
