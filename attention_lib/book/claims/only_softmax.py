"""Claim 31, the essay's section 5: that softmax is the only one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from attention_lib import definitions, entropy, softmax, sparsemax
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import distribution, near, rows
from attention_lib.weightings import REGISTRY, Exponential, Sum

SHIFT = 1.7


@cache
def several_keys():
    """Take those of `rows` that have two keys or more, five of a kind."""
    return [drawn[:5] for drawn in rows() if drawn.shape[-1] > 1]


def other_distributions():
    """Take all registered that give one for all scores, and are no softmax."""
    for entry in REGISTRY:
        for said in entry.laws:
            holds = set(said.holds.split(", "))
            one = {"non-negative", "sums to one", "defined everywhere"} <= holds
            if one and not issubclass(entry.make, Exponential):
                yield entry.make(**(said.params or {}))


@dataclass(frozen=True, eq=False)
class Shares(Sum):
    """The weighting ``w(s) / sum w(s)``, for a function of one score, with its name."""

    w: Callable
    name: str

    def phi(self, scores):
        """Give each score its size."""
        return self.w(scores)


def shares_of_positive_functions():
    """Let continuous ones be divided by their sum: five exponentials, and others."""
    yield Shares(definitions.sigmoid, "a sigmoid")
    yield Shares(lambda s: np.log1p(np.exp(s)), "softplus")
    yield Shares(definitions.elu_plus_one, "elu + 1")
    yield Shares(lambda s: 1 + s**2, "1 + s²")
    yield Shares(lambda s: np.exp(s) + 1, "e^s + 1")
    yield Shares(np.cosh, "cosh")
    for beta in (1.0, np.log(2), 3.0, -1.0, 0.0):
        yield Shares(lambda s, beta=beta: 5 * np.exp(beta * s), f"e^({beta:.2g} s)")


def a_shift_changes_nothing_exactly_if_it_is_an_exponential(shares):
    """Shift random rows; an exponential must be softmax of a multiple, too."""
    scores = np.random.default_rng(0).normal(size=(200, 4))
    weights, shifted = (shares(scores + c) for c in (0.0, SHIFT))
    sizes = shares.w(scores)
    right = near(weights, sizes / sizes.sum(-1, keepdims=True))
    slopes = np.diff(np.log(shares.w(np.linspace(-3, 3, 61)))) / 0.1
    if np.ptp(slopes) < 1e-9:
        same = near(weights, softmax(slopes[0] * scores)) and near(shifted, weights)
        return right and same, f"a shift moves no share by {shares.name}"
    moved = abs(shifted - weights).max()
    figure = f"a shift moves shares by {shares.name} by up to {moved:.2f}"
    return right and moved > 0.01, figure


def odds_and_entropy_single_softmax_out_too():
    """Drop a key; let sparsemax ignore a shift; then compare entropies."""
    names = {type(weighting).__name__ for weighting in other_distributions()}
    row = np.array([1.0, 0.8, 0.7])
    kept = [
        w(row)[0] / w(row)[1] - w(row[:2])[0] / w(row[:2])[1]
        for w in (softmax, sparsemax)
    ]
    ignores = near(sparsemax(row + SHIFT), sparsemax(row))
    odds = abs(kept[0]) < 1e-12 and abs(kept[1]) > 0.1 and ignores
    return (
        {"Sparsemax", "Entmax", "NormalizedSigmoid"} <= names and odds and most_even()
    )


def most_even():
    """Let 500 rivals with the same expected score as some softmax be less even."""
    scores = np.array([2.0, 1.0, 0.1, -1.0])
    rivals = np.random.default_rng(0).dirichlet(np.ones(4), 500)
    low, high = np.full((2, 500, 1), [[[-50.0]], [[50.0]]])
    for _ in range(60):
        factor = (low + high) / 2
        less = softmax(factor * scores) @ scores < rivals @ scores
        low, high = (
            np.where(less[:, None], factor, low),
            np.where(less[:, None], high, factor),
        )
    own = softmax(high * scores)
    return (
        near(own @ scores, rivals @ scores) and (entropy(own) > entropy(rivals)).all()
    )


@claim(
    "31",
    "5",
    "Only softmax can turn a set of scores into a probability distribution.",
    "Sparsemax, entmax and the normalised sigmoid do, for all scores, and so do others "
    "without end. What is true is narrower. Of the maps that give a key the share "
    "w(s)/Σw(s) of its score, with w positive and continuous, those that ignore a "
    "constant added to all scores are the exponentials e^(βs), softmax at some "
    "temperature if β is positive. Sparsemax ignores it, too, but there the odds of "
    "two keys depend on the others. And of all distributions with the same expected "
    "score, the shares of some e^(βs) have the largest entropy.",
    "06_alternatives#Only softmax?",
    against=other_distributions,
    instead=a_shift_changes_nothing_exactly_if_it_is_an_exponential,
    over=shares_of_positive_functions,
    besides=odds_and_entropy_single_softmax_out_too,
    stays={"the mean of the values": "it speaks of the weights alone"},
)
def it_fails_on_some_row_or_is_softmax(weighting):
    """Look at the weights in rows of several keys, flat and wild."""
    found = [(weighting(drawn), softmax(drawn)) for drawn in several_keys()]
    fails = not all(distribution(weights) for weights, _ in found)
    same = all(near(weights, soft) for weights, soft in found)
    n_rows = sum(len(weights) for weights, _ in found)
    return fails or same, f"{type(weighting).__name__} does, in {n_rows} rows"
