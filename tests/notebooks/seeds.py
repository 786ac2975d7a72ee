"""Changes that must not pass: how one is made and where it is listed.

A seed changes a notebook in place, and says which rule refuses it; `COMPARISON`
where it is a fresh run that tells. It raises `NotHere` where a chapter has nothing
of the kind to change.
"""

import base64
import copy
import io
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from PIL import Image

from tools.notebooks.cells import code_cells, pictures

COMPARISON = "comparison"
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+")


class NotHere(Exception):
    """The chapter has nothing to which this change could be made."""


class Seed(NamedTuple):
    """A change, and the rule that refuses it."""

    change: Callable[[NotebookNode], None]
    refused_by: str

    def __str__(self):
        return self.change.__name__.replace("_", " ")

    def spoil(self, notebook):
        """Return a changed copy; raise NotHere where there is nothing to change."""
        spoilt = copy.deepcopy(notebook)
        self.change(spoilt)
        return spoilt


SEEDS: list[Seed] = []


def refused_by(rule):
    def register(change):
        SEEDS.append(Seed(change, rule))
        return change

    return register


def cells(notebook):
    return [cell for _, cell in code_cells(notebook)]


def first(items):
    for item in items:
        return item
    raise NotHere


def first_output(notebook, mime):
    return first(
        output.data
        for cell in cells(notebook)
        for output in cell.outputs
        if mime in output.get("data", {}) and output not in pictures(cell)
    )


def first_picture(notebook):
    return first(p.data for cell in cells(notebook) for p in pictures(cell))


def another_number(text):
    """Change the first decimal by one unit in its second digit that is not zero."""

    def change(match):
        digits = match.group()
        place = [i for i, c in enumerate(digits) if c.isdigit()][-1]
        significant = [i for i, c in enumerate(digits) if c in "123456789"]
        place = significant[min(1, len(significant) - 1)] if significant else place
        return digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]

    changed, count = DECIMAL.subn(change, text, count=1)
    if not count:
        raise NotHere
    return changed


def encode(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def add_words(notebook, text):
    notebook.cells.append(new_markdown_cell(text))


def printing_cell(notebook):
    return first(c for c in cells(notebook) if c.outputs and not pictures(c))
