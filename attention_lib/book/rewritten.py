"""The essay's summary, line by line, and beside it what is true."""

from dataclasses import dataclass
from html import escape

from attention_lib.book.cards import badge
from attention_lib.book.claims import LEDGER
from attention_lib.book.essay import pieces

__all__ = ["LINES", "Line", "Rewritten", "rewritten"]

SUMMARY = "6. Summary"  # its heading in the essay


@dataclass(frozen=True)
class Line:
    """A line of the essay's summary, made true.

    Attributes
    ----------
    numbers : tuple of str
        The claims that it makes or repeats.
    english, chinese : str
        What is true instead; these words are the book's.
    """

    numbers: tuple[str, ...]
    english: str
    chinese: str


LINES = (
    Line(
        ("7",),
        "Normalisation: it turns a row of scores into positive shares that sum to one, "
        "over the keys that a mask leaves. A constant added to all scores changes "
        "none.",
        "归一化：它把一行分数变成和为 1 的正份额，在未被掩码遮蔽的键之间分配；"
        "给所有分数加上同一个常数，份额不变。",
    ),
    Line(
        ("13", "14"),
        "Focus: the odds of two keys are e to the power of their difference in score. "
        "A key has at least half of the weight if it leads all n − 1 others by "
        "log(n − 1); the longer the row, the larger this lead, which is always enough.",
        "聚焦性：两个键的权重之比等于 e 的分数差次方。若一个键领先其余 n − 1 个键"
        "至少 log(n − 1)，它就得到不少于一半的权重；行越长，足以保证这一点的领先越大。",
    ),
    Line(
        ("10", "19"),
        "Interpretability: a weight says exactly how much of a value, in this head of "
        "this layer, is mixed in. Maps show faults well. Whether a key decided the "
        "answer takes a trial: change it, and see.",
        "可解释性：权重准确地说明本层的这个头把每个值混入了多少，注意力图也便于发现错误；"
        "但某个键是否决定了答案，要靠改动它来检验。",
    ),
    Line(
        ("33", "34"),
        "Softmax is a good default, and not indispensable. What it ensures is a "
        "budget: one, spent in positive shares in every row, also where nothing is "
        "worth reading. Other maps do better at some other tasks.",
        "Softmax 是不错的默认选择，但并非不可或缺。它保证的是一份预算：每一行都把"
        "总量 1 以正的份额全部分出去，即使没有任何值得关注的键；"
        "在其他一些任务上，其他映射表现更好。",
    ),
)


class Rewritten:
    """The lines, each with the essay's own words and their verdicts."""

    def __init__(self):
        decided = {claim.number: claim for claim in LEDGER}
        self.rows = [
            (line, [(piece, decided[piece.number]) for piece in quoted])
            for line, quoted in zip(LINES, _of_the_summary(), strict=True)
        ]

    def __repr__(self):
        """Give both in plain text."""
        return "\n".join(
            f"{' '.join(p.english or c.sentence for p, c in quoted)}\n"
            f"  ({', '.join(f'{c.number}: {c.verdict}' for _, c in quoted)})\n"
            f"  {line.english}"
            for line, quoted in self.rows
        )

    def _repr_html_(self):
        rows = "\n".join(
            f'<tr><td data-label="Essay">{"".join(map(_quoted, quoted))}</td>'
            f'<td data-label="True"><p>{escape(line.english)}</p>'
            f'<p lang="zh-CN">{escape(line.chinese)}</p></td></tr>'
            for line, quoted in self.rows
        )
        return (
            '<table class="rewritten">\n<thead><tr><th scope="col">The essay'
            '</th><th scope="col">What is true</th></tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody>\n</table>"
        )


def rewritten():
    """Give the essay's summary beside what is true."""
    return Rewritten()


def _of_the_summary():
    """Give the quoted pieces of the essay's last section, by line."""
    listed = [*pieces()]
    start = next(i for i, piece in enumerate(listed) if piece.english == SUMMARY)
    quoted = iter(piece for piece in listed[start:] if piece.chinese)
    return [[next(quoted) for _ in line.numbers] for line in LINES]


def _quoted(pair):
    piece, claim = pair
    return (
        f"<p>{escape(piece.english or claim.sentence)} {badge(claim)}<br>"
        f'<span class="essay-words" lang="zh-CN">{escape(piece.chinese)}</span></p>'
    )
