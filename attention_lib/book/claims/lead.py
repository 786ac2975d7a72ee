"""Claims 13 and 14, the essay's section 2.2: what gains, and the lead that it takes."""

import math

import numpy as np

from attention_lib import logsumexp, softmax
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import near, read, rows


def rows_whose_lowest_loses():
    """Raise the essay's scores by one; draw scores above one; go a little below."""
    rng = np.random.default_rng(0)
    yield np.array([3.0, 2.0, 1.1])
    yield from (rng.uniform(1, 6, n) for n in (2, 16, 1000))
    yield np.array([2.0, 1.0, 0.9])


def rows_whose_lowest_gains():
    """Take the essay's scores, then scores below one, then many between two ends."""
    rng = np.random.default_rng(0)
    yield np.array([2.0, 1.0, 0.1])
    yield np.array([0.9, 0.5, 0.2])
    yield rng.uniform(0.1, 1, 16)
    yield np.append(np.ones(30), [3.0, 0.5])


def the_lowest_has_less_growth_than_the_row(scores):
    """Compare its e^s / s with that of the row: the sum of e^s over the sum of s.

    Where it is less, softmax gives it less than its part of the sum. No score between
    has more than both ends, so that the highest then gains.
    """
    lowest = scores.min()
    return math.exp(lowest) / lowest < np.exp(scores).sum() / scores.sum()


def size_decides_and_of_equal_shares_the_log_mean_exp():
    """Draw scores above one and below one, and compare with equal shares as well."""
    rng = np.random.default_rng(0)
    for low, high, sign in ((1, 9, 1), (0.01, 1, -1)):
        for row in np.sort(rng.uniform(low, high, (100, 5))):
            weights, divided = softmax(row), row / row.sum()
            gains = sign * (weights - divided)
            level = logsumexp(row) - math.log(len(row))
            above_equal = np.array_equal(weights > 1 / len(row), row > level)
            if not (gains[0] < 0 < gains[-1] and above_equal):
                return False
    return True


@claim(
    "13",
    "2.2",
    "Softmax amplifies the weights of high scores and suppresses those of low scores.",
    "Compared with dividing positive scores by their sum, a share grows exactly if its "
    "e^s / s exceeds that of the row, the sum of all e^s over the sum of all s. So the "
    "size of the scores decides: above 1 the high ones gain and the low ones lose, "
    "below 1 it is the other way round, and of 2, 1 and 0.1 the lowest triples. "
    "Compared with equal shares, exactly the scores above the logarithm of the mean "
    "exponential gain.",
    "03_focus#Amplified, compared with what?",
    condition=the_lowest_has_less_growth_than_the_row,
    inside=rows_whose_lowest_loses,
    outside=rows_whose_lowest_gains,
    besides=size_decides_and_of_equal_shares_the_log_mean_exp,
    stays={"the mean of the values": "it speaks of the weights alone"},
)
def above_some_level_all_gain_and_below_it_all_lose(scores):
    """Compare softmax with dividing positive scores by their sum, in their order."""
    order = scores.argsort()
    weights, divided = softmax(scores)[order], (scores / scores.sum())[order]
    gains = weights - divided
    level = (np.diff(np.sign(gains)) >= 0).all()
    figure = f"the lowest share, {divided[0]:.3f}, becomes {weights[0]:.3f}"
    return level and gains[0] < 0 < gains[-1], figure


def share_of_the_best(scores):
    """Mark the value of the best key, and attend."""
    marks = (np.arange(len(scores)) == scores.argmax()).astype(float)[:, None]
    return read(scores, marks, method="dense")[0]


def leads_of_the_logarithm():
    """Lead by log(n - 1) where the others tie, and by more where they do not."""
    rng = np.random.default_rng(0)
    for n in (1024, 2, 3, 16, 65536):
        yield np.append(np.zeros(n - 1), math.log(n - 1))
        yield np.append(-rng.exponential(size=n - 1), math.log(n - 1) + 1)


def shorter_leads():
    """Lead by 5 over 1023 that tie; then by a little less than would be enough."""
    yield np.append(np.zeros(1023), 5.0)
    for n in (3, 16, 1024, 65536):
        yield np.append(np.zeros(n - 1), math.log(n - 1) - 0.1)


def the_lead_reaches_the_logarithm(scores):
    """Measure the lead over the second, and compare it with log(n - 1)."""
    *_, second, best = np.sort(scores)
    return best - second >= math.log(len(scores) - 1)


def exactly_the_log_sum_exp_of_the_others_is_needed():
    """Ask of random rows who has half; then score exactly as much as is needed."""
    for drawn in rows()[:12]:
        others, best = np.split(np.sort(drawn), [-1], axis=-1)
        needed = logsumexp(others)
        half = softmax(drawn).max(-1) >= 0.5
        exact = softmax(np.column_stack([others, needed]))[:, -1]
        if not (np.array_equal(half, best[:, 0] >= needed) and near(exact, 0.5)):
            return False
    return True


@claim(
    "14",
    "2.2",
    "So the model focuses more on the most relevant parts.",
    "If the best key leads by enough. Among n keys, a lead of log(n - 1) over the "
    "second gives it half of the weight or more, and where the others tie it takes "
    "that much. In any row the exact condition is that its score reaches the "
    "log-sum-exp of all the others.",
    "03_focus#The lead that buys it",
    condition=the_lead_reaches_the_logarithm,
    inside=leads_of_the_logarithm,
    outside=shorter_leads,
    besides=exactly_the_log_sum_exp_of_the_others_is_needed,
)
def the_best_key_has_half_of_the_weight(scores):
    """See what part of its value the output holds."""
    share, lead = share_of_the_best(scores), np.ptp(np.sort(scores)[-2:])
    figure = f"{share:.0%} at a lead of {lead:.1f} among {len(scores)} keys"
    return 0.5 - 1e-12 <= share <= 1 + 1e-12, figure
