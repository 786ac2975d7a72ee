"""O2, O3 and O16: what the essay leaves out of how weights move with the scores."""

import numpy as np

from attention_lib import (
    attention_weights,
    jacobian,
    jacobian_norm,
    sigmoid,
    softmax,
)
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import inputs

STEP = 1e-5


def alike(found, expected):
    """Tell whether differences agree with a derivative, but for the step's size."""
    return np.allclose(found, expected, atol=1e-7)


def single_rows():
    """Take the essay's scores; draw flat and wild rows; add ties and an extreme."""
    yield np.array([2.0, 1.0, 0.1])
    rng = np.random.default_rng(0)
    yield from (rng.normal(scale=s, size=n) for n in (2, 7, 16) for s in (0.1, 1, 4))
    yield from (np.array([1.0, 1.0, -2.0]), np.array([30.0, 0.0, 0.0]))


def moves(scores):
    """Give how all weights move (a row) with each score, by small steps."""
    step = STEP * np.eye(len(scores))
    return (softmax(scores + step) - softmax(scores - step)) / (2 * STEP)


def the_matrix_is_a_covariance_and_sigmoids_do_not_compete():
    """Compare with draws of one key, look at its rank, and raise a sigmoid's score."""
    scores = np.array([2.0, 1.0, 0.1, 1.5])
    matrix, weights = jacobian("softmax", scores), softmax(scores)
    apart = np.eye(4) - weights  # the draws, each less the mean
    covariance = (weights[:, None] * apart).T @ apart
    spread = np.linalg.eigvalsh(matrix)
    only_one_is_zero = abs(spread[0]) < 1e-12 and spread[1] > 1e-3
    alone = sigmoid(scores + np.eye(4)[0])[1:] == sigmoid(scores)[1:]
    return np.allclose(matrix, covariance) and only_one_is_zero and alone.all()


@claim(
    "O2",
    "03_focus",
    "Keys compete: a score that rises takes from every other key in proportion to its "
    "weight.",
    "All the derivatives together are diag(w) - w wᵀ, the covariance of a single key "
    "drawn by the weights; only a shift of all scores moves nothing. Of sigmoids, "
    "which weigh each key by itself, none takes from another.",
    "03_focus#Raising one lowers the others",
    over=single_rows,
    besides=the_matrix_is_a_covariance_and_sigmoids_do_not_compete,
    stays={"the mean of the values": "it speaks of the weights alone"},
)
def what_one_gains_the_others_lose_by_their_weights(scores):
    """Raise each score by a little, and compare with the products of weights."""
    weights, moved = softmax(scores), moves(scores)
    competing = np.diag(weights) - np.outer(weights, weights)
    lost = ", ".join(f"{-x:.3f}" for x in np.delete(moved[1], 1)[:2])
    holds = alike(moved, competing) and alike(jacobian("softmax", scores), competing)
    return holds, f"for one of score {scores[1]:g}, the first others lose {lost}"


def steps(n):
    """Draw pairs of rows of n scores, near and far; then part two that lead and tie."""
    rng = np.random.default_rng(0)
    start = np.repeat(rng.normal(scale=2, size=(300, n)), 2, 0)
    size = np.tile([1e-3, 3.0], 300)[:, None]
    tie, part = np.full((1, n), -60.0), np.zeros((1, n))
    tie[0, :2], part[0, :2] = 0, (STEP, -STEP)
    start = np.concatenate([start, tie])
    return start, np.concatenate([size * rng.normal(size=(600, n)), part])


def the_bound_needs_two_keys_alone():
    """Take the largest eigenvalue where two share all; with a third; at both ends."""
    two, three = np.zeros(2), np.array([0.0, 0.0, -9.0])
    reached = np.linalg.eigvalsh(jacobian("softmax", two))[-1]
    below = np.linalg.eigvalsh(jacobian("softmax", three))[-1]
    still = [np.array([20.0, 0, 0, 0]), np.zeros(1000)]
    ends = max(jacobian_norm("softmax", row).max() for row in still)
    return abs(reached - 0.5) < 1e-15 and 0.499 < below < 0.5 - 1e-6 and ends < 0.05


@claim(
    "O3",
    "03_focus",
    "Weights move at most half as far as the scores, and no smaller bound would do.",
    "Half is reached between two keys of equal weight, and with more keys it is only "
    "approached, where those two have nearly all. At both ends the weights hardly "
    "move: where one key has all the weight, and where a great many share it alike.",
    "03b_sharpness#How far can weights move?",
    over=[2, 3, 16, 1000],
    besides=the_bound_needs_two_keys_alone,
    stays={
        "a constant added": "it drops out of the difference of two rows",
        "the mean of the values": "it speaks of the weights alone",
        "shuffled weights": "an order of the keys changes no length",
    },
)
def weights_move_half_as_far_at_most(n):
    """Measure both steps by their root of the sum of squares."""
    start, step = steps(n)
    moved = np.linalg.norm(softmax(start + step) - softmax(start), axis=-1)
    most = (moved / np.linalg.norm(step, axis=-1)).max()
    holds = 0.49999 < most < 0.5 + 1e-9
    return holds, f"{most:.5f} times as far in the worst of {len(start)} steps"


def with_other_values_it_is_theirs_with_the_keys_and_one_key_alone_is_still():
    """Move queries among other values; then one that has settled on a key."""
    query, key, value = next(inputs())
    crossed = alike(*moved_and_expected(query, key, value))
    settled, _ = moved_and_expected(1000 * key[:1], key, key)
    return crossed and abs(settled).max() < 1e-6


def moved_and_expected(query, key, value):
    """Give how outputs move with the queries, by steps and by covariances."""
    d = query.shape[-1]
    step = STEP * np.eye(d)[:, None]
    ahead, behind = (attend(query + s, key, value) for s in (step, -step))
    weights = attention_weights(query, key)
    apart = key - (weights @ key)[:, None]  # (n_queries, n_keys, d)
    joint = np.einsum("qk,qkd,kv->dqv", weights, apart, value)
    return (ahead - behind) / (2 * STEP), joint / d**0.5


@claim(
    "O16",
    "03_focus",
    "Where the values are the keys, the output moves with the query as the keys "
    "spread: by their covariance under the weights, over the root of the dimension.",
    "With other values it is the covariance of these with the keys. So an output "
    "turns towards what still differs among the keys that are weighed, and once one "
    "key has all the weight it stands still.",
    "03b_sharpness#How far can weights move?",
    over=inputs,
    besides=with_other_values_it_is_theirs_with_the_keys_and_one_key_alone_is_still,
)
def the_output_moves_as_the_keys_spread(case):
    """Move each number of each query by a little, and compare."""
    query, key, _ = case
    moved, expected = moved_and_expected(query, key, key)
    most = abs(moved).max(), abs(expected).max()
    figure = "moves by up to {:.2f} of a step; covariance {:.2f}".format(*most)
    return alike(moved, expected), figure
