"""Claims 15 and 16, the essay's section 2.2: long rows, and what they cost."""

import math

import numpy as np

from attention_lib import attention_weights, softmax, sparsemax
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.lead import share_of_the_best
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import near

LENGTHS = (16, 1024, 65536)


def lead_at(case, n):
    """Give the lead of the best of n keys: a part that is fixed, one that grows."""
    fixed, growth = case
    return fixed + growth * math.log(n - 1)


def shares(case):
    """Give the share of the best key at each length, and say it; the others tie."""
    rows = [np.append(np.zeros(n - 1), lead_at(case, n)) for n in LENGTHS]
    found = np.array([share_of_the_best(row) for row in rows])
    ends = ((LENGTHS[i], lead_at(case, LENGTHS[i]), found[i]) for i in (0, -1))
    said = (f"{share:.1%} at {lead:.1f} among {n:,} keys" for n, lead, share in ends)
    return found, ", ".join(said)


def it_is_kept_exactly_if_the_lead_grows_as_the_logarithm(case):
    """Compare each share with the formula, and ask whether the lead keeps pace."""
    fixed, growth = case
    found, figure = shares(case)
    others = np.array([(n - 1) / math.exp(lead_at(case, n)) for n in LENGTHS])
    kept = (np.diff(found) > -1e-9).all() == (growth >= 1)
    half = growth != 1 or (found > 0.5 - 1e-9).all() == (fixed >= 0)
    return near(found, 1 / (1 + others)) and kept and half, figure


def the_odds_stay_equal_shares_are_less_and_random_scores_fade():
    """Lengthen a row, compare two of its keys and equal shares; draw random rows."""
    rng = np.random.default_rng(0)
    row = rng.normal(size=LENGTHS[-1])
    odds = [w[0] / w[1] for w in (softmax(row[:n]) for n in LENGTHS)]
    for draw in (rng.normal, rng.uniform):
        largest = [softmax(4 * draw(size=(50, n))).max(-1).mean() for n in (16, 4096)]
        if largest[1] > largest[0] / 2:
            return False
    beyond_equal = shares((5.0, 0.0))[0] > 1 / np.array(LENGTHS)
    return near(odds, odds[0]) and beyond_equal.all()


@claim(
    "15",
    "2.2",
    "This helps the model to ignore irrelevant information in long sequences.",
    "Compared with equal shares it helps, at any length. But at fixed scores length "
    "undoes the help: each key that is added takes a part, and in the end the "
    "irrelevant ones have nearly all, though the odds against each of them stay as "
    "they were. A share is kept if the lead grows as fast as log(n - 1): where the "
    "others tie, at least half of the weight exactly if the lead is no less than that.",
    "03c_long_rows#At fixed scores",
    against=[(5.0, 0.0), (1.0, 0.0), (9.0, 0.0), (2.0, 0.5)],
    instead=it_is_kept_exactly_if_the_lead_grows_as_the_logarithm,
    over=[(2.0, 1.0), (0.0, 1.0), (-2.0, 1.0), (-3.0, 1.5), (5.0, 0.0), (5.0, 0.5)],
    besides=the_odds_stay_equal_shares_are_less_and_random_scores_fade,
)
def the_best_key_keeps_its_share(case):
    """Lengthen a row, and see whether the irrelevant keys take more of it."""
    found, figure = shares(case)
    return (np.diff(found) > -1e-9).all(), figure


def sizes():
    """Draw queries, keys and values: more keys than numbers, and fewer."""
    yield from long_sizes()
    yield drawn(8, 16, 64)


def long_sizes():
    """Draw more queries and keys than they have numbers."""
    for sizes in ((256, 16, 16), (64, 8, 8), (48, 4, 16)):
        yield drawn(*sizes)


def drawn(n, d, d_value):
    """Draw n queries and keys of d numbers, and values."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(n, width)) for width in (d, d, d_value))


def work(query, key, value):
    """Count multiplications and exponentials, with softmax and without.

    To be generous, nothing is counted for a weight of zero, as if that were known, and
    nothing for the division. Without softmax the products are taken in the best order.
    """
    (n, d), d_value = query.shape, value.shape[-1]
    read = np.count_nonzero(attention_weights(query, key)) * d_value
    pairs = n * len(key)
    best = min(pairs * (d + d_value), (n + len(key)) * d * d_value)
    return pairs * d + pairs + read, best


def no_key_can_be_left_out_and_no_product_put_off(case):
    """Look for zeros; ask whether weights could pass through d numbers, as scores do.

    A matrix that can has rank d at most.
    """
    query, key, value = case
    weights = attention_weights(query, key)
    zeros, rank = np.sum(weights == 0), np.linalg.matrix_rank(weights)
    plain = near((query @ key.T) @ value, query @ (key.T @ value))
    figure = f"{zeros} of {weights.size:,} weights are zero, and their rank is {rank}"
    return plain and zeros == 0 and rank > query.shape[-1], figure


def zeros_can_be_skipped_and_small_weights_cannot():
    """Leave out what sparsemax does not weigh; then what softmax weighs least."""
    query, key, value = drawn(64, 8, 8)
    scores = query @ key.T / 8**0.5
    kept = sparsemax(scores) > 0
    skipped = attend(query, key, value, kept, weighting="sparsemax")
    same = near(skipped, attend(query, key, value, weighting="sparsemax"))
    large = softmax(scores) > np.quantile(softmax(scores), 0.25, axis=-1)[:, None]
    off = abs(attend(query, key, value, large) - attend(query, key, value)).max()
    return same and kept.mean() < 0.5 and off > 0.01


@claim(
    "16",
    "2.2",
    "It improves efficiency.",
    "Softmax adds work and saves none. It takes an exponential for each query and key, "
    "all weights are positive, so that no key can be left out, and the products can no "
    "longer be taken in the cheaper order, keys with values first. Exact zeros, such "
    "as those of sparsemax, can be skipped, if there is code that does; small weights "
    "cannot without an error.",
    "03c_long_rows#Does it save work?",
    against=sizes,
    instead=no_key_can_be_left_out_and_no_product_put_off,
    over=long_sizes,
    besides=zeros_can_be_skipped_and_small_weights_cannot,
    more="07_at_scale#Operations and bytes",
    stays={
        "a constant added": "one more makes no weight zero",
        "the mean of the values": "it speaks of the weights alone",
        "shuffled weights": "they are as many, elsewhere",
        "sigmoid": "it leaves no key out, either",
    },
)
def it_takes_fewer_operations(case):
    """Count what attention takes with softmax, and what the plain products take."""
    with_softmax, without = work(*case)
    figure = f"{with_softmax:,} operations, {without:,} without softmax"
    return with_softmax < without, figure
