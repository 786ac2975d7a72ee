"""The table of laws and weightings, filled by running each law's own example."""

import dataclasses
from dataclasses import dataclass
from html import escape

import numpy as np

from attention_lib import weightings
from attention_lib.book import tables
from attention_lib.book.laws import LAWS, Law

__all__ = [
    "WEIGHTINGS",
    "Cell",
    "LawTable",
    "WishList",
    "label",
    "law_table",
    "table",
]

# Every weighting with its defaults, and the two that divide by the number of keys.
WEIGHTINGS = tuple(
    entry.make(**(said.params or {}))
    for entry in weightings.REGISTRY
    for said in entry.laws
)


@dataclass(frozen=True)
class Cell:
    """One law and one weighting.

    Attributes
    ----------
    law : Law
        The law.
    weighting : Weighting
        The weighting.
    holds : bool
        What the law's own example says.
    witness : tuple or None
        The example, where it proves the verdict: it refutes a law said of all scores,
        or shows what can be done for some. None where only a search supports it.
    measured : float
        The law's measure of its example.
    """

    law: Law
    weighting: weightings.Weighting
    holds: bool
    witness: tuple | None
    measured: float

    @property
    def word(self):
        """Give the verdict in a word, and what it needs: the number of keys."""
        if not self.holds:
            return "no"
        told = self.law.name == "streams here" and self.weighting.uses_n
        return "yes, given n" if told else "yes"

    def __str__(self):
        """Give the verdict with its reason."""
        name, verdict = label(self.weighting), self.word
        reason = "no case to the contrary is found"
        if self.witness is not None:
            case = ", ".join(map(str, self.witness))
            reason = f"on {case} the measure is {self.measured:.3g}"
        return f"{name}, {self.law.name}: {verdict}; {reason}"


class LawTable:
    """The cells, a row for each weighting and a column for each law."""

    def __init__(self, cells):
        self.cells = list(cells)
        self.laws = list(dict.fromkeys(cell.law for cell in self.cells))
        self.rows = {}
        for cell in self.cells:
            self.rows.setdefault(label(cell.weighting), []).append(cell)

    def __repr__(self):
        """Give the table in plain text, its columns numbered."""
        width = max(map(len, self.rows), default=0)
        head = [f"{i:>2}  {law.name}" for i, law in enumerate(self.laws, 1)]
        numbers = " ".join(f"{i:>3}" for i in range(1, len(self.laws) + 1))
        lines = [
            f"{name:{width}} " + " ".join("yes" if c.holds else " no" for c in cells)
            for name, cells in self.rows.items()
        ]
        return "\n".join([*head, "", f"{'':{width}} {numbers}", *lines])

    def _repr_html_(self):
        rows = ((name, map(_entry, cells)) for name, cells in self.rows.items())
        columns = [law.name for law in self.laws]
        return tables.table("laws", "weighting", columns, rows) + _said(self.laws)


class WishList:
    """The same the other way round, for few weightings: a row for each law.

    Parameters
    ----------
    chosen : iterable of Weighting
        The columns.
    """

    def __init__(self, chosen):
        self.table = law_table(chosen)

    def __repr__(self):
        """Give the table in plain text."""
        names = list(self.table.rows)
        head = f"{'':22} " + "  ".join(names)
        lines = [
            f"{law.name:22} "
            + "  ".join(
                f"{cells[i].word:>{len(name)}}"
                for name, cells in self.table.rows.items()
            )
            for i, law in enumerate(self.table.laws)
        ]
        return "\n".join([head, *lines])

    def _repr_html_(self):
        rows = (
            (law.name, [_entry(cells[i]) for cells in self.table.rows.values()])
            for i, law in enumerate(self.table.laws)
        )
        shown = tables.table("laws", "wish", self.table.rows, rows)
        return shown + _said(self.table.laws)


def table(chosen=WEIGHTINGS, laws=LAWS):
    """Decide every law for every weighting.

    Parameters
    ----------
    chosen : iterable of Weighting, default `WEIGHTINGS`
        The rows.
    laws : iterable of Law, default `LAWS`
        The columns.

    Returns
    -------
    list of Cell
        One for each pair, row by row.

    Examples
    --------
    >>> from attention_lib import Softmax1
    >>> broken = [cell for cell in table([Softmax1()]) if not cell.holds]
    >>> print(broken[0])
    Softmax1, sums to one: no; on (-1.0, -2.0) the measure is 0.665
    """
    return [_cell(law, weighting) for weighting in chosen for law in laws]


def law_table(chosen=WEIGHTINGS, laws=LAWS):
    """Give the table to show; see `table`."""
    return LawTable(table(chosen, laws))


def label(weighting):
    """Name a weighting, with those parameters that are not its defaults."""
    name = type(weighting).__name__
    if not dataclasses.is_dataclass(weighting):
        return name
    given = [
        f"{field.name}={getattr(weighting, field.name)}"
        for field in dataclasses.fields(weighting)
        if getattr(weighting, field.name) is not field.default
    ]
    return f"{name}({', '.join(given)})" if given else name


def _cell(law, weighting):
    measured = float(law.measure(weighting, np.asarray, *law.case))
    holds = measured <= law.bound
    proves = holds != law.everywhere
    return Cell(law, weighting, holds, law.case if proves else None, measured)


def _said(laws):
    """Spell out the laws, folded."""
    return tables.spelt_out(
        "What each law says", [(law.name, law.statement) for law in laws]
    )


def _entry(cell):
    verdict, mark = ("holds", "✓") if cell.holds else ("breaks", "✗")
    return f'<td class="{verdict}" title="{escape(str(cell))}">{mark} {cell.word}</td>'
