"""The ledger in HTML: a card for one claim, a table for all."""

import inspect
import re
import textwrap
from html import escape

from attention_lib.book.claims import LEDGER

__all__ = ["Card", "LedgerTable", "card", "ledger"]

SHORT = {
    "true": "true",
    "true with conditions": "conditions",
    "false as stated": "false",
    "contested": "contested",
    "missing": "missing",
}


class Card:
    """One claim: what the essay says, the verdict, what is true, how it is decided."""

    def __init__(self, claim):
        self.claim = claim
        self.figure = claim.decide()

    def __repr__(self):
        """Give the card in plain text."""
        c = self.claim
        said, true = "The essay", "What is true"
        if c.verdict == "missing":
            said, true = "The essay leaves out", "More exactly"
        return (
            f"Claim {c.number} ({c.verdict}; decided by: {self.figure})\n"
            f"{said}: {c.sentence}\n{true}: {c.truth}"
        )

    def _repr_html_(self):
        c = self.claim
        source = escape(textwrap.dedent(inspect.getsource(c.decide)).rstrip())
        name = f"Claim {c.number} of the essay"
        if c.verdict == "missing":
            name = f"{c.number}, which the essay leaves out"
        return (
            '<div class="claim-card">\n'
            f'<p class="claim-head"><span class="claim-number">{name}</span> '
            f"{_badge(c)}</p>\n"
            f'<p class="claim-sentence">{escape(c.sentence)}</p>\n'
            f'<p class="claim-truth">{escape(c.truth)}</p>\n'
            '<details class="claim-link"><summary>The code that decides it: '
            f"{escape(str(self.figure))}</summary>\n"
            f'<pre tabindex="0"><code>{source}</code></pre>\n</details>\n</div>'
        )


class LedgerTable:
    """Every claim of the ledger, with its verdict and the figure that decides it."""

    def __init__(self, claims, folder=""):
        self.rows = [(c, c.decide()) for c in claims]
        self.folder = folder

    def __repr__(self):
        """Give the table in plain text."""
        lines = [f"{c.number:>3}  {c.verdict:20}  {figure}" for c, figure in self.rows]
        return "\n".join(lines)

    def _repr_html_(self):
        head = "".join(
            f'<th scope="col">{name}</th>'
            for name in ("No.", "Claim", "Verdict", "Figure", "Where")
        )
        rows = "\n".join(self._row(c, figure) for c, figure in self.rows)
        return (
            f'<table class="ledger">\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody>\n</table>"
        )

    def _row(self, c, figure):
        chapter, heading = c.where.split("#")
        anchor = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
        place = f"{self.folder}{chapter}.html#{anchor}"
        number = chapter.partition("_")[0].lstrip("0")
        return (
            f'<tr><th scope="row">{c.number}</th>'
            f'<td data-label="Claim">{escape(c.sentence)}'
            f'<br><span class="ledger-truth">{escape(c.truth)}</span></td>'
            f'<td data-label="Verdict">{_badge(c)}</td>'
            f'<td data-label="Figure" class="figure">{escape(str(figure))}</td>'
            f'<td data-label="Where">Chapter {number}: '
            f'<a href="{place}">{escape(heading)}</a></td></tr>'
        )


def card(number):
    """Give the card of a claim, by its number."""
    found = {c.number: c for c in LEDGER}
    if number not in found:
        raise KeyError(f"no claim {number!r}; decided are {', '.join(found)}")
    return Card(found[number])


def ledger():
    """Give the table of all claims."""
    return LedgerTable(LEDGER)


def _badge(c):
    return f'<span class="verdict verdict-{SHORT[c.verdict]}">{c.verdict}</span>'
