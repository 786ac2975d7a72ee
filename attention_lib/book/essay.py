"""The essay, piece by piece: what the book quotes of it, and what it only retells.

`essay.toml` holds the pieces. `essay_digests.json` holds, for each piece of the essay
itself, what it is and the digest of its Chinese characters; ``tools/essay_digests.py``
made it, once, from the essay, which is not in this repository.
"""

import functools
import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DIGESTS", "KINDS", "Piece", "chinese", "digest", "pieces", "quotation"]

PIECES = Path(__file__).with_suffix(".toml")
DIGESTS = Path(__file__).with_name("essay_digests.json")
KINDS = ("heading", "framing", "claim", "repeats")


@dataclass(frozen=True)
class Piece:
    """A heading of the essay, a sentence of it, or a part of one.

    Attributes
    ----------
    kind : str
        ``"heading"``; ``"framing"``, which leads to claims and makes none;
        ``"claim"``, which makes one; or ``"repeats"``, which makes one again.
    number : str or None
        The claim that it makes or repeats, as in the ledger.
    chinese : str or None
        The essay's own words, where it makes or repeats a claim.
    english : str or None
        The same in our English. None for a claim that the ledger decides, which has
        it there.
    """

    kind: str
    number: str | None = None
    chinese: str | None = None
    english: str | None = None

    @property
    def name(self):
        """What it is, in words: ``"framing"``, ``"claim 7"``, ``"repeats 7"``."""
        return f"{self.kind} {self.number}" if self.number else self.kind


@functools.cache
def pieces():
    """Give the pieces of the essay, in its order."""
    listed = tomllib.loads(PIECES.read_text("utf-8"))["piece"]
    return tuple(_piece(**entry) for entry in listed)


def quotation(number):
    """Give the Chinese in which the essay makes a claim.

    Parameters
    ----------
    number : str
        The claim's number in the ledger.

    Returns
    -------
    str or None
        None for what the essay leaves out.
    """
    return _quotations().get(number)


def chinese(text):
    """Give the Chinese characters of a text, and nothing else.

    Examples
    --------
    >>> chinese("s 的 Softmax")
    '的'
    """
    return "".join(re.findall("[\u4e00-\u9fff]", text))


def digest(text):
    """Give the SHA-256 of the Chinese characters of a text, in hexadecimal."""
    return hashlib.sha256(chinese(text).encode("utf-8")).hexdigest()


@functools.cache
def _quotations():
    return {p.number: p.chinese for p in pieces() if p.kind == "claim"}


def _piece(chinese=None, english=None, **kind):
    """Read one entry, whose kind names its number, or holds its English."""
    ((kind, value),) = kind.items()
    if kind in ("claim", "repeats"):
        return Piece(kind, str(value), chinese, english)
    return Piece(kind, english=value)
