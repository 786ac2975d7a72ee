r"""Numbers inside printed text: find them, and compare two texts by them.

Another processor adds in another order, so the last bits of a float differ.
Two texts are the same when what is not a number is the same, integers are the
same, and floats agree within `FLOAT`, or within `LAST_DIGIT` in a cell that is
tagged ``last-digit``.
"""

import re
from typing import NamedTuple

NUMBER = re.compile(
    r"""
    (?<![\w.])                     # not inside a word: float32, x1, 1.2.3
    [-+\N{MINUS SIGN}]?
    (?:\d+\.?\d*|\.\d+)
    (?:e[-+]?\d+)?
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Tolerance(NamedTuple):
    """How far two floats may lie apart.

    Relative or absolute, whichever is larger. `units` more are granted in the
    last digit printed, but never more than `ceiling` of the number: a float
    printed with two digits has no last digit to give away.
    """

    relative: float
    absolute: float
    units: int = 0
    ceiling: float = 0.0


# float64, whose noise between processors stays far below 1e-6.
FLOAT = Tolerance(relative=1e-6, absolute=1e-12)
# A few float32 sums, whose noise reaches the last digit a format prints.
LAST_DIGIT = Tolerance(relative=1e-4, absolute=1e-12, units=1, ceiling=0.01)


def is_integer(token: str) -> bool:
    """Say whether a number is written as an integer."""
    return token.lstrip("+-\N{MINUS SIGN}").isdigit()


def value(token: str) -> float:
    """Return the number that a token spells."""
    return float(token.replace("\N{MINUS SIGN}", "-"))


def last_place(token: str) -> float:
    """Return the size of one unit in the last digit written.

    >>> last_place("0.659"), last_place("6.59e-02"), last_place("12")
    (0.001, 0.0001, 1.0)
    """
    mantissa, _, exponent = token.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(f"1e{int(exponent or 0) - decimals}")


def numbers_differ(saved: str, fresh: str, tolerance: Tolerance = FLOAT) -> bool:
    """Say whether two written numbers are different numbers."""
    if is_integer(saved) or is_integer(fresh):
        return saved != fresh
    a, b = value(saved), value(fresh)
    size = max(abs(a), abs(b))
    unit = tolerance.units * max(last_place(saved), last_place(fresh))
    allowed = max(
        tolerance.relative * size,
        tolerance.absolute,
        min(unit, tolerance.ceiling * size),
    )
    # The gap between two decimals is itself rounded: 0.0003 - 0.0002 > 0.0001.
    return abs(a - b) > allowed * (1 + 1e-9)


def compare_texts(saved: str, fresh: str, tolerance: Tolerance = FLOAT) -> str | None:
    """Return what differs between two printed texts, or None.

    >>> compare_texts("sum 0.30000000000000004", "sum 0.3")
    >>> compare_texts("sum 0.3 of 3 keys", "sum 0.4 of 3 keys")
    'saved 0.3, now 0.4'
    """
    if saved == fresh:
        return None
    old, new = NUMBER.findall(saved), NUMBER.findall(fresh)
    # NumPy pads the numbers of an array to one width, so padding follows noise.
    if _without_padding(NUMBER.split(saved)) != _without_padding(NUMBER.split(fresh)):
        return _first_difference(saved, fresh)
    for a, b in zip(old, new, strict=True):
        if numbers_differ(a, b, tolerance):
            return f"saved {a}, now {b}"
    if all(value(a) == value(b) != 0 or a == b for a, b in zip(old, new, strict=True)):
        # Noise changes a value: the same values in another text are another format.
        return _first_difference(saved, fresh)
    return None


def _without_padding(words: list[str]) -> list[str]:
    inner = (re.sub(r"\s+(?=[\]),])|(?<=[\[(])\s+", "", word) for word in words)
    return [re.sub(r"\s+", " ", word) for word in inner]


def _first_difference(saved: str, fresh: str) -> str:
    old, new = saved.splitlines() or [""], fresh.splitlines() or [""]
    for a, b in zip(old, new, strict=False):
        if a != b:
            return f"saved {a!r}, now {b!r}"
    return f"saved {len(old)} lines, now {len(new)}"
