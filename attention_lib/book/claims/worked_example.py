"""Claims 24 to 27, the essay's section 4: three scores, worked out."""

import numpy as np

from attention_lib import effective_support, max_weight, softmax
from attention_lib.book.claims.ledger import claim

# The example as the essay prints it.
SCORES = (2.0, 1.0, 0.1)
EXPONENTIALS = (7.39, 2.72, 1.11)
SUM = 11.22
WEIGHTS = (0.66, 0.24, 0.10)
FIRST = 0  # the element that the essay says gets most of the attention


@claim(
    "24",
    "4",
    "The exponentials of 2.0, 1.0 and 0.1 are 7.39, 2.72 and 1.11.",
    "true",
    "Rounded to two decimals, as the essay prints them.",
    "05_worked_example#Three exponentials, one sum",
)
def the_exponentials_are_rounded_well():
    """Round each exponential to two decimals."""
    exact = np.exp(SCORES)
    assert np.array_equal(exact.round(2), EXPONENTIALS)
    return ", ".join(f"{x:.4f}" for x in exact)


@claim(
    "25",
    "4",
    "The sum of the exponentials is 11.22.",
    "false as stated",
    "That is the sum of the rounded terms. The sum itself rounds to 11.21.",
    "05_worked_example#The sum that is off by one",
)
def the_sum_is_off_by_one_in_the_last_digit():
    """Sum first and round after, not the other way."""
    assert round(sum(EXPONENTIALS), 2) == SUM
    total = float(np.exp(SCORES).sum())
    assert round(total, 2) != SUM
    return round(total, 4)


@claim(
    "26",
    "4",
    "The weights are 0.66, 0.24 and 0.10.",
    "true",
    "To two decimals, also from the rounded terms: those weights are off by less than "
    "0.0004.",
    "05_worked_example#The sum that is off by one",
)
def the_weights_are_right():
    """Round the weights, exact and from rounded terms."""
    weights = softmax(SCORES)
    assert np.array_equal(weights.round(2), WEIGHTS)
    from_rounded = np.array(EXPONENTIALS) / SUM
    assert np.array_equal(from_rounded.round(2), WEIGHTS)
    assert abs(from_rounded - weights).max() < 0.0004
    return ", ".join(f"{w:.4f}" for w in weights)


@claim(
    "27",
    "4",
    "So the model attends more to the first element.",
    "true",
    "It does, but not very sharply: 66 % of the weight, and in effect 2.3 keys of 3.",
    "05_worked_example#How focused is it?",
)
def the_first_element_gets_most():
    """Look at the largest weight, and count the keys attended to in effect."""
    weights = softmax(SCORES)
    assert weights.argmax() == FIRST
    assert max_weight(weights) > 0.5
    keys = float(effective_support(weights))
    assert 2 < keys < 3
    return f"{max_weight(weights):.0%}, {keys:.2f} keys"
