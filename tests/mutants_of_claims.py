"""For each claim of the ledger: a change under which it must fail.

The change is to the library, to a saved result, or to a number of the claim.
`tests/mutants.py` makes them, one at a time.
"""

import dataclasses
import json

from attention_lib import Softmax
from attention_lib._dispatch import largest
from tests.mistakes.fold import merge_rescales_only_the_output
from tests.mistakes.masks import a_mask_after_the_rows
from tests.mistakes.rows import (
    base_two,
    exponentials,
    no_look_at_the_sum_without_a_maximum,
)
from tests.mutation import Change

__all__ = ["CLAIM_MUTANTS"]

EXAMPLE = "book.claims.worked_example"
EXPERIMENTS = "book.experiments"
ROWS = "numpy_backend.rows"
SCORES = "numpy_backend.scores"


def one_more(scores, where=None, multiplier=1.0):
    """Divide by one more than the sum."""
    shares = exponentials(scores, where, multiplier)
    return shares / (1 + shares.sum(-1)[..., None])


def no_temperature(right, scores, where=None, multiplier=1.0):
    """Weigh the scores as they are."""
    return right(scores, where)


def the_maximum(scores, where=None):
    """Give the largest score for the log-sum-exp."""
    return largest(scores, where)


def weights_for_their_logarithms(right, *given):
    """Forget to take the logarithm."""
    return exponentials(right(*given))


def no_scale(right, call, *offsets):
    """Leave the products as they are."""
    return right(dataclasses.replace(call, scale=1.0), *offsets)


def always_a_scale(right, call, *offsets):
    """Divide by the root of the dimension, whatever was asked for."""
    root = call.query.shape[-1] ** 0.5
    return right(dataclasses.replace(call, scale=1 / root), *offsets)


def keys_for_queries(right, call, *offsets):
    """Multiply the keys with each other."""
    return right(dataclasses.replace(call, query=call.key), *offsets)


def no_dropout(right, self, call, stream):
    """Drop nothing."""
    return right(self, dataclasses.replace(call, dropout_p=0.0), stream)


def the_mean_of_the_values(right, weights, value, where):
    """Average the values whatever their weights are."""
    return 0 * right(weights, value, where) + value.mean(-2, keepdims=True)


def twice_the_weights(right, self, scores, where=None):
    """Let the weights sum to two."""
    return 2 * right(self, scores, where)


def softmax_of_the_others(right, self, scores, where=None):
    """Forget the key that was added."""
    return right(Softmax(), scores, where)


def the_square_without_the_half(right, self, x):
    """Subtract the whole square from the features' logarithms."""
    return right(self, x) - (x * x).sum(-1)[..., None] / 2


def always_a_skip(right, skip, **options):
    """Add each layer to its input."""
    return right(True, **options)


def saved(old, new):
    """Change what a saved experiment says."""

    def load(right, name):
        return json.loads(json.dumps(right(name)).replace(old, new))

    return Change(f"{EXPERIMENTS}.load", load)


BASE_TWO = Change(f"{ROWS}.softmax", base_two)
NO_MAXIMUM = Change(f"{ROWS}._plain_block", no_look_at_the_sum_without_a_maximum)
ONE_MORE = Change(f"{ROWS}.softmax", one_more)
NO_SCALE = Change(f"{SCORES}.scores", no_scale)

CLAIM_MUTANTS = {
    "1": Change("numpy_backend.attention.Small.run", no_dropout),
    "2": BASE_TWO,
    "3": saved('"sink": [0.99', '"sink": [0.19'),
    "4": Change(f"{SCORES}.weighted_sum", the_mean_of_the_values),
    "5": NO_SCALE,
    "6": Change(f"{SCORES}.scores", keys_for_queries),
    "7": NO_SCALE,
    "8": Change(f"{SCORES}.scores", always_a_scale),
    "9": ONE_MORE,
    "10": BASE_TWO,
    "11": Change("weightings.base.Weighting.weights", twice_the_weights),
    "12": saved("[0.9727, ", "[0.3727, "),
    "17": BASE_TWO,
    "20": NO_MAXIMUM,
    "21": BASE_TWO,
    "22": NO_MAXIMUM,
    "23": ONE_MORE,
    "24": Change(f"{EXAMPLE}.SCORES", (2.0, 1.0, 0.2)),
    "25": Change(f"{EXAMPLE}.SUM", 11.21),
    "26": BASE_TWO,
    "27": Change(f"{EXAMPLE}.FIRST", 1),
    "O5": Change(f"{ROWS}.softmax", no_temperature),
    "O6": Change(f"{ROWS}.logsumexp", the_maximum),
    "O7": BASE_TWO,
    "O8": Change("fold.merge", merge_rescales_only_the_output),
    "O10": Change(f"{EXPERIMENTS}.depth.differences_left", always_a_skip),
    "O11": Change(f"{ROWS}.log_softmax", weights_for_their_logarithms),
    "O13": Change(
        "features.PositiveRandomFeatures.log_features", the_square_without_the_half
    ),
    "O14": Change("weightings.kinds.Exponential.weigh", softmax_of_the_others),
    "O15": Change(f"{ROWS}.softmax", a_mask_after_the_rows),
}
