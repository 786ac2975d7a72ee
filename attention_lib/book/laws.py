"""The laws that a weighting may obey, as data: each with the scores that decide it.

A *law* says what is so for all scores (``everywhere``), or what a weighting can do for
some scores. Its ``measure`` is a number that is at most its ``bound`` where the scores
agree with it. Its ``case`` is one small example. It refutes a law that is said of all
scores, and shows what can be done for some. No example can show the opposite: there
`tests/test_laws.py` searches. `attention_lib.book.law_table` fills the table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from attention_lib.book import law_measures as measure

__all__ = ["LAWS", "Law"]

ROUNDING = 1e-12  # of weights near one
ABSTAINS = 0.01  # total weight of a row that is ignored


@dataclass(frozen=True)
class Law:
    """One sentence about weightings, and what decides it.

    Attributes
    ----------
    name : str
        A few words, for the head of a table.
    statement : str
        One or two sentences.
    measure : callable
        Takes a weighting, a function that makes its arrays, and a case; gives a float.
    bound : float
        What the measure of a case that agrees does not exceed.
    case : tuple
        The example: scores, and what the law does to them.
    everywhere : bool
        Whether every case has to agree; else one is enough.
    """

    name: str
    statement: str
    measure: Callable
    bound: float
    case: tuple
    everywhere: bool = True

    def agrees(self, weighting, case=None, array=np.asarray):
        """Tell whether one case, the law's own by default, agrees with it."""
        measured = self.measure(weighting, array, *(case or self.case))
        return bool(measured <= self.bound)


LAWS = (
    Law(
        "non-negative",
        "No weight is below zero.",
        measure.below_zero,
        0.0,
        ((1.0, -2.0),),
    ),
    Law(
        "sums to one",
        "The weights of a row sum to one.",
        measure.off_one,
        ROUNDING,
        ((-1.0, -2.0),),
    ),
    Law(
        "defined everywhere",
        "Finite scores get finite weights. (A normalised ReLU without a positive "
        "score is 0/0, which is set to zeros: the next law notices.)",
        measure.not_finite,
        0.0,
        ((1.0, -1.0),),
    ),
    Law(
        "continuous",
        "Moving the scores by a trillionth moves no weight by 1e-5 or more.",
        measure.jump,
        1e-5,
        ((0.0, 0.0, 0.0), (-1, -1, 1)),
    ),
    Law(
        "keeps order",
        "A larger score never gets less weight, but may get the same.",
        measure.out_of_order,
        ROUNDING,
        ((1.0, -2.0),),
    ),
    Law(
        "tells scores apart",
        "Of two scores at least 1 apart, the larger gets at least a tenth more weight. "
        "Without this law, order is kept only weakly.",
        measure.too_close,
        0.0,
        ((9.0, 8.0, -8.0, -9.0),),
    ),
    Law(
        "shift invariant",
        "Adding one number to all scores changes no weight.",
        measure.shift_moves,
        ROUNDING,
        ((1.0, 0.0), -3.0),
    ),
    Law(
        "scale invariant",
        "Multiplying all scores by one positive number changes no weight: a "
        "temperature would do nothing.",
        measure.factor_moves,
        ROUNDING,
        ((0.25, -0.25), 4.0),
    ),
    Law(
        "odds ignore other keys",
        "More keys leave the odds of two others as they were: neither changed nor "
        "lost because both weights became zero.",
        measure.others_move,
        ROUNDING,
        ((1.0, 0.0), (2.0, 2.0)),
    ),
    Law(
        "exact zeros",
        "Some key with a score between -30 and 30 can get a weight of exactly zero.",
        measure.smallest,
        0.0,
        ((3.0, -1.0, -2.0),),
        everywhere=False,
    ),
    Law(
        "can abstain",
        "For some scores between -30 and 30 all weights together are below 0.01.",
        measure.total,
        ABSTAINS,
        ((-8.0, -8.0),),
        everywhere=False,
    ),
    Law(
        "keeps its share",
        "A key that leads all others by 3 gets over half of the weight given, for "
        "10 keys as for 100,000, and whatever the level of the others. (A smaller "
        "lead may fade: with scalable softmax, one that times its scale is below 1.)",
        measure.share_lost,
        0.0,
        (1.0, 100_000),
    ),
    Law(
        "streams here",
        "Attention over two blocks of keys merges from states of fixed size; a rule "
        "that uses the number of keys must be given it. (Hardmax and top-k could, with "
        "the k best keys as state; this library does not.)",
        measure.merging_moves,
        ROUNDING,
        ((2.0, 1.0, 0.0), 1),
    ),
    Law(
        "permutation equivariant",
        "When the scores change places, their weights move with them.",
        measure.order_moves,
        ROUNDING,
        ((0.0, 0.0, 0.0), (2, 1, 0)),
    ),
)
