"""What the laws measure: each takes a weighting, its arrays and a case; gives a float.

`array` makes the arrays from NumPy's: ``np.asarray``, or ``torch.tensor``. All scores
are of one row.
"""

import numpy as np

from attention_lib import finalize, merge, partial_attention
from attention_lib import scaled_dot_product_attention as attend

__all__ = [
    "below_zero",
    "factor_moves",
    "jump",
    "merging_moves",
    "not_finite",
    "off_one",
    "order_moves",
    "others_move",
    "out_of_order",
    "share_lost",
    "shift_moves",
    "smallest",
    "too_close",
    "total",
    "weights_of",
]

STEP = 1e-12  # a small change of a score
GAP = 3.0  # lead of one key over all others


def weights_of(weighting, array, scores):
    """Weigh a row; give NumPy's float64, whatever `array` makes."""
    weights = weighting(array(np.asarray(scores, dtype=float)))
    return np.array(weights.tolist())


def below_zero(weighting, array, scores):
    """Give how far the smallest weight is below zero."""
    return -weights_of(weighting, array, scores).min()


def off_one(weighting, array, scores):
    """Give how far the sum of the weights is from one."""
    return abs(weights_of(weighting, array, scores).sum() - 1)


def not_finite(weighting, array, scores):
    """Give the part of the weights that are NaN or infinite."""
    return 1 - np.isfinite(weights_of(weighting, array, scores)).mean()


def jump(weighting, array, scores, direction):
    """Give the largest change of a weight for a tiny step of the scores."""
    moved = np.asarray(scores) + STEP * np.asarray(direction)
    return _largest_change(weighting, array, scores, moved)


def out_of_order(weighting, array, scores):
    """Give by how much a smaller score gets more weight than a larger one."""
    weights, scores = weights_of(weighting, array, scores), np.asarray(scores)
    larger = scores[:, None] > scores
    return np.max(weights - weights[:, None], where=larger, initial=0.0)


def too_close(weighting, array, scores):
    """Give by how much the larger of two scores, 1 apart, misses 1.1 times."""
    weights, scores = weights_of(weighting, array, scores), np.asarray(scores)
    apart = scores[:, None] >= scores + 1
    shortfall = 1.1 * weights - weights[:, None]
    size = np.where(weights > 0, weights, 1.0)
    shortfall = np.where((weights == 0) & (weights[:, None] == 0), 1.1, shortfall)
    return np.max(shortfall / size, where=apart, initial=0.0)


def shift_moves(weighting, array, scores, shift):
    """Give the largest change of a weight when all scores are shifted."""
    return _largest_change(weighting, array, scores, np.asarray(scores) + shift)


def factor_moves(weighting, array, scores, factor):
    """Give the largest change of a weight when all scores are multiplied."""
    return _largest_change(weighting, array, scores, np.asarray(scores) * factor)


def others_move(weighting, array, scores, others):
    """Give how much more keys move the shares, 1 if these are lost or found."""
    alone = weights_of(weighting, array, scores)
    together = weights_of(weighting, array, [*scores, *others])[: len(alone)]
    if not alone.any() or not together.any():
        return float(alone.any() != together.any())
    return abs(alone / alone.sum() - together / together.sum()).max()


def smallest(weighting, array, scores):
    """Give the smallest weight."""
    return weights_of(weighting, array, scores).min()


def total(weighting, array, scores):
    """Give the sum of the weights."""
    return weights_of(weighting, array, scores).sum()


def share_lost(weighting, array, level, n, gap=GAP):
    """Give how much the leader's share of all weight is below one half."""
    scores = np.full(n, level, dtype=float)
    scores[0] += gap
    weights = weights_of(weighting, array, scores)
    return 0.5 - (weights[0] / weights.sum() if weights.any() else 0.0)


def merging_moves(weighting, array, scores, first):
    """Give the error of attention merged from two blocks; 1 where none is."""
    key = array(np.asarray(scores, dtype=float)[:, None])
    query, value, n = (
        array(np.ones((1, 1))),
        array(np.cos(np.arange(len(key))))[:, None],
        len(key),
    )
    try:
        blocks = [
            partial_attention(
                query, key[cut], value[cut], scale=1.0, weighting=weighting, n_keys=n
            )
            for cut in (slice(first), slice(first, None))
        ]
    except TypeError:  # its kind has no state
        return 1.0
    whole = attend(query, key, value, scale=1.0, weighting=weighting)
    return abs(float(finalize(merge(*blocks))[0, 0]) - float(whole[0, 0]))


def order_moves(weighting, array, scores, order):
    """Give how much a weight does not move with its score."""
    moved = weights_of(weighting, array, np.asarray(scores)[list(order)])
    return abs(moved - weights_of(weighting, array, scores)[list(order)]).max()


def _largest_change(weighting, array, before, after):
    change = weights_of(weighting, array, before) - weights_of(weighting, array, after)
    return abs(change).max()
