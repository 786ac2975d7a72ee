"""The shape of the source: small files, and imports in one direction."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "attention_lib").rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]
LONGEST = 249
OUTSIDE_THE_BOOK = [n for n in NAMES if not n.startswith("attention_lib/book/")]


def lines_of_code(name):
    """Return how many lines a file has, docstrings not counted."""
    text = (ROOT / name).read_text("utf-8")
    count = len(text.splitlines())
    for node in ast.walk(ast.parse(text)):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef
        if isinstance(node, documented) and ast.get_docstring(node):
            count -= node.body[0].end_lineno - node.body[0].lineno + 1
    return count


def imported(name):
    """Return every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_in_one_sitting(name):
    assert lines_of_code(name) <= LONGEST


@pytest.mark.parametrize("name", NAMES)
def test_imports_are_absolute(name):
    nodes = ast.walk(ast.parse((ROOT / name).read_text("utf-8")))
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in nodes)


@pytest.mark.parametrize("name", OUTSIDE_THE_BOOK)
def test_the_library_needs_neither_the_book_nor_its_figures(name):
    for module in imported(name):
        assert module.partition(".")[0] != "matplotlib"
        assert not f"{module}.".startswith("attention_lib.book.")
