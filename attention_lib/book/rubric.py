"""How to read a verdict, in HTML: what each one means, and what it follows from."""

from dataclasses import dataclass
from html import escape

from attention_lib.book.cards import badge
from attention_lib.book.claims.verdicts import RUBRIC

__all__ = ["Row", "Rubric", "rubric"]


@dataclass(frozen=True)
class Row:
    """What one verdict means, and which fields of a claim it follows from."""

    verdict: str
    means: str
    fields: tuple[str, ...]


ROWS = (
    *(Row(rule.verdict, rule.means, rule.fields) for rule in RUBRIC),
    Row(
        "missing",
        "The essay leaves it out, and its argument needs it. It is decided as what is "
        "true, or true with conditions.",
        (),
    ),
)


class Rubric:
    """All verdicts, in the order of the book."""

    def __repr__(self):
        """Give the rubric in plain text."""
        return "\n".join(f"{row.verdict}: {row.means}" for row in ROWS)

    def _repr_html_(self):
        rows = "\n".join(
            f"<dt>{badge(row)}</dt>\n<dd>{escape(row.means)}{_fields(row)}</dd>"
            for row in ROWS
        )
        return f'<dl class="rubric">\n{rows}\n</dl>'


def rubric():
    """Give what each verdict means."""
    return Rubric()


def _fields(row):
    if not row.fields:
        return ""
    names = ", ".join(f"<code>{name}</code>" for name in row.fields)
    return f' <span class="rubric-fields">From {names}.</span>'
