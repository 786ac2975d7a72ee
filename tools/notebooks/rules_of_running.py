"""Rules on saved outputs: all was run, in order, and the same on every machine.

A rule takes a notebook and returns its complaints, each of which names a cell.
"""

import re

from nbformat import NotebookNode
from nbval.plugin import find_comment_markers, find_metadata_tags

from tools.notebooks.cells import code_cells, printed_texts, tags, where

# Every tag that means something here; a mistyped one would silently do nothing.
KNOWN_TAGS = {
    "check",  # an assertion; the site prints "Check" above it
    "hide-input",  # the set-up, or a long figure cell: folded, its output shown
    "hide-cell",  # an exercise's solution: folded
    "remove-cell",  # runs, and is not on the page
    "remove-input",  # only its output is on the page
    "last-digit",  # noisy float32: its last printed digit may differ
    "recorded",  # shows a measurement that was recorded elsewhere, with its date
    "full-width",  # reaches into the margin
}

_PATH = re.compile(
    r"""
    (?<![\w.:/<)\]])/(?:[\w.+-]+/)+[\w.+-]*    # /home/someone/project
    | (?<!\w)[A-Z]:\\\w+\\                     # C:\Users\someone
    | /tmp\b | site-packages | ipykernel_\d+ | <ipython-input
    """,
    re.VERBOSE,
)
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]+|\b0x[0-9a-f]{9,}", re.IGNORECASE)
_DATE = re.compile(r"\b(?:19|20)\d\d-\d\d-\d\d\b")
_TIME = re.compile(
    r"""
    \b\d{1,2}:\d\d:\d\d\b | \b[0-2]\d:[0-5]\d\b      # 12:04:31, 09:30
    | \bWall\ time\b | \bCPU\ times\b
    | \d\ ?(?:ns|[uµμ]s|ms)\b | \d\.\d+\ ?s(?:ec(?:onds?)?)?\b
    """,
    re.VERBOSE,
)


def every_cell_was_run_in_order(notebook: NotebookNode) -> list[str]:
    """Cells carry the counts 1, 2, ..., n of one run from top to bottom."""
    complaints = []
    for expected, (index, cell) in enumerate(code_cells(notebook), start=1):
        count = cell.execution_count
        if not cell.source.strip():
            complaints.append(f"{where(index, cell)} is empty; remove it")
        elif count is None:
            complaints.append(f"{where(index, cell)} was not run; `make run` runs it")
        elif count != expected:
            complaints.append(
                f"{where(index, cell)} was run as number {count}, not {expected}; "
                "`make run` runs all cells from top to bottom"
            )
        for output in cell.outputs:
            if output.get("execution_count", count) != count:
                complaints.append(
                    f"{where(index, cell)} shows the result of run number "
                    f"{output.execution_count}, and was run as number {count}"
                )
    return complaints


def no_output_is_an_error_or_a_warning(notebook: NotebookNode) -> list[str]:
    """No cell fails, and nothing is written to the error stream."""
    complaints = []
    for index, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                said = f"{output.ename}: {output.evalue}"
                complaints.append(f"{where(index, cell)} fails with {said}")
            elif output.get("name") == "stderr":
                said = output.text.strip()
                complaints.append(f"{where(index, cell)} warns: {said}")
    return complaints


def no_output_names_this_machine(notebook: NotebookNode) -> list[str]:
    """No output holds a path, an address of an object, a date or a time.

    A cell tagged ``recorded`` may show the date and the times of a result that
    it reads.
    """
    complaints = []
    for index, cell in code_cells(notebook):
        refused = {"path": _PATH, "address": _ADDRESS}
        if "recorded" not in tags(cell):
            refused |= {"date": _DATE, "time": _TIME}
        for text in printed_texts(cell, markup=True):
            for what, pattern in refused.items():
                if found := pattern.search(text):
                    complaints.append(
                        f"{where(index, cell)} prints a {what} of this machine: "
                        f"{found.group()}"
                    )
    return complaints


def no_cell_is_exempt(notebook: NotebookNode) -> list[str]:
    """Everything is checked: no raw cell, no pasted picture, no tag to look away."""
    complaints = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "raw":
            complaints.append(f"{where(index, cell)} is raw: nothing reads or runs it")
        if cell.get("attachments"):
            complaints.append(
                f"{where(index, cell)} holds a picture that no cell draws"
            )
    for index, cell in code_cells(notebook):
        unknown = sorted(tags(cell) - KNOWN_TAGS)
        if unknown:
            complaints.append(
                f"{where(index, cell)} is tagged {', '.join(unknown)}; "
                f"known are {', '.join(sorted(KNOWN_TAGS))}"
            )
        options = [*find_metadata_tags(cell.metadata)]
        options += find_comment_markers(cell.source)
        if options:
            complaints.append(
                f"{where(index, cell)} asks nbval to treat it differently; "
                "every cell is run and compared"
            )
    return complaints
