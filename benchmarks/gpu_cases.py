"""What is timed on a GPU: rows and attention by the library's public functions.

The goals are those of the prototypes' figures, within .05 (the times of one kernel lie
that far apart); a case without such a figure must not be slower than its peer.
"""

from collections.abc import Iterator

from benchmarks.gpu_attention import of_attention, of_others
from benchmarks.gpu_case import Case
from benchmarks.gpu_rows import of_rows

__all__ = ["cases"]


def cases(few: bool = False) -> Iterator[Case]:
    """Give what is timed, the most important first; `few`: of each table one line."""
    lines = 1 if few else None
    yield from of_attention(lines)
    yield from of_rows(lines)
    yield from of_others()
