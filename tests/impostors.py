"""Functions that are not attention, put in its place: a claim must notice them.

`attention_lib.book.claims` says of each claim under which of these its sentence stays
true, and why; under every other one it must be refused. `tests/mutants.py` puts them
in place, one at a time. Claims of arithmetic, which no weight enters, have wrong
functions of their own.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from attention_lib import Sigmoid, Softmax, Sparsemax
from attention_lib._dispatch import largest, like, masked
from tests.mistakes.attention import no_root_in_the_scale
from tests.mistakes.fold import merge_rescales_only_the_output
from tests.mistakes.masks import a_mask_after_the_rows
from tests.mistakes.rows import LOG_2, base_two
from tests.mutation import Change

__all__ = ["IMPOSTORS", "WRONG_FUNCTIONS"]


@dataclass(frozen=True)
class Impostor:
    """Changes that are made together."""

    changes: tuple[Change, ...]

    @contextmanager
    def applied(self):
        """Make all changes, and undo them."""
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(change.applied())
            yield


def one_more(right, *args, **options):
    """Add one to every entry of what the right function gives."""
    given = right(*args, **options)
    if isinstance(given, tuple):  # with a state
        return given[0] + 1, *given[1:]
    return given + 1


def the_mean_of_the_values(right, query, key, value, *args, **options):
    """Average the values, whatever the query, the keys and the mask are."""
    given = right(query, key, value, *args, **options)
    return 0 * given + value.mean(-2)[..., None, :]


def the_mean_in_experiments(right, weighting, query, key, *args, **options):
    """Let the trained heads average their values, too."""
    return 0 * right(weighting, query, key, *args, **options) + 1 / key.shape[-2]


def uniform(right, self, scores, where=None):
    """Give the same weight to each key that takes part."""
    weights = masked(0 * scores + 1, where)
    return weights / weights.sum(-1)[..., None].clip(1)


def shuffled(right, self, scores, where=None):
    """Give each key the weight of the one before it."""
    weights = right(self, scores, where)
    order = [*range(1, weights.shape[-1]), 0]
    return weights[..., order]


def in_place_of_softmax(weighting):
    """Let another weighting do what softmax is asked, of the same scaled scores."""

    def weights(right, self, scores, where=None):
        if isinstance(self, Softmax):
            scores = scores * like(self._inverse(), scores)
            return right(weighting, scores, where)
        return right(self, scores, where)

    return weights


def the_scores(right, self, scores, where=None):
    """Give the scores back for weights."""
    return masked(scores, where)


WEIGHTS = "weightings.base.Weighting.weights"
ATTENTION = "attention.scaled_dot_product_attention"
OUTPUTS = (
    ATTENTION,
    "attention.attention_weights",
    "fold.finalize",
    "linear.linear_attention",
    "weightings.base.Weighting.__call__",
)

IMPOSTORS = {
    "a constant added": Impostor(tuple(Change(output, one_more) for output in OUTPUTS)),
    "the mean of the values": Impostor(
        (
            Change(ATTENTION, the_mean_of_the_values),
            Change("book.experiments.replicas.weights_of", the_mean_in_experiments),
        )
    ),
    "uniform weights": Change(WEIGHTS, uniform),
    "shuffled weights": Change(WEIGHTS, shuffled),
    "sparsemax": Change(WEIGHTS, in_place_of_softmax(Sparsemax())),
    "sigmoid": Change(WEIGHTS, in_place_of_softmax(Sigmoid())),
    "the scores": Change(WEIGHTS, the_scores),
}


def cosines(right, query, key, *args, **options):
    """Score by the cosine, which has bounds."""
    query, key = (a / (a * a).sum(-1)[..., None] ** 0.5 for a in (query, key))
    return right(query, key, *args, **options)


def two_terms(score):
    """Take the first two terms of the series."""
    return 1 + Decimal(float(score))


def powers_of_two(score):
    """Take two to the score."""
    return Decimal(float(score) * LOG_2).exp()


def the_maximum(scores, where=None):
    """Give the largest score for the log-sum-exp."""
    return largest(scores, where)


def the_square_without_the_half(right, self, x):
    """Subtract the whole square from the features' logarithms."""
    return right(self, x) - (x * x).sum(-1)[..., None] / 2


def small_weights_left_out(right, self, scores, where=None):
    """Give nothing to keys of a weight below a thousandth."""
    weights = right(self, scores, where)
    return weights * (weights > 1e-3)


def a_mask_after_the_weights(right, self, scores, where=None):
    """Weigh all keys, and then leave out the hidden ones: the others gain nothing."""
    weights = right(self, scores)
    return weights if where is None else weights * where


def twice_as_sharp(right, scores, where=None, multiplier=1.0):
    """Double the scores."""
    return right(scores, where, 2 * multiplier)


def the_diagonal_alone(right, weighting, x):
    """Move each weight with its own score only."""
    moves = right(weighting, x)
    return moves * np.eye(moves.shape[-1])


ROWS = "numpy_backend.rows"
EXP = "book.claims.computation.exp"
BASE_TWO = Change(f"{ROWS}.softmax", base_two)
NO_ROOT = Change("_call.attention", no_root_in_the_scale)

# Some that are near the right one: each claim must notice its own.
WRONG_FUNCTIONS = {
    "8": Change("attention.attention_scores", cosines),
    "13": BASE_TWO,
    "14": BASE_TWO,
    "15": BASE_TWO,
    "16": Change(WEIGHTS, small_weights_left_out),
    "18": Change(WEIGHTS, a_mask_after_the_weights),
    "20": BASE_TWO,
    "21": Change(EXP, two_terms),
    "22": BASE_TWO,
    "23": BASE_TWO,
    "24": Change(EXP, powers_of_two),
    "25": Change(EXP, powers_of_two),
    "26": BASE_TWO,
    "31": BASE_TWO,
    "O1": NO_ROOT,
    "O2": Change("movement.jacobian", the_diagonal_alone),
    "O3": BASE_TWO,
    "O6": Change(f"{ROWS}.logsumexp", the_maximum),
    "O7": BASE_TWO,
    "O8": Change("fold.merge", merge_rescales_only_the_output),
    "O9": Change(f"{ROWS}.softmax", twice_as_sharp),
    "O13": Change(
        "features.PositiveRandomFeatures.log_features", the_square_without_the_half
    ),
    "O15": Change(f"{ROWS}.softmax", a_mask_after_the_rows),
    "O16": NO_ROOT,
}
