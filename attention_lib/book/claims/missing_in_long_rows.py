"""O9 and O12: what the essay leaves out of long rows."""

import math

import numpy as np

from attention_lib import scaled_dot_product_attention as attend
from attention_lib import softmax, sparsemax
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import rows


def bounded_rows():
    """Draw rows of 16 to 100,000 scores between fixed bounds; add all of `rows`."""
    rng = np.random.default_rng(0)
    yield from (rng.uniform(0, 5, (1, n)) for n in (1000, 16, 100_000))
    yield np.append(np.zeros(999), 5.0)[None]
    yield from rows()


def the_order_of_n_needs_bounds_and_positive_weights():
    """Let a lead grow with n; then let the other weights be zero."""
    kept, sparse = [], []
    for n in (100, 10_000):
        others = np.zeros(n - 1)
        kept.append(softmax(np.append(others, math.log(n - 1)))[-1])
        sparse.append(sparsemax(np.append(others, 1.0))[-1])
    return np.allclose(kept, 0.5) and sparse == [1, 1]


@claim(
    "O9",
    "03_focus",
    "If scores stay within fixed bounds, every weight is of the order of 1/n.",
    "With d the largest score less the smallest, each of n weights lies between "
    "e^(-d)/n and e^d/n. Two things escape that: scores that spread further as n "
    "grows, and a map that can give all but the best keys nothing, as sparsemax does "
    "where they lead.",
    "03c_long_rows#At fixed scores",
    over=bounded_rows,
    besides=the_order_of_n_needs_bounds_and_positive_weights,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "uniform weights": "each is exactly 1/n",
        "shuffled weights": "the bounds are the same for all keys",
    },
)
def each_weight_is_within_a_factor_of_one_over_n(scores):
    """Compare n times the weights with e to the spread of the scores, up and down."""
    n, spread = scores.shape[-1], np.ptp(scores, -1)
    times, room = n * softmax(scores), 1 + 1e-9
    low, high = np.exp(-spread) / room, np.exp(spread) * room
    holds = (times.min(-1) >= low).all() and (times.max(-1) <= high).all()
    return holds, f"{times.min():.2g}/n to {times.max():.2g}/n, {n} keys"


def lead_on_a_circle(case):
    """Give the lead over a key's neighbours, for queries that are a multiple of it."""
    n, length = case
    return length * (1 - math.cos(2 * math.pi / n))


def the_lead_reaches_the_logarithm(case):
    """Compare it with log(n - 1)."""
    return lead_on_a_circle(case) >= math.log(case[0] - 1)


def the_length_grows_as_n_squared_and_weights_come_as_near_as_wanted():
    """Find the length for a lead of log(n - 1); then let it grow."""
    grown = []
    for n in (64, 4096):
        needed = math.log(n - 1) / lead_on_a_circle((n, 1.0))
        grown.append(needed / (n**2 * math.log(n)))
    left = [the_right_weights(64, length)[1].max() for length in (1e3, 2e3, 4e3)]
    near_it = left[0] > left[1] > left[2] and left[2] < 1e-6
    return abs(grown[0] / grown[1] - 1) < 0.01 and near_it


def the_right_weights(n, length):
    """Put n keys on a circle, ask for them in any order, and see what each gets.

    Each value marks its key. Give what the right key gets, and all others together.
    """
    angle = 2 * math.pi * np.arange(n) / n
    key = np.stack([np.cos(angle), np.sin(angle)], -1)
    order = np.random.default_rng(0).permutation(n)
    query = length * key[order]
    read = attend(query, key, np.eye(n), scale=1.0, method="dense")
    right = read[np.arange(n), order]
    return right, read.sum(-1) - right


@claim(
    "O12",
    "03_focus",
    "Two numbers in a query and a key are enough to look up any key, in any order.",
    "If the scores may grow: with n keys on a circle it is enough that each leads its "
    "neighbours by log(n - 1), for which the queries must grow about as n² log n. At a "
    "fixed length the weights fade as n grows, and at no length is that of another key "
    "zero.",
    "03c_long_rows#What keeps a share",
    condition=the_lead_reaches_the_logarithm,
    inside=[(64, 1000.0), (3, 1.0), (16, 40.0), (200, 2e4)],
    outside=[(64, 2**-0.5), (64, 100.0), (200, 1000.0)],
    besides=the_length_grows_as_n_squared_and_weights_come_as_near_as_wanted,
    stays={"sparsemax": "it gives a key with that lead half or more, too"},
)
def each_query_gives_its_key_half_or_more(case):
    """Look at the least that a right key gets, and at the most that others get."""
    right, others = the_right_weights(*case)
    figure = f"{right.min():.2f} or more to each of {len(right)} keys"
    return right.min() >= 0.5 >= others.max(), figure
