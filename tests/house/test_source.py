"""The shape of the source: small files, and imports in one direction."""

import ast
import functools
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "attention_lib").rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]
LONGEST, LONGEST_IN_ALL = 249, 350
OUTSIDE_THE_BOOK = [n for n in NAMES if not n.startswith("attention_lib/book/")]


@functools.cache
def nodes_of(name):
    """Return all nodes of a file's tree."""
    return list(ast.walk(ast.parse((ROOT / name).read_text("utf-8"))))


def lines_of_code(name):
    """Return how many lines a file has, docstrings not counted."""
    count = len((ROOT / name).read_text("utf-8").splitlines())
    for node in nodes_of(name):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef
        if isinstance(node, documented) and ast.get_docstring(node):
            count -= node.body[0].end_lineno - node.body[0].lineno + 1
    return count


def imported(name):
    """Return every module that a file imports, also inside functions."""
    for node in nodes_of(name):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_in_one_sitting(name):
    assert lines_of_code(name) <= LONGEST
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= LONGEST_IN_ALL


@pytest.mark.parametrize("name", NAMES)
def test_imports_are_absolute(name):
    froms = [node for node in nodes_of(name) if isinstance(node, ast.ImportFrom)]
    assert not any(node.level for node in froms)


@pytest.mark.parametrize("name", OUTSIDE_THE_BOOK)
def test_the_library_needs_neither_the_book_nor_its_figures(name):
    for module in imported(name):
        assert module.partition(".")[0] != "matplotlib"
        assert not f"{module}.".startswith("attention_lib.book.")


def modules():
    """Map each module of the library to the modules of it that it imports."""
    places = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name
        for name in NAMES
    }
    return {
        module: (set(taken_from(name, places)) & set(places)) - {module}
        for module, name in places.items()
    }


def taken_from(name, places):
    """Give what a file imports: of a package, the module in it that is named."""
    for node in nodes_of(name):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in places else node.module


def test_no_imports_run_in_a_circle():
    graph = modules()
    assert sum(map(len, graph.values())) > 100
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert order.index("attention_lib._dispatch") < order.index("attention_lib.fold")
