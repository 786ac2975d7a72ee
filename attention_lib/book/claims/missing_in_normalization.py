"""O5 to O8, O10, O11, O14, O15: what the essay leaves out of normalisation."""

from functools import reduce
from itertools import permutations

import numpy as np

from attention_lib import (
    State,
    entropy,
    finalize,
    logsumexp,
    merge,
    partial_attention,
    scaled_dot_product_attention,
    sigmoid,
    softmax,
    softmax1,
    sparsemax,
)
from attention_lib.book.claims.ledger import claim
from attention_lib.book.experiments.depth import differences_left, ranks


@claim(
    "O5",
    "02_normalization",
    "A constant added to every score changes nothing; a factor changes the weights.",
    "missing",
    "The factor is a temperature, upside down. As the temperature rises the entropy "
    "rises with it, from that of the best keys alone to that of equal weights.",
    "02_normalization#One shift, two meanings",
)
def a_shift_changes_nothing_and_a_factor_sharpens():
    """Shift the scores, multiply them, and raise the temperature."""
    scores = np.array([2.0, 1.0, 0.1])
    weights, sharp = softmax(scores), softmax(10 * scores)
    assert np.allclose(softmax(scores + 7), weights, rtol=1e-12, atol=0)
    assert np.allclose(sharp, softmax(scores, temperature=0.1))
    warmer = np.geomspace(0.05, 1000, 50)
    spread = [entropy(softmax(scores, temperature=t)) for t in warmer]
    assert (np.diff(spread) > 0).all()
    assert spread[0] < 1e-6
    assert abs(spread[-1] - np.log(3)) < 1e-6
    return f"{weights[0]:.2f} becomes {sharp[0]:.5f} at ten times"


@claim(
    "O6",
    "02_normalization",
    "The smooth maximum is the log-sum-exp; softmax, its slope, is a smooth argmax.",
    "missing",
    "The log-sum-exp of β times the scores, divided by β, exceeds the largest score "
    "by at most log(n)/β, and by exactly that where all n scores tie.",
    "02b_probabilities#A smooth maximum",
)
def log_sum_exp_is_a_maximum_and_softmax_its_slope():
    """Squeeze the log-sum-exp onto the maximum, and take its slope."""
    rows = np.random.default_rng(0).normal(size=(1000, 16))
    for beta in (1, 10, 100):
        above = logsumexp(beta * rows) / beta - rows.max(-1)
        assert above.min() > -1e-14
        assert above.max() < np.log(16) / beta
        assert np.isclose(logsumexp(np.zeros(16)), np.log(16))
    step = 1e-5 * np.eye(16)[0]
    slope = (logsumexp(rows + step) - logsumexp(rows - step)) / 2e-5
    assert np.allclose(slope, softmax(rows)[:, 0], atol=1e-9)
    return f"{above.max():.4f} above; at most {np.log(16) / beta:.4f}"


@claim(
    "O7",
    "02_normalization",
    "Of all distributions, softmax makes expected score plus entropy largest.",
    "missing",
    "A temperature multiplies the entropy. With another measure of spread, half of 1 "
    "minus the sum of p², sparsemax is best: softmax is as special as the entropy is.",
    "02b_probabilities#The best trade of score and entropy",
)
def softmax_is_best_for_entropy_and_sparsemax_for_another():
    """Let 10,000 rivals compete under two measures of spread."""
    scores, hot = np.array([1.0, 0.8, 0.1]), 0.5
    rivals = np.random.default_rng(0).dirichlet(np.ones(3), 10_000)
    soft, sparse = softmax(scores, temperature=hot), sparsemax(scores)

    def trade(p, other=False):
        spread = (1 - (p * p).sum(-1)) / 2 if other else hot * entropy(p)
        return p @ scores + spread

    assert trade(soft) > max(trade(rivals).max(), trade(sparse))
    assert trade(sparse, True) > trade(rivals, True).max()
    assert trade(sparse, True) > trade(soft, True) + 0.001
    short = trade(soft) - trade(rivals).max()
    return f"the best of 10,000 rivals is {short:.0e} short"


@claim(
    "O8",
    "02_normalization",
    "Softmax attention needs one pass over the keys, in blocks of any order.",
    "missing",
    "A block leaves a small state: largest score, sum of exponentials, weighted sum of "
    "values. States merge in any order and grouping, to the same result up to "
    "rounding; the state of no keys changes nothing.",
    "02d_one_pass#States that merge",
)
def blocks_merge_in_any_order():
    """Merge four blocks in each order, from the left and in pairs."""
    rng = np.random.default_rng(0)
    query, key, value = (3 * rng.normal(size=(n, 8)) for n in (2, 40, 40))
    whole = scaled_dot_product_attention(query, key, value)
    blocks = np.split(rng.permutation(40), [3, 11, 12])
    states = [partial_attention(query, key[b], value[b]) for b in blocks]
    worst = 0
    for a, b, c, d in permutations(states):
        in_turn = reduce(merge, (a, b, c, d), State.identity())
        for tree in (in_turn, merge(merge(a, b), merge(c, d))):
            worst = max(worst, abs(finalize(tree) - whole).max())
    assert worst < 1e-13
    return "48 trees agree within 1e-13"


@claim(
    "O10",
    "02_normalization",
    "Attention averages: stacked on its own, it makes all tokens alike.",
    "missing",
    "Each token becomes an average of the values. In random layers without skips "
    "three are enough to wipe out the differences; with skips it takes many more.",
    "02c_buys_and_costs#It averages",
)
def differences_vanish_without_skips():
    """Stack random layers ten times, without skips and with."""
    bare = differences_left(skip=False, layers=3, n_replicas=10)
    skips = differences_left(skip=True, layers=12, n_replicas=10)
    assert bare[0].min() > 0.9
    assert bare[3].max() < 1e-3
    assert skips[12].min() > 0.03
    return f"{bare[3].max():.0e} left; {np.median(skips[12]):.2f} with skips"


@claim(
    "O11",
    "02_normalization",
    "The logarithms of the weights have low rank, though the weights need not.",
    "missing",
    "A row of logarithms is a row of scores minus one number, so with d numbers in a "
    "query the rank is d + 1 at most. Among more keys than that, not every matrix of "
    "positive weights can be had exactly.",
    "02c_buys_and_costs#It averages",
)
def only_the_logarithms_have_low_rank():
    """Take three ranks of 64 queries and keys, of 8 numbers each."""
    for seed in range(5):
        found = ranks(n=64, d=8, seed=seed)
        assert found == {"scores": 8, "weights": 64, "logarithms": 9}
    return f"weights {found['weights']}, logs {found['logarithms']}"


@claim(
    "O14",
    "02_normalization",
    "Softmax must spend all its weight, even where no key deserves any.",
    "missing",
    "One more key, with score zero and value zero, makes it the off-by-one softmax, "
    "which can abstain. Against that key alone softmax is the sigmoid.",
    "02c_buys_and_costs#It cannot abstain",
)
def one_more_key_lets_it_abstain():
    """Add a key of score zero, to whole rows and to single scores."""
    scores = np.random.default_rng(0).normal(scale=3, size=(1000, 5))
    one_more = np.pad(scores, ((0, 0), (0, 1)))
    assert np.allclose(softmax(one_more)[:, :-1], softmax1(scores))
    against = np.stack([scores, np.zeros_like(scores)], -1)
    assert np.allclose(softmax(against)[..., 0], sigmoid(scores))
    nothing = np.full(5, -8.0)
    assert np.isclose(softmax(nothing).sum(), 1)
    spent = float(softmax1(nothing).sum())
    assert spent < 0.01
    return f"five scores of -8 get 1, off by one {spent:.4f}"


@claim(
    "O15",
    "02_normalization",
    "A mask belongs before softmax, so that the keys left share the whole weight.",
    "missing",
    "Softmax under a mask is softmax of the kept keys; zeros written afterwards leave "
    "a sum below one. A fill of -1e9 is no mask where nothing is kept: equal weights "
    "in float32, NaN in float16.",
    "02_normalization#A mask and a row with nothing left",
)
def a_mask_before_renormalises_and_zeros_after_do_not():
    """Mask one key of three before and after, then mask them all."""
    scores, kept = np.array([2.0, 1.0, 0.1]), np.array([1, 1, 0], bool)
    before, after = softmax(scores, where=kept), softmax(scores) * kept
    assert np.allclose(before[kept], softmax(scores[kept]))
    assert np.isclose(before[0] / before[1], after[0] / after[1])
    assert np.isclose(before.sum(), 1)
    assert after.sum() < 0.95
    assert not softmax(scores, where=kept & False).any()
    filled = np.full(3, -1e9, np.float32)
    assert np.allclose(softmax(filled + scores.astype("f4")), 1 / 3)
    with np.errstate(over="ignore"):
        assert np.isnan(softmax(filled.astype(np.float16))).all()
    return f"sum {before.sum():.0f} before, {after.sum():.2f} after"
