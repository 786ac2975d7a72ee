"""O10, O11 and O14: what the essay leaves out of the price of normalising."""

import numpy as np

from attention_lib import attention_weights, sigmoid, softmax, softmax1
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import near, read
from attention_lib.book.experiments.depth import differences_left


def left(layers, skip=False, **options):
    """Give what is left of the differences in each of ten stacks of random layers."""
    return differences_left(skip, layers=layers, n_replicas=10, **options)[-1]


def other_stacks_are_slower():
    """Take matrices three times as large, a causal mask, or a skip."""
    slower = min(np.median(left(3, scale=3.0)), np.median(left(3, causal=True)))
    return slower > 0.1 and left(12, skip=True).min() > 0.03


@claim(
    "O10",
    "02_normalization",
    "Attention averages: stacked on its own, with random matrices, it makes all tokens "
    "alike.",
    "Each token becomes an average of the values. Three random layers are enough where "
    "their matrices keep the size of the numbers and no mask hides later tokens; "
    "larger matrices or a causal mask take more. With skips, the differences are not "
    "wiped out in twelve.",
    "02c_buys_and_costs#It averages",
    over=[
        {"layers": 3},
        {"layers": 3, "scale": 0.5},
        {"layers": 30, "scale": 3.0},
        {"layers": 30, "causal": True},
    ],
    besides=other_stacks_are_slower,
    stays={
        "a constant added": "it moves all tokens alike",
        "the mean of the values": "it makes them alike at once",
        "uniform weights": "they make them alike at once",
        "shuffled weights": "they average, too",
    },
)
def differences_vanish(case):
    """Compare norm(X - mean token) with norm(X) after the last layer."""
    found, after = left(**case), f"after {case['layers']} layers"
    return found.max() < 1e-3, f"median of 10 stacks {after}: {np.median(found):.0e}"


def heads():
    """Draw more queries and keys than they have numbers."""
    for seed, (n, d) in enumerate([(64, 8), (20, 3), (64, 8), (12, 1)]):
        yield np.random.default_rng(seed).normal(size=(2, n, d))


def some_positive_weights_cannot_be_had():
    """Find the rank of the logarithms of shares that were drawn at random."""
    shares = np.random.default_rng(0).dirichlet(np.ones(10), 10)
    return np.linalg.matrix_rank(np.log(shares)) > 8 + 1


@claim(
    "O11",
    "02_normalization",
    "The logarithms of the weights have low rank, though the weights need not.",
    "A row of logarithms is a row of scores minus one number, so with d numbers in a "
    "query the rank is d + 1 at most. Among more queries and keys than that, not every "
    "matrix of positive weights can be had exactly.",
    "02c_buys_and_costs#It averages",
    over=heads,
    besides=some_positive_weights_cannot_be_had,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "shuffled weights": "an order of the keys changes no rank",
    },
)
def only_the_logarithms_have_low_rank(case):
    """Take the ranks of the weights and of their logarithms."""
    query, key = case
    weights = attention_weights(query, key)
    if not (weights > 0).all():
        return False, "a weight without a logarithm"
    whole, logs = map(np.linalg.matrix_rank, (weights, np.log(weights)))
    holds = logs <= query.shape[-1] + 1 < whole
    return holds, f"{query.shape[-1]} numbers a query: weights {whole}, logs {logs}"


def one_more_key_lets_it_abstain():
    """Add a key of score zero, to whole rows and to single scores."""
    scores = np.random.default_rng(0).normal(scale=3, size=(1000, 5))
    one_more = softmax(np.pad(scores, ((0, 0), (0, 1))))[:, :-1]
    against = softmax(np.stack([scores, np.zeros_like(scores)], -1))[..., 0]
    same = near(one_more, softmax1(scores)) and near(against, sigmoid(scores))
    return same and softmax1(np.full(5, -8.0)).sum() < 0.01


@claim(
    "O14",
    "02_normalization",
    "Softmax must spend all its weight, even where no key deserves any.",
    "One more key, with score zero and value zero, makes it the off-by-one softmax, "
    "which can abstain. Against that key alone softmax is the sigmoid.",
    "02c_buys_and_costs#It cannot abstain",
    over=[np.full(5, -8.0), np.full(1000, -300.0), -np.arange(9.0), np.array([-1e4])],
    besides=one_more_key_lets_it_abstain,
    stays={
        "the mean of the values": "it spends all, too",
        "uniform weights": "they spend all, too",
        "shuffled weights": "they spend all, on others",
        "sparsemax": "it spends all, too",
    },
)
def all_is_spent_on_keys_that_do_not_match(scores):
    """Attend to values that are all one: the output is what was spent."""
    (spent,) = read(scores, np.ones((len(scores), 1)))
    nothing = softmax1(scores).sum()
    return near(spent, 1), f"spends {spent:.2f}; off by one {nothing:.4f}"
