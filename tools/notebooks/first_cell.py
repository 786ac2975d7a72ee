"""The hidden first cell of a chapter: what happens where there is no library."""

from nbformat import NotebookNode

from tools.notebooks.cells import code_cells, tags

_MISSING = """\
import importlib.util

if importlib.util.find_spec("attention_lib") is None:
"""
_STOP = """\
    raise ImportError(
        "This page needs attention_lib, the library of the book: "
        "open it with `make lab` in the book's folder."
    )"""


def first_cell(address: str | None, version: str) -> str:
    """Return the code of the cell.

    With an address it installs the library of that version from its tag there;
    without one it stops, and says what to do.

    >>> print(first_cell("https://example.org/book", "1.2.0"))
    import importlib.util
    <BLANKLINE>
    if importlib.util.find_spec("attention_lib") is None:
        %pip install -q git+https://example.org/book@v1.2.0
    """
    if address is None:
        return _MISSING + _STOP
    return f"{_MISSING}    %pip install -q git+{address}@v{version}"


def write_first_cell(notebook: NotebookNode, code: str) -> None:
    """Put code into the first code cell, if it is a hidden one."""
    first = next((cell for _, cell in code_cells(notebook)), None)
    if first is not None and "remove-cell" in tags(first):
        first.source = code
