"""The ceilings of this machine, product and copy, and attention below them."""

from collections.abc import Iterator

from benchmarks import ceilings
from benchmarks.timing import Row


def rows() -> Iterator[Row]:
    """Measure the ceilings."""
    yield from ceilings.rows()
