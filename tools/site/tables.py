"""Directives for the API page: tables made from the library while the page is built."""

import importlib
import inspect
import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

__all__ = ["documented", "setup"]

WEIGHTINGS = (
    "weighting",
    "formula",
    "kind",
    "sums to one",
    "exact zeros",
    "state of a row",
    "learned",
)
SUPPORT = (
    "weighting",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "autocast",
    "vmap",
    "compile",
    "breaks",
)


class Registered(SphinxDirective):
    """An entry for the class, row function or definition of each weighting."""

    required_arguments = 1

    def run(self):
        """Write the entries as reStructuredText and have them read."""
        (what,) = self.arguments
        directive = "autoclass" if what == "classes" else "autofunction"
        lines = [f".. {directive}:: {path}" for path in registered(what)]
        holder = nodes.container()
        self.state.nested_parse(StringList(lines, "weightings"), 0, holder)
        return holder.children


class Table(SphinxDirective):
    """A table with one row for each object, whose first cell is a link."""

    heads: tuple = ()
    label = ""
    style = "reference-table"
    widths = "auto"

    def rows(self):
        """Give the rows, as tuples of text."""
        raise NotImplementedError

    def run(self):
        """Write the table as reStructuredText and have it read."""
        lines = ["", f".. list-table:: {self.label}".rstrip(), "   :header-rows: 1"]
        lines += ["   :stub-columns: 1", f"   :class: {self.style}"]
        lines += [f"   :widths: {self.widths}", ""]
        for row in [self.heads, *self.rows()]:
            for place, text in enumerate(row):
                first, *more = text.split("\n")
                lines.append(f"   {'* -' if place == 0 else '  -'} {first}")
                lines += [line and f"       {line}" for line in more]
        lines.append("")
        holder = nodes.container(classes=["reference-tables"])
        self.state.nested_parse(StringList(lines, "weightings"), 0, holder)
        return holder.children


class NamesOf(Table):
    """What a page of the reference documents, with the first line of each docstring."""

    required_arguments = 1
    heads = ("name", "what it is for")
    style = "reference-table names-table"
    widths = "2 3"

    def rows(self):
        """Read the page for its names, and the objects for their summaries."""
        page = Path(self.env.doc2path(self.arguments[0]))
        self.env.note_dependency(str(page))
        for path in documented(page.read_text("utf-8")):
            module, _, name = path.rpartition(".")
            found = getattr(importlib.import_module(module), name)
            shown = path.removeprefix("attention_lib.")
            yield f":py:obj:`{shown} <{path}>`", first_line(found)


class WeightingTable(Table):
    """What each weighting is, and what it does."""

    heads = WEIGHTINGS
    label = "Every weighting, with its defaults"

    def rows(self):
        """Take the rows from the objects."""
        from attention_lib.book.reference import weighting_rows

        for name, formula, *rest, source in weighting_rows():
            shown = f"``{formula}``" if any(c in formula for c in "^/(") else formula
            yield f"{linked(name)}\n\n{source}".rstrip("\n–"), shown, *rest


class SupportTable(Table):
    """Which dtypes and transforms each weighting takes, in torch."""

    heads = SUPPORT
    label = "What torch may do with them, run on a CPU"

    def rows(self):
        """Take the rows from the saved result."""
        from attention_lib.book.reference import support_rows

        for name, *rest in support_rows():
            yield linked(name), *rest


def documented(text):
    """Give the addresses of what a page documents, in its order."""
    for directive, given in re.findall(
        r"^\.\. (auto(?:function|class)|registered):: (\S+)", text, re.MULTILINE
    ):
        yield from registered(given) if directive == "registered" else [given]


def registered(what):
    """Give the addresses of the weightings' classes, functions or definitions."""
    import attention_lib
    from attention_lib.weightings import REGISTRY

    if what == "classes":
        return [f"attention_lib.{entry.make.__name__}" for entry in REGISTRY]
    names = [entry.name for entry in REGISTRY]
    if what == "definitions":
        return [f"attention_lib.definitions.{name}" for name in names]
    return [f"attention_lib.{name}" for name in names if hasattr(attention_lib, name)]


def first_line(found):
    """Give the summary of an object."""
    return inspect.getdoc(found).partition("\n")[0]


def linked(label):
    """Link the class in a label such as ``ReLU(mean=True)``."""
    name, bracket, arguments = label.partition("(")
    return f"`{name}` ({arguments}" if bracket else f"`{name}`"


def setup(app):
    """Register the directives."""
    app.add_directive("weighting-table", WeightingTable)
    app.add_directive("support-table", SupportTable)
    app.add_directive("names-of", NamesOf)
    app.add_directive("registered", Registered)
