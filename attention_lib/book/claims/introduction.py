"""Claims 1 and 2, the essay's introduction: what softmax is said to do."""

import math

import numpy as np

from attention_lib import masks
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import distribution, near, read


def seen():
    """Draw queries and keys; hide the future, hide padding, leave a single key."""
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(2, 64, 16))
    every = np.ones((64, 64), bool)
    yield query, key, every, 0.0
    yield query, key, masks.causal(64, 64), 0.0
    yield 30 * query, key, every & (np.arange(64) < 50), 0.0
    yield query, key[:1], every[:, :1], 0.0


def dropped_or_hidden():
    """Drop one weight in ten, as in training; then hide every key."""
    query, key, every, _ = next(seen())
    yield query, key, every, 0.1
    yield query, key, ~every, 0.0


def each_query_sees_a_key_and_no_weight_is_dropped(case):
    """Look at the mask and at the dropout."""
    _, _, mask, dropout = case
    return mask.any(-1).all() and dropout == 0


@claim(
    "1",
    "intro",
    "Softmax turns the attention weights into a probability distribution.",
    "It turns scores into weights: for each query, a distribution over the keys that "
    "no mask hides. There must be such a key, and no dropout: in training it breaks "
    "the sum.",
    "02_normalization#A row of shares",
    condition=each_query_sees_a_key_and_no_weight_is_dropped,
    inside=seen,
    outside=dropped_or_hidden,
    stays={
        "uniform weights": "equal shares are a distribution too",
        "sparsemax": "it gives a distribution too",
    },
)
def the_weights_that_are_used_are_a_distribution(case):
    """Let each value mark its key, so that the output is the weights."""
    query, key, mask, dropout = case
    marks, rng = np.eye(len(key)), np.random.default_rng(0)
    weights = attend(query, key, marks, mask, dropout_p=dropout, rng=rng)
    sums = weights.sum(-1)
    holds = distribution(weights) and not weights[~mask].any()
    return holds, f"sums from {sums.min():.2f} to {sums.max():.2f}"


LITTLE = 0.1  # what may be left to all others together, to be generous


def on_others(scores):
    """Mark the values of all keys but the best, and attend."""
    marks = (np.arange(len(scores)) != scores.argmax()).astype(float)[:, None]
    return read(scores, marks)[0]


def clear_leads():
    """Lead by more and by less, over others that tie and over others that do not."""
    rng = np.random.default_rng(0)
    for lead in (5.0, 0.5, 12.0):
        for n in (1024, 2, 16, 65536):
            yield np.append(np.zeros(n - 1), lead)
            yield np.append(-rng.exponential(size=n - 1), lead)


def the_others_share_what_the_formula_allows(scores):
    """Compare their share with the formula, which is exact where they tie."""
    *_, second, best = np.sort(scores)
    n, lead, share = len(scores), best - second, on_others(scores)
    most = (n - 1) / (n - 1 + math.exp(lead))
    tied = second == scores.min()
    holds = near(share, most) if tied else 0 < share < most
    return holds, f"at most {most:.0%}"


@claim(
    "2",
    "intro",
    "This ensures that the model focuses on the most relevant parts and ignores the "
    "rest.",
    "It prefers the best key, and how much is left to the others depends on its lead. "
    "If that is g, the other n - 1 together get at most (n - 1)/(n - 1 + e^g) of the "
    "weight, and exactly that where they tie: of enough keys, nearly all.",
    "01_motivation#Soft means that everything is read",
    against=[np.append(np.zeros(1023), 5.0), np.array([2.0, 1.0, 0.1])],
    instead=the_others_share_what_the_formula_allows,
    over=clear_leads,
)
def the_others_get_little(scores):
    """See what the output takes from the values of all others together."""
    share, lead = on_others(scores), np.ptp(np.sort(scores)[-2:])
    figure = f"{share:.0%} on {len(scores) - 1} others that trail by {lead:g}"
    return 0 <= share < LITTLE, figure
