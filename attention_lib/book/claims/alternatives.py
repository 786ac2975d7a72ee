"""Claims 28 to 30, the essay's section 5: ReLU, sigmoid and tanh."""

import numpy as np

from attention_lib import definitions, jacobian, sigmoid, softmax
from attention_lib.book.claims.best_choice import give_nothing_but_at_a_trigger
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import distribution, near, rows
from attention_lib.weightings import (
    NormalizedReLU,
    NormalizedSigmoid,
    NormalizedTanh,
)

ESSAY = (2.0, 1.0, 0.1)  # the essay's scores
OTHER_WAYS = {
    "the mean of the values": "it speaks of the weights alone",
    "sparsemax": "it takes the place of softmax alone",
    "sigmoid": "it takes the place of softmax alone",
}


def rows_with_a_positive_score():
    """Take the essay's scores; draw rows that have a positive score, flat and wild."""
    yield np.array(ESSAY)
    rng = np.random.default_rng(0)
    for n in (2, 16, 1000):
        for scale in (0.01, 1.0, 100.0):
            row = rng.normal(scale=scale, size=n)
            yield np.append(row, abs(row[0]))


def rows_without_a_positive_score():
    """Take the essay's scores below zero, zeros, a single key, and random scores."""
    yield from (-np.array(ESSAY), np.zeros(4), np.array([-5.0]), np.array([0.0, -1.0]))
    yield from (-np.random.default_rng(0).exponential(size=n) for n in (2, 16, 1000))


def rows_of_all_signs():
    """Take rows without a positive score, and rows with one."""
    yield from rows_without_a_positive_score()
    yield from rows_with_a_positive_score()


def it_is_a_distribution_exactly_where_a_score_is_positive(scores):
    """Divide by the sum, and compare; 0/0 is set to zeros."""
    weights, positive = NormalizedReLU()(scores), np.maximum(scores, 0)
    some = positive.any()
    same = near(weights * positive.sum(), positive) if some else not weights.any()
    figure = f"a sum of {weights.sum():.0f} where the largest is {scores.max():g}"
    return same and distribution(weights) == some, figure


def it_jumps_moves_with_a_shift_and_has_dead_keys_and_a_mean_of_it_abstains():
    """Come near a row of zeros from two sides; shift, differentiate; read a head."""
    relu = NormalizedReLU()
    jump = abs(relu(np.array([1e-9, 0.0])) - relu(np.array([0.0, 1e-9]))).max()
    row = np.array([2.0, 1.0, -0.5])
    shifted = abs(relu(row + 1) - relu(row)).max()
    moves = jacobian(relu, row)
    dead = not moves[:, 2].any() and moves[:2, :2].all()
    free, full = map(give_nothing_but_at_a_trigger, ("relu/n", "softmax"))
    abstains = free.max() < 0.05 < 0.9 < full.min()
    return near(jump, 1) and shifted > 0.1 and dead and abstains


@claim(
    "28",
    "5",
    "ReLU gives values in [0, ∞), which cannot be normalised and cannot form a "
    "probability distribution.",
    "Divided by their sum they are one exactly where some score is positive. Where "
    "none is, that is 0/0 and needs a rule (here, zeros), and none makes the weights "
    "continuous there. Other objections hold: a constant added to all scores changes "
    "them, and a key whose score is negative gets no gradient. Nor must they be a "
    "distribution: divided by the number of keys, in our toy, they learn to give "
    "nothing where nothing is asked, which softmax there cannot.",
    "06_alternatives#ReLU, sigmoid, tanh",
    against=rows_with_a_positive_score,
    instead=it_is_a_distribution_exactly_where_a_score_is_positive,
    over=rows_of_all_signs,
    besides=it_jumps_moves_with_a_shift_and_has_dead_keys_and_a_mean_of_it_abstains,
    stays=OTHER_WAYS,
)
def relu_over_its_sum_is_no_distribution(scores):
    """Divide by the sum, and see whether any share is negative or the sum is not 1."""
    weights = NormalizedReLU()(scores)
    return not distribution(weights), f"over its sum: {listed(weights)}"


def listed(numbers, form=".2f"):
    """Write the first three."""
    return ", ".join(f"{number:{form}}" for number in numbers[:3])


FALLING = (0.0, -2.0, -5.0, -10.0)  # biases


def shares_saturate_and_with_a_bias_that_falls_they_become_softmax():
    """Divide by the sum; look where scores are high; then compare with softmax."""
    always = all(distribution(NormalizedSigmoid()(drawn)) for drawn in rows())
    high = NormalizedSigmoid()(np.array([10.0, 12.0, 14.0]))
    alike = abs(high - 1 / 3).max() < 1e-5
    rng = np.random.default_rng(0)
    for n in (2, 16, 1000):
        drawn = rng.normal(scale=2, size=(40, n))
        far = np.array([from_softmax(drawn, bias) for bias in FALLING])
        most = np.exp(drawn.max(-1) + np.array(FALLING)[:, None]) / 4
        if not ((far < most).all() and (np.diff(far, axis=0) < 0).all()):
            return False
    half = np.append(np.full(10_000, -np.log(10_000)), 0.0)  # the last key has half
    reached = from_softmax(half, -10.0) / (np.exp(-10.0) / 4)
    return always and alike and reached > 0.999


def from_softmax(scores, bias):
    """Give half of the sum of all differences between the two rows of shares."""
    return abs(NormalizedSigmoid(bias)(scores) - softmax(scores)).sum(-1) / 2


@claim(
    "29",
    "5",
    "Sigmoid gives values in (0, 1), but several of them need not sum to one, so that "
    "normalisation is not guaranteed.",
    "Dividing them by their sum guarantees it, for all scores. A better objection is "
    "that such shares saturate: scores of 10, 12 and 14 get a third each. But that "
    "depends on a bias: as it falls they become those of softmax. With s the largest "
    "score and b the bias, half of the sum of all differences is below e^(s + b)/4, "
    "and no smaller part than a quarter would do.",
    "06_alternatives#ReLU, sigmoid, tanh",
    over=[3, 2, 16, 1000],
    besides=shares_saturate_and_with_a_bias_that_falls_they_become_softmax,
    stays=OTHER_WAYS,
)
def sums_of_sigmoids_lie_on_both_sides_of_one(n):
    """Draw rows of n scores; add one whose sigmoids happen to sum to one."""
    scores = np.random.default_rng(0).normal(scale=3, size=(100, n))
    scores[0], scores[1], scores[2] = -np.log(n - 1), -np.log(n), 0.5
    values = sigmoid(scores)
    sums, inside = values.sum(-1), ((values > 0) & (values < 1)).all()
    by_chance = near(sums[0], 1) and sums.min() < 1 - 1e-9 and sums.max() > 1 + 1e-9
    holds = inside and by_chance and near(values, definitions.sigmoid(scores))
    return holds, f"sums of {n} values go from {sums.min():.2f} to {sums.max():.2f}"


def tanhs_that_form_one():
    """Add one, in rows of all signs; then leave tanh as it is, for scores of one."""
    yield 1, np.array([1.0, -5.0, 3.0])
    yield from ((1, scores) for scores in rows_of_all_signs())
    scores = np.random.default_rng(0).exponential(size=16)
    yield from ((0, row) for row in (np.array(ESSAY), scores, -scores))


def tanhs_of_all_kinds():
    """Take scores of both signs, zeros, and all rows that form a distribution."""
    yield 0, np.array([1.0, -5.0, 3.0])
    rng = np.random.default_rng(0)
    yield from ((0, np.append(rng.normal(size=n), [0.1, -0.1])) for n in (2, 1000))
    yield 0, np.zeros(4)
    yield from tanhs_that_form_one()


def shares_of_tanh(case):
    """Divide by the sum: tanh with one added, or as it is."""
    added, scores = case
    if added:
        return NormalizedTanh()(scores)
    values = np.tanh(scores)
    return values / (values.sum() or 1)


def with_one_added_always_and_without_where_signs_agree(case):
    """Compare with the formula, and where one is added with the sigmoids, too."""
    added, scores = case
    weights, values = shares_of_tanh(case), added + np.tanh(scores)
    same = near(weights * values.sum(), values)
    if added:
        same = same and near(weights, NormalizedSigmoid()(2 * scores))
    agree = values.any() and ((values >= 0).all() or (values <= 0).all())
    return same and distribution(weights) == agree, said_of(case, weights)


def said_of(case, weights):
    """Write scores and shares."""
    added, scores = case
    what = "1 + tanh" if added else "tanh alone"
    return f"{what}, of {listed(scores, 'g')}: {listed(weights)}"


def it_saturates_as_sigmoids_do():
    """Look at three scores that are high."""
    high = NormalizedTanh()(np.array([10.0, 12.0, 14.0]))
    return abs(high - 1 / 3).max() < 1e-5


@claim(
    "30",
    "5",
    "Tanh gives values in (-1, 1), which cannot form a probability distribution "
    "either.",
    "As they are, values of both signs form none. With one added to each, and divided "
    "by the sum, they form one for all scores: that is the normalised sigmoid of twice "
    "the scores, which saturates. Divided by the sum alone they form one exactly where "
    "no two scores differ in sign and not all are zero, as with the essay's.",
    "06_alternatives#ReLU, sigmoid, tanh",
    against=tanhs_that_form_one,
    instead=with_one_added_always_and_without_where_signs_agree,
    over=tanhs_of_all_kinds,
    besides=it_saturates_as_sigmoids_do,
    stays=OTHER_WAYS,
)
def tanh_over_its_sum_is_no_distribution(case):
    """Divide by the sum, and see whether any share is negative or the sum is not 1."""
    weights = shares_of_tanh(case)
    return not distribution(weights), said_of(case, weights)
