"""A directive: what the kernels cost on a GPU, as far as it has been measured."""

from docutils import nodes
from docutils.statemachine import StringList

from tools.site.tables import Table

__all__ = ["GpuTimings", "setup"]

NONE_YET = (
    "No time of these kernels on a GPU has been measured yet. "
    "``python -m benchmarks gpu`` measures them, in five minutes."
)


class GpuTimings(Table):
    """The saved comparisons with others, or the sentence that there are none."""

    heads = ("case", "against", "measure", "median", "from", "to")

    def run(self):
        """Say so where nothing is saved."""
        from attention_lib.book.timings import saved

        self.results = saved("gpu")
        if self.results is not None:
            gpu, date = self.results["gpu"]["device"], self.results["date"]
            self.label = f"On one {gpu}, {date}"
            return super().run()
        holder = nodes.container()
        self.state.nested_parse(StringList([NONE_YET], "gpu"), 0, holder)
        return holder.children

    def rows(self):
        """Take the rows from the saved result."""
        for row in self.results["rows"]:
            numbers = (f"{row[name]:.2f}" for name in ("median", "min", "max"))
            yield row["case"], row["peer"] or "–", row["measure"], *numbers


def setup(app):
    """Register the directive."""
    app.add_directive("gpu-timings", GpuTimings)
