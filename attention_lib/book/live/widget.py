"""One live figure: what carries it into a page or a notebook."""

import json
import math
from html import escape

from attention_lib.book.live.script import script
from attention_lib.book.tables import table

__all__ = ["Widget", "shown", "still"]

STILL = "Where its script runs, this figure can be changed."


class Widget:
    """A figure that answers, with a question to predict before it is touched.

    Parameters
    ----------
    kind : str
        The name of its file among the kinds.
    caption : str
        What to conclude.
    question : str
        What to predict.
    fallback : str
        HTML for where no script runs: the numbers at the start, from `still`.
    **state
        What the script starts from: numbers, texts, and lists of them.
    """

    def __init__(self, kind, caption, question, fallback, **state):
        self.kind, self.caption, self.question = kind, caption, question
        self.fallback, self.state = fallback, state

    def __repr__(self):
        """Give the question, for where no HTML is shown."""
        return f"A live figure. {self.question}"

    def _repr_html_(self):
        state = escape(json.dumps(self.state, ensure_ascii=False, allow_nan=False))
        return (
            f'<figure class="aw" data-aw="{self.kind}" data-state="{state}">\n'
            f'<p class="aw-question">{escape(self.question)}</p>\n'
            f'<div class="aw-body">\n{self.fallback}<p class="aw-still">{STILL}</p>\n'
            f"</div>\n<figcaption>{escape(self.caption)}</figcaption>\n</figure>\n"
            f"<script>{script()}</script>"
        )


def still(caption, columns, rows):
    """Give a table of numbers that stand still, in the form of the live one.

    Parameters
    ----------
    caption : str
        What it shows.
    columns : sequence of str
        Names; the first is of the rows' names.
    rows : iterable of sequence of str
        A name and cells.

    Returns
    -------
    str
        HTML.
    """
    named = (
        (name, [f"<td>{escape(cell)}</td>" for cell in cells]) for name, *cells in rows
    )
    return table("aw-table", columns[0], columns[1:], named, caption=caption)


def shown(number, digits=2):
    """Write a number as the script does: a true minus, and a dash for none.

    Examples
    --------
    >>> shown(-0.5), shown(-0.001), shown(math.nan)
    ('−0.50', '0.00', '–')
    """
    if not math.isfinite(number):
        return "–"
    text = f"{abs(number):.{digits}f}"
    return f"−{text}" if number < 0 and float(text) else text
