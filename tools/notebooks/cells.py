"""Cells of a notebook: pick them out, name them in a message, read what they print."""

import html
import re
from collections.abc import Iterator

from nbformat import NotebookNode

_FOLDED = {"hide-input", "hide-cell", "remove-cell", "remove-input"}
_TAG = re.compile(
    r"""</?[A-Za-z][\w-]*(?:\s+[\w:-]+(?:=(?:"[^"]*"|'[^']*'|[\w.%-]+))?)*\s*/?>"""
)


def where(index: int, cell: NotebookNode) -> str:
    """Name a cell: its place among all cells, from 1, and its first line."""
    lines = cell.source.strip().splitlines() or [""]
    first = lines[0] if len(lines[0]) <= 48 else lines[0][:45] + "..."
    return f"cell {index + 1} ({first!r})"


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Yield the code cells with their places among all cells."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            yield index, cell


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", []))


def is_shown(cell: NotebookNode) -> bool:
    """Tell whether a page shows a cell's code: it is not folded, and not left out."""
    return not tags(cell) & _FOLDED


def pictures(cell: NotebookNode) -> list[NotebookNode]:
    """Return the outputs of a cell that are pictures."""
    return [
        output
        for output in cell.get("outputs", [])
        if any(mime.startswith("image/") for mime in output.get("data", {}))
    ]


def pngs(cell: NotebookNode) -> list[str]:
    """Return the pictures of a cell that are PNGs, in base64."""
    found = [output.data.get("image/png") for output in pictures(cell)]
    return [png for png in found if png is not None]


def printed_texts(cell: NotebookNode, *, markup: bool = False) -> Iterator[str]:
    """Yield all that a code cell prints, HTML without its tags unless `markup`.

    A picture's stand-in, ``<Figure size 600x320 with 1 Axes>``, is not printed.
    """
    shown = pictures(cell)
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.text
        for mime, text in output.get("data", {}).items():
            if mime == "text/html" and not markup:
                yield without_tags(text)
            elif mime.startswith("text/") and output not in shown:
                yield text


def without_tags(text: str) -> str:
    """Return the words of an HTML text.

    >>> without_tags("<b>0.5</b> &lt; <td class='x'>1")
    ' 0.5  <  1'
    """
    text = re.sub(r"<(style|script)\b.*?</\1>|<!--.*?-->", " ", text, flags=re.DOTALL)
    return html.unescape(_TAG.sub(" ", text))
