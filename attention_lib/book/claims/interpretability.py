"""Claims 17 and 18, the essay's section 2.3: what scores and weights tell."""

import numpy as np

from attention_lib import scaled_dot_product_attention as attend
from attention_lib import sigmoid, softmax
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import near, read


def differences_are_log_odds_and_the_level_is_lost():
    """Get the differences back from the weights, then move the level."""
    scores = np.random.default_rng(0).uniform(0, 9, (1000, 8))
    weights = softmax(scores)
    log_odds = np.log(weights[:, 1:] / weights[:, :1])
    exact = near(log_odds, scores[:, 1:] - scores[:, :1])
    none, every = np.full(8, -9.0), np.full(8, 9.0)
    lost = near(softmax(none), softmax(every))
    return exact and lost and sigmoid(none).sum() < 0.01 < 7.9 < sigmoid(every).sum()


@claim(
    "17",
    "2.3",
    "Raw similarity scores can be hard to interpret.",
    "One by one they are: with the same score a key gets nearly all the weight, or "
    "nearly none. The difference of two is exactly the logarithm of the odds between "
    "their keys. What softmax cannot tell is their common level: whether all keys "
    "match or none does.",
    "02c_buys_and_costs#It forgets the level",
    over=[2.0, -50.0, 0.0, 700.0],
    besides=differences_are_log_odds_and_the_level_is_lost,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "sparsemax": "it compares scores, too",
    },
)
def a_score_alone_says_nothing_of_the_weight(score):
    """Put a key with this score among weaker ones, and among stronger ones."""
    most = softmax(score + np.array([0.0, -9.0, -9.0]))[0]
    least = softmax(score + np.array([0.0, 9.0, 9.0]))[0]
    holds = 1 >= most > 0.99 and 0 <= least < 0.01
    return holds, f"a score of {score:g} gets {most:.2%} or {least:.2%}"


def hidden(scores, values):
    """Give how far the output moves when each key is hidden in turn."""
    n, output = len(scores), read(scores, values)
    others = ~np.eye(n, dtype=bool)
    query, keys = np.ones((n, 1)), scores[:, None]
    return np.linalg.norm(
        attend(query, keys, values, others, scale=1.0) - output, axis=1
    )


def silenced(scores, values):
    """Give how far the output moves when each value is zero in turn."""
    output, each = read(scores, values), np.eye(len(scores), dtype=bool)
    moved = [read(scores, np.where(one[:, None], 0, values)) - output for one in each]
    return np.linalg.norm(moved, axis=1)


def order(x):
    """Give for each pair which is larger; a difference by rounding is none."""
    apart = x[:, None] - x
    return np.sign(apart) * (abs(apart) > 1e-12)


def values_at_right_angles():
    """Take the essay's scores; draw 2 to 16 keys, flat, wild and with a tie."""
    yield np.array([2.0, 1.0, 0.1]), np.eye(3)
    rng = np.random.default_rng(0)
    for n, d in ((2, 2), (7, 16), (16, 16)):
        turned = np.linalg.qr(rng.normal(size=(d, d)))[0][:n]
        for spread in (0.01, 1.0, 5.0):
            yield spread * rng.normal(size=n), 3 * turned
    yield np.array([1.0, 1.0, -2.0]), np.eye(3)


def values_that_agree_or_say_nothing():
    """Let two say the same; let the first, of most weight, say nothing; draw some."""
    yield np.array([1.0, 0.9, 0.1]), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    yield np.array([3.0, 0.0, 0.1]), np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    rng = np.random.default_rng(0)
    yield from ((rng.normal(size=16), rng.normal(size=(16, 2))) for _ in range(5))


def the_values_are_as_long_and_at_right_angles(case):
    """Multiply each value by each other one."""
    products = case[1] @ case[1].T
    return near(products, products[0, 0] * np.eye(len(products)))


def by_the_formula(scores, values):
    """Multiply the odds of each key by how far its value is from the output."""
    weights, output = softmax(scores), read(scores, values)
    return weights / (1 - weights) * np.linalg.norm(values - output, axis=1)


def equally_far_is_enough_and_more_keys_have_other_weights():
    """Try the formula on all values, put some equally far, and move along what is free.

    Directions in which values, and ones beside them, cancel leave output and sum alone.
    """
    rng = np.random.default_rng(0)
    drawn = [(rng.normal(size=n), rng.normal(size=(n, 3))) for n in (2, 7, 50)]
    exact = all(near(hidden(*case), by_the_formula(*case)) for case in drawn)
    around = np.array([[1.0, 0.0], [-0.6, 0.8], [-0.6, -0.8]])
    uneven = np.linalg.solve(np.vstack([around.T, np.ones(3)]), [0, 0, 1])
    far = np.log(uneven), 5 + around  # each at a distance of one
    alike = np.array_equal(order(hidden(*far)), order(uneven))
    (scores, values), weights = drawn[1], softmax(drawn[1][0])
    beside = np.column_stack([values, np.ones(7)])
    free = np.linalg.svd(beside.T)[2][-1]
    other = weights - free * (weights / free)[free > 0].min()
    twin = near(other @ values, read(scores, values)) and near(other.sum(), 1)
    twin = twin and other.min() > -1e-12 and abs(other - weights).sum() > 0.1
    return exact and alike and twin and np.linalg.matrix_rank(beside[:4]) == 4


@claim(
    "18",
    "2.3",
    "The weights can be understood, intuitively, as the “importance” of each element "
    "of the input.",
    "If the values are equally long and at right angles to each other, in one layer: "
    "then of two keys the one with more weight has more effect, whether we hide a key "
    "or make its value zero. In general, hiding a key of weight a moves the output by "
    "a / (1 - a) times the distance of its value from the output. So of two keys that "
    "say the same each is missed less than if it stood alone, and a long look at a "
    "value of zero changes nothing if that value is left out. Where there are more "
    "than d + 1 keys with values of d numbers, other weights give the same output.",
    "04_interpretability#Where weight is effect",
    condition=the_values_are_as_long_and_at_right_angles,
    inside=values_at_right_angles,
    outside=values_that_agree_or_say_nothing,
    besides=equally_far_is_enough_and_more_keys_have_other_weights,
    stays={"uniform weights": "equal weights have equal effects"},
)
def more_weight_is_more_effect(case):
    """Hide each key, silence each value, and compare the orders with the weights'."""
    weights, moved, lost = softmax(case[0]), hidden(*case), silenced(*case)
    orders = [order(x) for x in (weights, moved, lost)]
    alike = all(np.array_equal(each, orders[0]) for each in orders)
    shown = (", ".join(f"{x:.2f}" for x in each[:3]) for each in (weights, moved, lost))
    figure = "weights {}; hidden, the keys move the output by {}; silenced by {}"
    return alike and near(moved, by_the_formula(*case)), figure.format(*shown)
