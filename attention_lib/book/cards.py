"""The ledger in HTML: a card for one claim, a table for all."""

import inspect
import re
import textwrap
from collections import Counter
from html import escape

from attention_lib.book.chapters import chapter_number
from attention_lib.book.claims import LEDGER, VERDICTS
from attention_lib.book.essay import quotation

__all__ = ["Card", "LedgerTable", "badge", "card", "ledger", "place_of"]

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
        quoted = quotation(c.number)
        return (
            f"Claim {c.number} ({c.verdict}; decided by: {self.figure})\n"
            f"{said}: {c.sentence}{f' ({quoted})' if quoted else ''}\n"
            f"{true}: {c.truth}"
        )

    def _repr_html_(self):
        c = self.claim
        name = f"Claim {c.number} of the essay"
        if c.verdict == "missing":
            name = f"{c.number}, which the essay leaves out"
        return (
            f'<div class="claim-card" id="{_anchor(c)}">\n'
            f'<p class="claim-head"><span class="claim-number">{name}</span> '
            f"{badge(c)}</p>\n"
            f'<p class="claim-sentence">{_said(c)}</p>\n'
            f'<p class="claim-truth">{escape(c.truth)}</p>\n'
            '<details class="claim-link"><summary>The code that decides it: '
            f"{escape(str(self.figure))}</summary>\n"
            f'<pre tabindex="0"><code>{escape(_code(c))}</code></pre>\n'
            f"{_stays(c)}</details>\n</div>"
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
            f"{_choices(c for c, _ in self.rows)}\n"
            f'<table class="ledger">\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody>\n</table>"
        )

    def _row(self, c, figure):
        places = "; more in ".join(map(self._link, filter(None, (c.where, c.more))))
        return (
            f'<tr data-verdict="{SHORT[c.verdict]}"><th scope="row">{c.number}</th>'
            f'<td data-label="Claim">{_said(c)}'
            f'<br><span class="ledger-truth">{escape(c.truth)}</span></td>'
            f'<td data-label="Verdict">{badge(c)}</td>'
            f'<td data-label="Figure" class="figure">{escape(str(figure))}</td>'
            f'<td data-label="Where">{places}</td></tr>'
        )

    def _link(self, where):
        chapter, heading = where.split("#")
        anchor = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
        return (
            f'<a href="{self.folder}{chapter}.html#{anchor}">'
            f"Chapter {chapter_number(chapter)}: {escape(heading)}</a>"
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


def badge(claim):
    """Give the verdict on a claim, in words."""
    kind = SHORT[claim.verdict]
    return f'<span class="verdict verdict-{kind}">{claim.verdict}</span>'


def place_of(claim):
    """Give the chapter that holds a claim's card, and the card's anchor there."""
    return claim.where.partition("#")[0], _anchor(claim)


def _anchor(claim):
    return f"claim-{claim.number}"


def _said(claim):
    """Give the sentence in our English, and in the essay's own words if it has any."""
    words = quotation(claim.number)
    if words is None:
        return escape(claim.sentence)
    return (
        f"{escape(claim.sentence)}"
        f'<br><span class="essay-words" lang="zh-CN">{escape(words)}</span>'
    )


def _code(claim):
    """Give the code of a claim's cases, of what else it names, and of its reading."""
    named = (claim.condition, claim.inside, claim.outside, claim.over, claim.against)
    named += (claim.instead, claim.one, claim.other, claim.besides, claim.says)
    functions = dict.fromkeys(part for part in named if callable(part))
    texts = [textwrap.dedent(inspect.getsource(part)).rstrip() for part in functions]
    return "\n\n\n".join(texts)


def _stays(claim):
    """Say what else the sentence is true of, and why, each reason once."""
    others = {}
    for impostor, reason in claim.stays.items():
        others.setdefault(reason, []).append(impostor)
    if not others:
        return ""
    listed = "; ".join(f"{', '.join(of)} ({reason})" for reason, of in others.items())
    return (
        '<p class="claim-stays">The sentence would also be true with, in the place of '
        f"attention: {escape(listed)}.</p>\n"
    )


def _choices(claims):
    """Offer one verdict at a time: `components.css` hides the rows of the others."""
    counts = Counter(claim.verdict for claim in claims)
    offered = [("all", "all", counts.total())]
    offered += [(SHORT[v], v, counts[v]) for v in VERDICTS if counts[v]]
    labels = "\n".join(
        f'<label><input type="radio" name="ledger-choice" value="{value}"'
        f"{' checked' if value == 'all' else ''}> {words} ({count})</label>"
        for value, words, count in offered
    )
    # Hidden where that sheet is missing, as in JupyterLab: it would do nothing there.
    return (
        '<fieldset class="ledger-choice" hidden><legend>Show</legend>\n'
        f"{labels}\n</fieldset>"
    )
