"""Directives: what benchmarks have measured, as far as they have."""

from docutils import nodes
from docutils.statemachine import StringList

from tools.site.tables import Table

__all__ = ["GpuTimings", "SavedTimings", "setup"]

NONE_YET = (
    "No time of these kernels on a GPU has been measured yet. "
    "``python -m benchmarks gpu`` measures them, in five minutes."
)


class SavedTimings(Table):
    """The saved comparisons of one benchmark, which is the argument."""

    required_arguments = 1
    heads = ("case", "against", "measure", "median, and from where to where")

    def run(self):
        """Read the results, and say of which machine they are."""
        if not self.read(self.arguments[0]):
            raise self.error(f"there is no saved benchmark {self.arguments[0]!r}")
        return super().run()

    def read(self, benchmark):
        """Take the saved result; tell whether there is one."""
        from attention_lib.book.timings import saved

        self.results = saved(benchmark)
        if self.results is None:
            return False
        about = self.results.get("gpu", {}).get("device")
        about = about or self.results["machine"]["processor"]
        self.label = f"On one {about}, {self.results['date']}"
        return True

    def rows(self):
        """Take the rows from the saved result."""
        for row in self.results["rows"]:
            numbers = "{median:.2f} ({min:.2f} to {max:.2f})".format(**row)
            yield row["case"], row["peer"] or "–", row["measure"], numbers


class GpuTimings(SavedTimings):
    """Those on a GPU, or the sentence that there are none."""

    required_arguments = 0

    def run(self):
        """Say so where nothing is saved."""
        if self.read("gpu"):
            return Table.run(self)
        holder = nodes.container()
        self.state.nested_parse(StringList([NONE_YET], "gpu"), 0, holder)
        return holder.children


def setup(app):
    """Register the directives."""
    app.add_directive("gpu-timings", GpuTimings)
    app.add_directive("saved-timings", SavedTimings)
