"""Claims 7 to 11, the essay's sections 2 and 2.1: normalisation."""

import numpy as np

from attention_lib import (
    attention_scores,
    attention_weights,
    logsumexp,
    softmax,
)
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.impostors import all_of_them
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import distribution, inputs, near, rows


def attention_scales_its_products():
    """Compute the weights step by step: right with the root, wrong without."""
    query, key, _ = list(inputs())[1]
    weights, products = attention_weights(query, key), query @ key.T
    scaled = near(weights, softmax(products / query.shape[-1] ** 0.5))
    return scaled and abs(weights - softmax(products)).max() > 0.1


@claim(
    "7",
    "2",
    "Softmax turns raw similarity scores, usually dot products, into a probability "
    "distribution.",
    "Of scaled dot products: attention also divides them by the root of their "
    "dimension, which the essay leaves out.",
    "02_normalization#A row of shares",
    over=rows,
    besides=attention_scales_its_products,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "sparsemax": "it gives a distribution that follows the scores, too",
    },
)
def a_distribution_that_follows_the_scores(scores):
    """Sum the weights, and see whether a higher score ever gets less."""
    weights = softmax(scores)
    order = scores.argsort(-1)
    rising = np.diff(np.take_along_axis(weights, order, -1)) >= 0
    apart = (np.ptp(weights, -1) > 0) == (np.ptp(scores, -1) > 0)
    holds = distribution(weights) and rising.all() and apart.all()
    ends = scores.min(), scores.max(), weights.min(), weights.max()
    return holds, "scores {:.1f} to {:.1f}, weights {:.2f} to {:.2f}".format(*ends)


def products_spread_as_the_root_of_the_dimension():
    """Multiply random vectors; then vectors of length one, each with itself too."""
    rng = np.random.default_rng(0)
    for d in (64, 1024):
        query, key = rng.normal(size=(2, 300, d))
        scores, _ = attention_scores(query, key, scale=1.0)
        key /= np.linalg.norm(key, axis=-1, keepdims=True)
        bounded, _ = attention_scores(key, key, scale=1.0)
        spread = np.sqrt((scores**2).mean() / d)
        if not (abs(spread - 1) < 0.05 and near(abs(bounded).max(), 1)):
            return False
    return True


@claim(
    "8",
    "2.1",
    "Raw scores such as dot products can range widely, without fixed bounds.",
    "Independent entries of mean zero and variance one give products that spread as "
    "the root of the dimension. Queries and keys of length one, though, have scores "
    "from -1 to 1.",
    "02_normalization#How far do scores spread?",
    over=[1e3, 1.0, 1e6, 1e12],
    besides=products_spread_as_the_root_of_the_dimension,
    stays=all_of_them("it speaks of the scores alone"),
)
def some_score_exceeds_the_bound(bound):
    """Make random queries and keys long enough to pass a bound, on both sides."""
    query, key = np.sqrt(bound) * np.random.default_rng(0).normal(size=(2, 9, 16))
    scores, _ = attention_scores(query, key, scale=1.0)
    holds = scores.min() < -bound and bound < scores.max()
    return holds, f"from {scores.min():.0f} to {scores.max():.0f}"


def the_ends_need_a_mask_rounding_or_a_single_key():
    """Look for weights strictly inside, then reach for zero and for one."""
    scores = np.random.default_rng(0).uniform(-10, 10, (1000, 8))
    weights = softmax(scores)
    inside = ((weights > 0) & (weights < 1)).all()
    masked = softmax(scores, where=np.arange(8) < 5)
    rounded = softmax(np.array([0, -104], np.float32))
    single = softmax(scores[:, :1])
    ends = (
        not masked[:, 5:].any() and rounded.tolist() == [1, 0] and (single == 1).all()
    )
    return inside and ends


@claim(
    "9",
    "2.1",
    "Softmax brings all of them into [0, 1], with a sum of one.",
    "In exact arithmetic, two or more finite scores get weights strictly between 0 "
    "and 1. The ends are reached through a mask, through rounding, or with one key.",
    "02_normalization#A row of shares",
    over=rows,
    besides=the_ends_need_a_mask_rounding_or_a_single_key,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "uniform weights": "equal shares lie there too",
        "shuffled weights": "shares in another order lie there too",
        "sparsemax": "its weights lie there too",
    },
)
def weights_lie_in_the_unit_interval_and_sum_to_one(scores):
    """Look at the largest, the smallest, and the sum."""
    weights = softmax(scores)
    holds = distribution(weights) and (weights <= 1).all()
    return holds, f"from {weights.min():.3f} to {weights.max():.3f}"


def noisy_keys():
    """Draw keys of one length, and noise as strong as the scale presumes."""
    rng = np.random.default_rng(0)
    for noise, n, d in ((0.5, 8, 4), (0.3, 32, 16), (2.0, 3, 2)):
        key = rng.normal(size=(n, d))
        yield key / np.linalg.norm(key, axis=-1, keepdims=True), noise, noise**-2


def other_worlds():
    """Take a scale twice too large; then keys of several lengths."""
    key, noise, scale = next(noisy_keys())
    yield key, noise, 2 * scale
    yield key * np.linspace(0.5, 2, len(key))[:, None], noise, scale


def keys_have_one_length_and_the_scale_fits_the_noise(case):
    """Measure the keys, and compare the scale with the noise."""
    key, noise, scale = case
    return near(np.ptp(np.linalg.norm(key, axis=-1)), 0) and near(scale * noise**2, 1)


def a_key_wins_under_gumbel_noise_as_often_as_its_weight_says():
    """Hold 100,000 noisy contests."""
    rng, scores = np.random.default_rng(0), np.array([2.0, 1.0, 0.1])
    noise = rng.gumbel(size=(100_000, 3))
    wins = np.bincount((scores + noise).argmax(-1)) / len(noise)
    return abs(wins - softmax(scores)).max() < 0.006  # 4 standard errors


@claim(
    "10",
    "2.1",
    "The weights then have a clear probabilistic meaning.",
    "It depends on the event. A weight is the chance that its key made the query, if "
    "a query is a key with Gaussian noise, all keys have one length, and the scale is "
    "one over the noise's variance. And it is the chance that a key wins where Gumbel "
    "noise is added to each score; but attention adds none.",
    "02b_probabilities#Probabilities of what?",
    condition=keys_have_one_length_and_the_scale_fits_the_noise,
    inside=noisy_keys,
    outside=other_worlds,
    besides=a_key_wins_under_gumbel_noise_as_often_as_its_weight_says,
    stays={"the mean of the values": "it speaks of the weights alone"},
)
def a_weight_is_the_chance_that_its_key_made_the_query(case):
    """Compare with Bayes' rule, all keys being as likely before."""
    key, noise, scale = case
    query = key + noise * np.random.default_rng(1).normal(size=key.shape)
    distance = ((query[:, None] - key) ** 2).sum(-1)
    density = np.exp(-distance / (2 * noise**2))
    chance = density / density.sum(-1, keepdims=True)
    off = abs(attention_weights(query, key, scale=scale) - chance).max()
    return off < 1e-9, f"off by {off:.2f}"


def linear_readers():
    """Let a linear layer read the output, for two lengths and three kinds of noise."""
    for n, noise in ((32, 0.2), (8, 0.1), (32, 0.3)):
        yield *lookups(n, noise), False


def rescaling_readers():
    """Let the layer bring what it reads to length one first, as LayerNorm does."""
    yield *lookups(32, 0.2), True


def lookups(n, noise):
    """Draw rows of n pairs, and in each a query that is the first key with noise."""
    rng = np.random.default_rng(0)
    key, value = rng.normal(size=(300, n, 16)), rng.normal(size=(300, n, 4))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    return key[:, :1] + noise * rng.normal(size=(300, 1, 16)), key, value, noise**-2


def the_next_layer_does_not_rescale(case):
    """Look at the reader."""
    *_, rescales = case
    return not rescales


def the_output_stays_among_the_values():
    """Look for a coordinate beyond the largest value, or below the smallest."""
    for query, key, value in inputs():
        output = attend(30 * query, key, value)
        low, high = value.min(0) - 1e-12, value.max(0) + 1e-12
        if ((output < low) | (output > high)).any():
            return False
    return True


@claim(
    "11",
    "2.1",
    "This makes it easy for the model to understand which parts matter more.",
    "If to understand is to read the right value from the output. To a linear layer "
    "the sum of one makes it easier: the output stays among the values. A layer that "
    "first rescales what it reads, as LayerNorm does, reads the same without it.",
    "02c_buys_and_costs#What it buys",
    condition=the_next_layer_does_not_rescale,
    inside=linear_readers,
    outside=rescaling_readers,
    besides=the_output_stays_among_the_values,
    stays={
        "a constant added": "the next layer's bias takes it off",
        "sparsemax": "its weights sum to one, too",
    },
)
def dividing_makes_the_right_value_easier_to_read(case):
    """Fit the best reader to outputs with the division, and to those without."""
    query, key, value, scale, rescales = case
    scores, _ = attention_scores(query, key, scale=scale)
    divided = attend(query, key, value, scale=scale, method="dense")[:, 0]
    errors = []
    for output in (divided, divided * np.exp(logsumexp(scores))):
        if rescales:
            output = output / np.linalg.norm(output, axis=-1, keepdims=True)
        given = np.column_stack([output, np.ones(len(output))])
        reader, *_ = np.linalg.lstsq(given, value[:, 0])
        errors.append(np.sqrt(((given @ reader - value[:, 0]) ** 2).mean()))
    holds = errors[0] < 0.9 * errors[1]
    return holds, "error {:.2f}, undivided {:.2f}".format(*errors)
