"""The one form in which a notebook is saved, so that a diff shows what changed.

Kept of a cell's metadata are its tags and what MyST-NB reads. Editors' settings,
versions, timings and the programs that drew the pictures are left out.
"""

import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.notebooks.outputs import merged_streams
from tools.notebooks.pictures import without_metadata

METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
_CELL_METADATA = ("tags", "mystnb")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read(path: Path) -> NotebookNode:
    """Return a notebook as it is on disk, of format 4.5."""
    notebook = nbformat.from_dict(_json(path.read_text(encoding="utf-8")))
    if notebook.get("nbformat") != 4:
        raise ValueError(f"{path.name}: expected a notebook of format 4")
    # nbformat would deal out ids by chance; `in_plain_form` numbers them instead.
    notebook.nbformat_minor = 5
    for cell, identifier in zip(notebook.cells, _ids(notebook), strict=True):
        cell.id = identifier
    return nbformat.reads(_dump(notebook), as_version=4)


def in_plain_form(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook with only what belongs in a saved chapter."""
    cells = []
    for cell, identifier in zip(notebook.cells, _ids(notebook), strict=True):
        plain = {
            "cell_type": cell.cell_type,
            "id": identifier,
            "metadata": {
                key: cell.metadata[key]
                for key in _CELL_METADATA
                if cell.metadata.get(key)
            },
            "source": cell.source,
        }
        if cell.get("attachments"):
            plain["attachments"] = cell.attachments
        if cell.cell_type == "code":
            plain["execution_count"] = cell.execution_count
            plain["outputs"] = [_output(each) for each in merged_streams(cell.outputs)]
        cells.append(plain)
    return nbformat.from_dict(
        {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    )


def to_text(notebook: NotebookNode) -> str:
    """Return the text of the file in which a notebook is saved."""
    plain = in_plain_form(notebook)
    nbformat.validate(plain)
    return _dump(plain)


def is_saved_plainly(path: Path) -> bool:
    """Say whether a file is, byte for byte, what `to_text` would write."""
    return path.read_bytes() == to_text(read(path)).encode("utf-8")


def _ids(notebook: NotebookNode) -> list[str]:
    """Return an id for each cell: its own, or one from its place."""
    ids: list[str] = []
    own = [cell.get("id") for cell in notebook.cells]
    for place, identifier in enumerate(own, start=1):
        if not _ID.fullmatch(identifier or "") or identifier in ids:
            identifier = f"cell-{place:02d}"
            while identifier in ids or identifier in own:
                identifier += "-new"
        ids.append(identifier)
    return ids


def _output(output: NotebookNode) -> dict:
    plain = {key: output[key] for key in output if key != "transient"}
    if "image/png" in plain.get("data", {}):
        png = without_metadata(plain["data"]["image/png"])
        plain["data"] = {**plain["data"], "image/png": png}
    return plain


def _json(text: str) -> dict:
    return json.loads(text)


def _dump(notebook: NotebookNode) -> str:
    return nbformat.v4.writes(notebook) + "\n"
