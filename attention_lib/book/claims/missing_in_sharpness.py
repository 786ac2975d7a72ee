"""O1 and O4: what the essay leaves out of the scores' scale."""

import math
from functools import cache

import numpy as np
import torch

from attention_lib import attention_weights, definitions, effective_support
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim

KEYS = 256


def fresh_entries():
    """Draw all entries independently, for heads of several sizes."""
    rng = np.random.default_rng(0)
    yield from (rng.normal(size=(2, KEYS, d)) for d in (64, 16, 256))


def entries_that_hang_together():
    """Let numbers repeat, let queries be like their keys, let all have a mean."""
    rng = np.random.default_rng(0)
    yield np.repeat(rng.normal(size=(2, KEYS, 16)), 4, axis=-1)
    key = rng.normal(size=(KEYS, 64))
    yield np.stack([key, key])
    yield 1 + rng.normal(size=(2, KEYS, 64))


def entries_have_variance_one_and_no_correlation(case):
    """Measure them over all tokens, those of the queries beside those of the keys."""
    both = np.concatenate(list(case), -1)
    moments = both.T @ both / len(both)
    return abs(moments - np.eye(len(moments))).max() < 0.5


def part_in_effect(query, key, **options):
    """Give the number of keys that weigh in effect, as a part of all."""
    weights = attention_weights(query, key, **options)
    return np.mean(effective_support(weights)) / len(key)


def undivided_few_are_left_and_the_embedding_divides_too_much():
    """Leave out the root; then take that of an embedding of nine heads."""
    raw = [part_in_effect(*case, scale=1.0) for case in fresh_entries()]
    query, key = next(fresh_entries())
    flat = part_in_effect(query, key, scale=(9 * 64) ** -0.5)
    return max(raw) < 0.1 and raw[0] < 0.02 and flat > 0.9


@claim(
    "O1",
    "03_focus",
    "Divided by the root of their dimension, scores make weights as sharp in a large "
    "head as in a small one.",
    "If the entries of queries and keys have mean zero, variance one and no "
    "correlation, as they can be made to before training: then 61 % of the keys weigh "
    "in effect, e^(-1/2) of them, and of undivided scores, at 64 numbers, about one in "
    "a hundred. The dimension is that of the head, not of the embedding.",
    "03b_sharpness#Why divide by √d?",
    condition=entries_have_variance_one_and_no_correlation,
    inside=fresh_entries,
    outside=entries_that_hang_together,
    besides=undivided_few_are_left_and_the_embedding_divides_too_much,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "shuffled weights": "an order of the keys changes no sharpness",
    },
)
def as_many_keys_weigh_at_every_dimension(case):
    """Count the keys that weigh in effect, and compare with scores that spread by 1."""
    query, key = case
    part = part_in_effect(query, key)
    holds = abs(part / math.exp(-1 / 2) - 1) < 0.1
    return holds, f"{part:.0%} of {len(key)} keys at {query.shape[-1]} numbers"


@cache
def look_ups(case):
    """Draw queries that are a key with noise, keys, values, and two random matrices.

    The matrices make d numbers of 16, and the scores are not divided.
    """
    d, n = case
    draw = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(2, *shape, generator=draw, dtype=torch.float64)

    key = normal(64, n, 16)
    key /= key.norm(dim=-1, keepdim=True)
    query = key[:, :, :1] + 0.3 * normal(64, 1, 16)
    return query, key, normal(64, n, 8), normal(1, 16, d), normal(1, 16, d)


def largest_weights(case):
    """Give the largest weight of each row."""
    query, key, _, w_query, w_key = look_ups(case)
    scores = (query @ w_query) @ (key @ w_key).mT
    return definitions.softmax(scores.numpy()).max(-1)


def half_of_the_rows_are_saturated(case):
    """Look whether the best key has 99 % or more in half of them."""
    return np.median(largest_weights(case)) >= 0.99


def gradients(case, scale):
    """Ask each query for the value of its key, and differentiate the squared error.

    Give its size for the scores of each example, and for the matrix of the queries,
    where it is averaged over the examples.
    """
    query, key, value, w_query, w_key = look_ups(case)
    w_query = w_query.clone().requires_grad_()
    scores = scale * (query @ w_query) @ (key @ w_key).mT
    scores.retain_grad()
    each = torch.eye(key.shape[-2], dtype=torch.float64)
    read = attend(scores, each, value, scale=1.0, method="dense")
    (((read - value[:, :, :1]) ** 2).sum() / 2).backward()
    of_matrix = w_query.grad / query.shape[1]
    return scores.grad.norm(dim=-1), of_matrix.norm(dim=(-2, -1)).mean()


def undecided_rows_carry_it_and_more_keys_take_a_larger_spread():
    """Add up the gradients of rows that are not saturated; try a few keys and many."""
    sizes, _ = gradients((256, 32), 1.0)
    undecided = largest_weights((256, 32)) < 0.99
    carried = sizes.numpy()[undecided].sum() / sizes.sum()
    few, many = (np.median(largest_weights((64, n))) for n in (4, 256))
    return undecided.mean() < 0.5 and carried > 0.9 and few > 0.99 and many < 0.9


@claim(
    "O4",
    "03_focus",
    "Saturated rows starve most examples of their gradient, and that of a batch does "
    "not show it.",
    "If half of the rows have 99 % of the weight on one key, as with undivided scores "
    "in a head of 256 numbers among 32 keys, the median example gets less than a fifth "
    "of the mean gradient on its scores; the more keys, the more spread it takes. The "
    "gradient of the matrices over a batch is larger than with the root even so: the "
    "rows that are undecided carry it, and undivided scores follow the matrices √d "
    "times as fast, which is most of it.",
    "03b_sharpness#What saturation starves",
    condition=half_of_the_rows_are_saturated,
    inside=[(256, 32), (64, 4), (256, 4)],
    outside=[(16, 32), (1, 32), (64, 128)],
    besides=undecided_rows_carry_it_and_more_keys_take_a_larger_spread,
    stays={
        "a constant added": "it moves the errors, and what is saturated stays so",
        "shuffled weights": "they are as saturated, on another key",
        "sparsemax": "it saturates, too",
    },
)
def most_examples_starve_and_a_batch_does_not_show_it(case):
    """Compare the median with the mean, and the matrix with and without the root."""
    sizes, undivided = gradients(case, 1.0)
    _, divided = gradients(case, case[0] ** -0.5)
    part, times = sizes.median() / sizes.mean(), undivided / divided
    figure = (
        f"median {part:.0%} of the mean, averaged gradient {times:.1f} times as large"
    )
    return part < 1 / 5 and times > 1, figure
