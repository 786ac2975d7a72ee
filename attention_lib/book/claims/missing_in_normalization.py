"""O5 to O8 and O15: what the essay leaves out of how softmax normalises."""

from functools import reduce
from itertools import permutations

import numpy as np

from attention_lib import (
    State,
    definitions,
    entropy,
    finalize,
    logsumexp,
    merge,
    partial_attention,
    softmax,
    sparsemax,
)
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import near, rows


def the_entropy_rises_with_the_temperature():
    """Heat a row, from the best key alone to equal weights."""
    scores, warmer = np.array([2.0, 1.0, 0.1]), np.geomspace(0.05, 1000, 50)
    spread = [entropy(softmax(scores, temperature=t)) for t in warmer]
    ends = spread[0] < 1e-6 and abs(spread[-1] - np.log(3)) < 1e-6
    return ends and (np.diff(spread) > 0).all()


def unlike_scores():
    """Take the essay's scores, and random rows of which no two scores are alike."""
    yield np.array([[2.0, 1.0, 0.1]])
    rng = np.random.default_rng(0)
    yield from (rng.normal(scale=s, size=(50, n)) for n in (2, 16) for s in (0.5, 2))


@claim(
    "O5",
    "02_normalization",
    "A constant added to every score changes nothing; a factor changes the weights.",
    "The factor is a temperature, upside down. As the temperature rises the entropy "
    "rises with it, from that of the best keys alone to that of equal weights.",
    "02_normalization#One shift, two meanings",
    over=unlike_scores,
    besides=the_entropy_rises_with_the_temperature,
    stays={
        "a constant added": "it stands in all weights alike",
        "the mean of the values": "it speaks of the weights alone",
        "shuffled weights": "an order of the keys changes neither",
    },
)
def a_shift_changes_nothing_and_a_factor_does(scores):
    """Shift each row up and down; multiply it by more and by less than one."""
    weights, sharp = softmax(scores), softmax(10 * scores)
    shifted = [softmax(scores + c) for c in (7.0, -100.0)]
    scaled = [sharp, softmax(scores / 2), softmax(-scores)]
    moved = min(abs(other - weights).max(-1).min() for other in scaled)
    holds = all(near(other, weights) for other in shifted) and moved > 1e-9
    return holds, f"{weights[0, 0]:.2f} becomes {sharp[0, 0]:.5f} at ten times"


SHARPNESS = 10.0


@claim(
    "O6",
    "02_normalization",
    "The smooth maximum is the log-sum-exp; softmax, its slope, is a smooth argmax.",
    "The log-sum-exp of β times the scores, divided by β, exceeds the largest score "
    "by at most log(n)/β, and by exactly that where all n scores tie.",
    "02b_probabilities#A smooth maximum",
    over=[*rows()[1:3], *rows()[4:]],
    stays={"the mean of the values": "it speaks of the weights alone"},
)
def log_sum_exp_is_a_maximum_and_softmax_its_slope(scores):
    """Squeeze the log-sum-exp onto the maximum, and take its slope."""
    n = scores.shape[-1]
    above = logsumexp(SHARPNESS * scores) / SHARPNESS - scores.max(-1)
    most = np.log(n) / SHARPNESS
    ties = np.ptp(scores, -1) == 0
    squeezed = (above >= -1e-12).all() and (above <= most + 1e-12).all()
    exact = near(above[ties], most)
    step = 1e-5 * np.eye(n)[:16, None]
    slope = (logsumexp(scores + step) - logsumexp(scores - step)) / 2e-5
    sloped = np.allclose(slope.T, softmax(scores)[:, :16], atol=1e-7)
    return squeezed and exact and sloped, f"{above.max():.4f} above; at most {most:.4f}"


def trade(p, scores, spread):
    """Give the expected score plus a spread."""
    return (p * scores).sum(-1) + spread(p)


def half_of_what_squares_miss(p):
    """Give another measure of spread than the entropy."""
    return (1 - (p * p).sum(-1)) / 2


def another_spread_makes_sparsemax_best():
    """Let 10,000 rivals compete under the other measure; set a temperature."""
    scores = np.array([1.0, 0.8, 0.1])
    rivals = np.random.default_rng(0).dirichlet(np.ones(3), 10_000)
    best = trade(sparsemax(scores), scores, half_of_what_squares_miss)
    others = trade(
        np.vstack([rivals, softmax(scores)]), scores, half_of_what_squares_miss
    )
    hot = softmax(scores, temperature=0.5)
    hottest = trade(hot, scores, lambda p: 0.5 * entropy(p))
    rest = trade(rivals, scores, lambda p: 0.5 * entropy(p))
    return best > others.max() and hottest > rest.max()


@claim(
    "O7",
    "02_normalization",
    "Of all distributions, softmax makes expected score plus entropy largest.",
    "A temperature multiplies the entropy. With another measure of spread, half of 1 "
    "minus the sum of p², sparsemax is best: softmax is as special as the entropy is.",
    "02b_probabilities#The best trade of score and entropy",
    over=unlike_scores,
    besides=another_spread_makes_sparsemax_best,
    stays={"the mean of the values": "it speaks of the weights alone"},
)
def no_rival_trades_better(scores):
    """Let far and near rivals compete; what they lack is their divergence."""
    rng, n = np.random.default_rng(0), scores.shape[-1]
    weights = softmax(scores)[:, None]
    far = rng.dirichlet(np.ones(n), (len(scores), 100))
    rivals = np.concatenate([far, 0.99 * np.abs(weights) + 0.01 * far], 1)
    best = trade(weights, scores[:, None], entropy)
    lacks = best - trade(rivals, scores[:, None], entropy)
    divergence = (rivals * np.log(rivals / weights)).sum(-1)
    holds = (lacks > 0).all() and near(lacks, divergence)
    return holds, f"the best of {lacks.size} rivals is {lacks.min():.0e} short"


def blocks_of_keys():
    """Cut 40 keys, shuffled, into four blocks; then 5 keys, one block of them empty."""
    rng = np.random.default_rng(0)
    for n, cuts in ((40, [3, 11, 12]), (5, [2, 2, 4])):
        query, key, value = (3 * rng.normal(size=(size, 8)) for size in (2, n, n))
        yield query, key, value, np.split(rng.permutation(n), cuts)


@claim(
    "O8",
    "02_normalization",
    "Softmax attention needs one pass over the keys, in blocks of any order.",
    "A block leaves a small state: largest score, sum of exponentials, weighted sum of "
    "values. States merge in any order and grouping, to the same result up to "
    "rounding; the state of no keys changes nothing.",
    "02d_one_pass#States that merge",
    over=blocks_of_keys,
    more="07b_many_machines#Exponentials merge",
)
def blocks_merge_in_any_order(case):
    """Merge four blocks in each order, from the left and in pairs."""
    query, key, value, blocks = case
    whole = attend(query, key, value)
    if not near(whole, definitions.attention(query, key, value)):
        return False, "the whole is no softmax attention"
    states = [partial_attention(query, key[b], value[b]) for b in blocks]
    worst = 0.0
    for a, b, c, d in permutations(states):
        in_turn = reduce(merge, (a, b, c, d), State.identity())
        for tree in (in_turn, merge(merge(a, b), merge(c, d))):
            worst = max(worst, abs(finalize(tree) - whole).max())
    return worst < 1e-13, "48 trees agree within 1e-13"


def a_large_negative_number_is_no_mask():
    """Fill a row of which nothing is kept with -1e9, in two formats."""
    scores, filled = np.array([2.0, 1.0, 0.1], "f4"), np.full(3, -1e9, np.float32)
    alike = np.allclose(softmax(filled + scores), 1 / 3)
    with np.errstate(over="ignore"):
        lost = np.isnan(softmax(filled.astype(np.float16))).all()
    return alike and lost and not softmax(scores, where=np.zeros(3, bool)).any()


def masked_rows():
    """Hide one key of three; then about half of the keys of random rows."""
    yield np.array([[2.0, 1.0, 0.1]]), np.array([True, True, False])
    rng = np.random.default_rng(0)
    yield from ((3 * rng.normal(size=(20, n)), np.arange(n) % 2 == 0) for n in (2, 9))


@claim(
    "O15",
    "02_normalization",
    "A mask belongs before softmax, so that the keys left share the whole weight.",
    "Softmax under a mask is softmax of the kept keys; zeros written afterwards leave "
    "a sum below one. A fill of -1e9 is no mask where nothing is kept: equal weights "
    "in float32, NaN in float16.",
    "02_normalization#A mask and a row with nothing left",
    over=masked_rows,
    besides=a_large_negative_number_is_no_mask,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "uniform weights": "equal shares of what is kept have the same sums",
    },
)
def a_mask_before_renormalises_and_zeros_after_do_not(case):
    """Mask some keys before, and set their weights to zero after."""
    scores, kept = case
    before, after = softmax(scores, where=kept), softmax(scores) * kept
    same = (
        near(before[:, kept], softmax(scores[:, kept])) and not before[:, ~kept].any()
    )
    sums = before.sum(-1), after.sum(-1)
    holds = same and near(sums[0], 1) and (abs(sums[1]) < 1 - 1e-9).all()
    return holds, f"sum {sums[0][0]:.0f} before, {sums[1][0]:.2f} after"
