"""Rules on the exercises of a chapter, which decide what students can be given.

A rule takes a notebook and returns its complaints, each of which names an exercise.
"""

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

from tools.notebooks.cells import code_cells
from tools.notebooks.exercises import IN_WORDS, Exercise, bound_names, exercises


def exercises_have_solutions(notebook: NotebookNode) -> list[str]:
    """Straight below an exercise stands its solution, then its check, and no more."""
    complaints = []
    for each in exercises(notebook):
        wanted = ["solution"] if each.is_in_words else ["solution", "check"]
        if each.form != wanted:
            complaints.append(
                f"{_name(each)} is followed by {_listed(each.form)}, not by "
                f"{_listed(wanted)}: a solution is tagged hide-cell, a check is tagged "
                f"check, and only an exercise that ends with {IN_WORDS} has none"
            )
    return complaints


def checks_decide(notebook: NotebookNode) -> list[str]:
    """Each check asserts, of names that the page has from the solution alone."""
    complaints = []
    for each in exercises(notebook):
        if each.form != ["solution", "check"]:
            continue
        if _asserts(each.code("solution")):
            complaints.append(f"{_name(each)}: what its solution asserts is a check's")
        if not _asserts(each.code("check")):
            complaints.append(f"{_name(each)}: its check asserts nothing")
        if not each.to_define():
            complaints.append(f"{_name(each)}: its check uses nothing of the solution")
        known = {*_bound_before(notebook, min(each.cells))}
        complaints += [
            f"{_name(each)}: its check uses {name}, which the page has already; "
            "without the solution it would use the old one"
            for name in each.to_define()
            if name in known
        ]
    return complaints


def _name(exercise: Exercise) -> str:
    return f"cell {exercise.place + 1}: {exercise.heading!r}"


def _listed(parts: list[str]) -> str:
    return " and ".join(parts) or "no cell"


def _asserts(code: str) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code)))


def _bound_before(notebook: NotebookNode, place: int) -> Iterator[str]:
    for index, cell in code_cells(notebook):
        if index < place:
            yield from bound_names(cell.source)
