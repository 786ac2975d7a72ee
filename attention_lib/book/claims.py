"""The essay, claim by claim, executable.

Each function decides one claim: it calls the library, raises `AssertionError` where
the verdict does not hold, and returns the figure that settles it. `LEDGER` lists the
claims in the essay's order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from attention_lib import effective_support, max_weight, softmax

__all__ = ["LEDGER", "VERDICTS", "Claim", "claim"]

VERDICTS = (
    "true",
    "true with conditions",
    "false as stated",
    "contested",
    "missing",
)

# The essay's worked example (section 4), as it prints it.
SCORES = (2.0, 1.0, 0.1)
EXPONENTIALS = (7.39, 2.72, 1.11)
SUM = 11.22
WEIGHTS = (0.66, 0.24, 0.10)
FIRST = 0  # the element that the essay says gets most of the attention


@dataclass(frozen=True)
class Claim:
    """One sentence of the essay, and what is true of it.

    Attributes
    ----------
    number : str
        Its number in the ledger: ``"1"`` to ``"34"``, or ``"O1"`` to ``"O16"`` for
        what the essay leaves out.
    section : str
        The essay's section; for what it leaves out, the chapter it belongs to.
    sentence : str
        What the essay says, in our English.
    verdict : str
        One of `VERDICTS`.
    truth : str
        The condition under which it is true, or what is true instead.
    where : str
        Chapter and heading that treat it, as ``"chapter#heading"``.
    decide : callable
        Decides the claim and returns its figure, in at most a second.
    """

    number: str
    section: str
    sentence: str
    verdict: str
    truth: str
    where: str
    decide: Callable[[], str | float]


LEDGER: tuple[Claim, ...] = ()


def claim(number, section, sentence, verdict, truth, where):
    """Enter a deciding function in the ledger."""
    if verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {VERDICTS}; got {verdict!r}")

    def enter(decide):
        global LEDGER
        entry = Claim(number, section, sentence, verdict, truth, where, decide)
        LEDGER = (*LEDGER, entry)
        return decide

    return enter


@claim(
    "20",
    "3",
    "Softmax(s_i) is e^(s_i) divided by the sum of all e^(s_j).",
    "true with conditions",
    "Softmax takes the whole row: no weight depends on one score alone. As code, the "
    "formula overflows for large scores and divides zero by zero for very low ones; "
    "subtracting the largest score first cures both.",
    "05_worked_example#on-a-computer",
)
def the_formula_is_of_the_whole_row_and_overflows():
    """Run the formula as written where it fails, high and low."""
    assert softmax([2.0, 1.0])[0] != softmax([2.0, 1.0, 0.1])[0]
    first = []
    for dtype in (np.float16, np.float32, np.float64):
        whole = np.arange(1, 1000, dtype=dtype)
        with np.errstate(all="ignore"):
            first.append(int(whole[np.isinf(np.exp(whole))][0]))
            for score in (first[-1], -2 * first[-1]):
                row = np.array([score, score], dtype)
                assert np.isnan(np.exp(row) / np.exp(row).sum()).all()
                assert np.array_equal(softmax(row), [0.5, 0.5])
    return "e^s overflows from {}, {} and {}".format(*first)


@claim(
    "21",
    "3",
    "The exponential of each score makes every value positive.",
    "true",
    "Of real numbers. In float32 the exponential is exactly zero below -103.97.",
    "05_worked_example#on-a-computer",
)
def exponentials_are_positive():
    """Take exponentials down to where float32 has none left."""
    edge = math.log(float(np.finfo(np.float32).smallest_subnormal) / 2)
    scores = np.linspace(edge + 0.01, 88, 1001, dtype=np.float32)
    assert (np.exp(scores) > 0).all()
    assert softmax(np.array([0, edge + 0.01], np.float32))[1] > 0
    assert softmax(np.array([0, edge - 0.01], np.float32))[1] == 0
    return f"{edge:.2f}"


@claim(
    "22",
    "3",
    "Then all the exponentials are summed.",
    "true",
    "On a computer the sum can overflow where no term does: subtract the largest score "
    "first.",
    "05_worked_example#three-exponentials-one-sum",
)
def exponentials_are_summed():
    """Sum terms that are finite one by one, and overflow together."""
    scores = np.full(3, 88, dtype=np.float32)
    assert np.isfinite(np.exp(scores)).all()
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(scores).sum())
    assert np.allclose(softmax(scores), 1 / 3)
    return "3 e^88 is infinite in float32"


@claim(
    "23",
    "3",
    "Each exponential is divided by the sum, and the weights are normalised.",
    "true",
    "They sum to one up to rounding, for any finite scores.",
    "05_worked_example#three-exponentials-one-sum",
)
def division_normalises():
    """Divide many rows by their sums, and look at the worst total."""
    rows = 10 * np.random.default_rng(0).normal(size=(1000, 64))
    divided = np.exp(rows) / np.exp(rows).sum(-1, keepdims=True)
    assert np.allclose(softmax(rows), divided, rtol=1e-12, atol=0)
    assert abs(softmax(rows).sum(-1) - 1).max() < 1e-14
    return "within 1e-14 in float64"


@claim(
    "24",
    "4",
    "The exponentials of 2.0, 1.0 and 0.1 are 7.39, 2.72 and 1.11.",
    "true",
    "Rounded to two decimals, as the essay prints them.",
    "05_worked_example#three-exponentials-one-sum",
)
def the_exponentials_are_rounded_well():
    """Round each exponential to two decimals."""
    exact = np.exp(SCORES)
    assert np.array_equal(exact.round(2), EXPONENTIALS)
    return ", ".join(f"{x:.4f}" for x in exact)


@claim(
    "25",
    "4",
    "The sum of the exponentials is 11.22.",
    "false as stated",
    "That is the sum of the rounded terms. The sum itself rounds to 11.21.",
    "05_worked_example#the-sum-that-is-off-by-one",
)
def the_sum_is_off_by_one_in_the_last_digit():
    """Sum first and round after, not the other way."""
    assert round(sum(EXPONENTIALS), 2) == SUM
    total = float(np.exp(SCORES).sum())
    assert round(total, 2) != SUM
    return round(total, 4)


@claim(
    "26",
    "4",
    "The weights are 0.66, 0.24 and 0.10.",
    "true",
    "To two decimals, also from the rounded terms: those weights are off by less than "
    "0.0004.",
    "05_worked_example#the-sum-that-is-off-by-one",
)
def the_weights_are_right():
    """Round the weights, exact and from rounded terms."""
    weights = softmax(SCORES)
    assert np.array_equal(weights.round(2), WEIGHTS)
    from_rounded = np.array(EXPONENTIALS) / SUM
    assert np.array_equal(from_rounded.round(2), WEIGHTS)
    assert abs(from_rounded - weights).max() < 0.0004
    return ", ".join(f"{w:.4f}" for w in weights)


@claim(
    "27",
    "4",
    "So the model attends more to the first element.",
    "true",
    "It does, but not very sharply: 66 % of the weight, and in effect 2.3 keys of 3.",
    "05_worked_example#how-focused-is-it",
)
def the_first_element_gets_most():
    """Look at the largest weight, and count the keys attended to in effect."""
    weights = softmax(SCORES)
    assert weights.argmax() == FIRST
    assert max_weight(weights) > 0.5
    keys = float(effective_support(weights))
    assert 2 < keys < 3
    return f"{max_weight(weights):.0%}, {keys:.2f} keys"
