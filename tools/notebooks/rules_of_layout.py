"""Rules on the form of a chapter: title, headings, cells, figures.

A rule takes a notebook and returns its complaints, each of which names a cell.
"""

import re

from nbformat import NotebookNode

from tools.notebooks.cells import code_cells, is_shown, pictures, pngs, tags, where
from tools.notebooks.pictures import width
from tools.notebooks.prose import headings

# Wider lines scroll sideways on the page in a window of 1200 pixels.
COLUMNS = 68
LINES = 15
FOLDED_LINES = 40
# Of a picture, 7.2 inches of `book.mplstyle`: at 390 pixels its letters are 8.5 high.
PIXELS = 1080
# Cells whose code interrupts no reader: an assertion, or none on the page.
UNSEEN = {"check", "remove-cell", "remove-input"}


def title_is_a_question(notebook: NotebookNode) -> list[str]:
    """Cell 1 begins with the only title, and the title asks."""
    titles = [
        (index, text)
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
        for depth, text in headings(cell.source)
        if depth == 1
    ]
    if [index for index, _ in titles] != [0]:
        places = ", ".join(str(index + 1) for index, _ in titles) or "no cell"
        return [f"the one title ('# ...') belongs in cell 1; found in {places}"]
    first = re.sub(r"^\([\w-]+\)=\s*", "", notebook.cells[0].source)
    if not first.startswith("# "):
        return ["cell 1 does not begin with the title"]
    title = titles[0][1]
    return [] if title.endswith("?") else [f"the title does not ask: {title!r}"]


def headings_are_shallow(notebook: NotebookNode) -> list[str]:
    """No heading is deeper than ``###``, and none skips a level."""
    complaints = []
    above = 0
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        for depth, text in headings(cell.source):
            if depth > 3:
                complaints.append(f"cell {index + 1}: {text!r} is deeper than '###'")
            elif depth > above + 1:
                complaints.append(f"cell {index + 1}: {text!r} skips a level")
            above = depth
    return complaints


def cells_are_short(notebook: NotebookNode) -> list[str]:
    """Code fits the page: few lines, none wider than the page shows."""
    complaints = []
    for index, cell in code_cells(notebook):
        allowed = LINES if is_shown(cell) else FOLDED_LINES
        lines = cell.source.splitlines()
        if len(lines) > allowed:
            complaints.append(
                f"{where(index, cell)} has {len(lines)} lines; at most {allowed}"
            )
        complaints += [
            f"{where(index, cell)}, line {number} has {len(line)} columns; "
            f"at most {COLUMNS}"
            for number, line in enumerate(lines, start=1)
            if len(line) > COLUMNS and "remove-cell" not in tags(cell)
        ]
    return complaints


def sentences_stand_between_cells(notebook: NotebookNode) -> list[str]:
    """Two code cells have a sentence between them; `UNSEEN` cells do not count."""
    complaints = []
    waiting = False
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            lines = cell.source.splitlines()
            if any(line.strip() and not line.startswith("#") for line in lines):
                waiting = False
        elif cell.cell_type == "code" and not tags(cell) & UNSEEN:
            if waiting:
                complaints.append(
                    f"{where(index, cell)} follows another code cell; "
                    "say between them what we saw, or ask what will come"
                )
            waiting = True
    return complaints


def figures_have_words(notebook: NotebookNode) -> list[str]:
    """Pictures have a text for who cannot see them, a caption and their own name."""
    complaints = []
    names = set()
    for index, cell in code_cells(notebook):
        shown = pictures(cell)
        if not shown:
            continue
        if len(shown) > 1:
            complaints.append(
                f"{where(index, cell)} shows {len(shown)} pictures, not 1"
            )
        metadata = cell.metadata.get("mystnb", {})
        alt = metadata.get("image", {}).get("alt", "")
        figure = metadata.get("figure", {})
        caption, name = figure.get("caption", ""), figure.get("name", "")
        if not _is_sentence(alt):
            complaints.append(
                f"{where(index, cell)}: mystnb.image.alt is {alt!r}; "
                "say in a sentence what is plotted and what one sees"
            )
        if not _is_sentence(caption):
            complaints.append(
                f"{where(index, cell)}: mystnb.figure.caption is {caption!r}; "
                "say in a sentence what to conclude"
            )
        if not re.fullmatch(r"fig-[a-z0-9-]+", name) or name in names:
            complaints.append(
                f"{where(index, cell)}: mystnb.figure.name is {name!r}; "
                "it must be like fig-temperature, and the page's only one"
            )
        names.add(name)
    return complaints


def pictures_fit_a_phone(notebook: NotebookNode) -> list[str]:
    """No picture is so wide that its letters are too small in a phone's column."""
    complaints = []
    for index, cell in code_cells(notebook):
        for png in pngs(cell):
            wide = width(png)
            if wide > PIXELS:
                complaints.append(
                    f"{where(index, cell)} draws a picture of {wide} pixels; at most "
                    f"{PIXELS}: let its panels stand one above the other"
                )
    return complaints


def _is_sentence(text: str) -> bool:
    return len(text.split()) >= 5 and text.rstrip().endswith((".", "?", "!"))
