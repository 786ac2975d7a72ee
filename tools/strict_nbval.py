"""A pytest plugin that makes nbval strict, and collects the rules on chapters.

Alone, nbval passes a wrong picture, a cleared cell, a cell that was never run, one
that says not to look, and a wrong sentence. Here every notebook yields one item for
each rule of `tools.notebooks.rules`, which needs no kernel; and with ``--nbval``
also one item for each cell, run in a fresh kernel of this Python on this checkout,
its outputs compared with the saved ones by `tools.notebooks.outputs`.
"""

import functools
from contextlib import ExitStack

import pytest
from nbval.kernel import NbvalKernelspecManager, RunningKernel
from nbval.plugin import IPyNbCell

from tools.notebooks import forked_kernels
from tools.notebooks.cells import where
from tools.notebooks.kernels import CELL_TIMEOUT, STARTUP_TIMEOUT, surroundings
from tools.notebooks.outputs import compare_outputs
from tools.notebooks.plain_form import is_saved_plainly, read
from tools.notebooks.printed_text import FLOAT, LAST_DIGIT
from tools.notebooks.rules import RULES


class BrokenRule(Exception):
    """A saved notebook breaks a rule; the message lists where."""


class NotebookRules(pytest.File):
    """A notebook as it is saved, which yields one item for each rule."""

    @functools.cached_property
    def notebook(self):
        """The notebook, read once for all rules, which change nothing."""
        return read(self.path)

    def collect(self):
        """Yield the rules."""
        for rule in RULES:
            yield NotebookRule.from_parent(self, name=rule.__name__, rule=rule)
        yield NotebookRule.from_parent(self, name="it_is_saved_plainly", rule=None)


class NotebookRule(pytest.Item):
    """One rule on one saved notebook."""

    def __init__(self, *, rule, **settings):
        super().__init__(**settings)
        self.rule = rule

    def runtest(self):
        """Fail with all complaints of the rule."""
        if self.rule:
            complaints = self.rule(self.parent.notebook)
        elif is_saved_plainly(self.path):
            complaints = []
        else:
            complaints = ["not in the form that `make run` saves"]
        if complaints:
            raise BrokenRule("\n".join(f"{self.path.name}: {c}" for c in complaints))

    def repr_failure(self, excinfo):
        """Show the complaints alone: where the rule stands in our code is no help."""
        if excinfo.errisinstance(BrokenRule):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        """Name the item by its notebook and its rule."""
        return self.path, None, f"{self.path.name}: {self.name.replace('_', ' ')}"


def pytest_collect_file(file_path, parent):
    """Collect the rules on every notebook; nbval itself collects the cells."""
    if file_path.suffix == ".ipynb":
        return NotebookRules.from_parent(parent, path=file_path)
    return None


def pytest_configure(config):
    """Make nbval strict, and let every kernel find this checkout first."""
    stack = ExitStack()
    config.add_cleanup(stack.close)
    stack.enter_context(surroundings())
    if config.option.nbval:
        stack.enter_context(forked_kernels.served())
    config.option.nbval_current_env = True
    for name, seconds in (("cell", CELL_TIMEOUT), ("kernel_startup", STARTUP_TIMEOUT)):
        option = f"nbval_{name}_timeout"
        # A dead kernel would hang for nbval's own 2000 seconds.
        setattr(config.option, option, min(seconds, getattr(config.option, option)))
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(RunningKernel, "execute_cell_input", execute_as_a_reader_does)
    patch.setattr(NbvalKernelspecManager, "get_kernel_spec", forked_if_served)
    patch.setattr(IPyNbCell, "compare_outputs", compare_strictly)
    patch.setattr(IPyNbCell, "runtest", run_without_exemption(IPyNbCell.runtest))


def forked_if_served(manager, kernel_name, find=NbvalKernelspecManager.get_kernel_spec):
    """Find how a kernel is started, and have it forked where that is possible."""
    spec = find(manager, kernel_name)
    spec.argv = forked_kernels.command() or spec.argv
    return spec


def execute_as_a_reader_does(kernel, cell_input, allow_stdin=None):
    """Run a cell with its place in the history: else a final ``;`` is not heard."""
    return kernel.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


def compare_strictly(item, test, ref, skip_compare=None):
    """Compare all outputs of a cell, in their order, pictures included."""
    tagged = "last-digit" in item.cell.metadata.get("tags", [])
    complaints = compare_outputs(ref, test, LAST_DIGIT if tagged else FLOAT)
    index = next(i for i, c in enumerate(item.parent.nb.cells) if c is item.cell)
    place = where(index, item.cell)
    item.comparison_traceback = [f"{place}: {each}" for each in complaints]
    return not complaints


def run_without_exemption(run_cell):
    """Wrap nbval's test of a cell: no tag or comment makes it look away."""

    def run_and_compare(item):
        item.options.update(check=True, skip=False, check_exception=False)
        if item.cell.execution_count is None:
            item.raise_cell_error("This cell was saved without being run")
        run_cell(item)

    return run_and_compare
