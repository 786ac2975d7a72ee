"""Put something wrong in the place of a part of the library, and run tests on it."""

import functools
import inspect
import io
import pkgutil
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["MUTANTS", "Change", "is_honest", "mistake", "run"]

ROOT = Path(__file__).parent.parent
MUTANTS = {}  # by what is wrong: the change, and the tests that must notice it


@dataclass(frozen=True)
class Change:
    """A part of the library, and what is put in its place.

    `target` is its dotted path within `attention_lib`: a function, a method, a property
    or a number. A wrong function whose first parameter is named `right` is given there
    the one that it replaces.
    """

    target: str
    wrong: object

    @contextmanager
    def applied(self):
        """Put it there, and put back what was there."""
        place, _, name = f"attention_lib.{self.target}".rpartition(".")
        owner = pkgutil.resolve_name(place)
        right = inspect.getattr_static(owner, name)
        with pytest.MonkeyPatch.context() as patch:
            for holder, held in [(owner, name), *others_with(right, place)]:
                patch.setattr(holder, held, in_place_of(right, self.wrong))
            yield


def mistake(target, *tests):
    """Enter the wrong function below as a mutant: each of `tests` must notice it."""

    def enter(wrong):
        name = f"{wrong.__name__.replace('_', ' ')}: {target}"
        assert tests, f"no test is to notice {name}"
        assert name not in MUTANTS, f"there are two of {name}"
        MUTANTS[name] = Change(target, wrong), tests
        return wrong

    return enter


def others_with(right, place):
    """Find the modules that imported a function, and their names for it.

    There are none for one that is named elsewhere than it is defined: it is changed in
    that module alone. Methods and numbers have one place.
    """
    if not inspect.isfunction(right) or right.__module__ != place:
        return
    for module in [name for name in sys.modules if name != place]:
        if module.partition(".")[0] in ("attention_lib", "tests"):
            held = vars(sys.modules[module]).items()
            yield from [(sys.modules[module], name) for name, it in held if it is right]


def in_place_of(right, wrong):
    """Make of a wrong function what the right one is: a property, a class method."""
    if isinstance(right, property):
        return property(in_place_of(right.fget, wrong))
    if isinstance(right, classmethod | staticmethod):
        return type(right)(in_place_of(right.__func__, wrong))
    if not inspect.isfunction(right):
        return wrong
    first = next(iter(inspect.signature(wrong).parameters))

    @functools.wraps(right)
    def instead(*args, **kwargs):
        given = (right, *args) if first == "right" else args
        return wrong(*given, **kwargs)

    return instead


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
