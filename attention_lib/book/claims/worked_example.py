"""Claims 24 to 27, the essay's section 4: three scores, worked out."""

import numpy as np

from attention_lib import effective_support, max_weight, softmax
from attention_lib.book.claims.computation import exp
from attention_lib.book.claims.impostors import all_of_them
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import read

# The example as the essay prints it.
SCORES = (2.0, 1.0, 0.1)
EXPONENTIALS = (7.39, 2.72, 1.11)
SUM = 11.22
WEIGHTS = (0.66, 0.24, 0.10)


@claim(
    "24",
    "4",
    "The exponentials of 2.0, 1.0 and 0.1 are 7.39, 2.72 and 1.11.",
    "Rounded to two decimals, as the essay prints them.",
    "05_worked_example#Three exponentials, one sum",
    over=[(SCORES, EXPONENTIALS)],
    stays=all_of_them("it speaks of the exponentials alone"),
)
def the_exponentials_round_to_what_is_printed(case):
    """Round each exponential to two decimals."""
    scores, printed = case
    exact = [float(exp(s)) for s in scores]
    holds = tuple(round(x, 2) for x in exact) == printed
    return holds, ", ".join(f"{x:.4f}" for x in exact)


def the_rounded_terms_add_up_to_what_is_printed():
    """Round first and sum after."""
    return round(sum(EXPONENTIALS), 2) == SUM


def the_sum_rounds_to(printed):
    """Sum first and round after."""
    total = float(sum(map(exp, SCORES)))
    return round(total, 2) == printed, f"{total:.4f}, which is {printed}"


@claim(
    "25",
    "4",
    "The sum of the exponentials is 11.22.",
    "That is the sum of the rounded terms. The sum itself rounds to 11.21.",
    "05_worked_example#The sum that is off by one",
    against=[SUM],
    instead=the_sum_rounds_to,
    over=[11.21],
    besides=the_rounded_terms_add_up_to_what_is_printed,
    stays=all_of_them("it speaks of the exponentials alone"),
)
def the_sum_is_what_is_printed(printed):
    """Compare the printed number with the rounded sum."""
    return the_sum_rounds_to(printed)[0], f"{printed} is printed"


def the_rounded_terms_give_the_same_two_decimals():
    """Divide the essay's rounded terms by its sum."""
    from_rounded = np.array(EXPONENTIALS) / SUM
    same = tuple(from_rounded.round(2)) == WEIGHTS
    return same and abs(from_rounded - softmax(SCORES)).max() < 0.0004


@claim(
    "26",
    "4",
    "The weights are 0.66, 0.24 and 0.10.",
    "To two decimals, also from the rounded terms: those weights are off by less than "
    "0.0004.",
    "05_worked_example#The sum that is off by one",
    over=[(SCORES, WEIGHTS)],
    stays={"the mean of the values": "it speaks of the weights alone"},
    besides=the_rounded_terms_give_the_same_two_decimals,
)
def the_weights_round_to_what_is_printed(case):
    """Round the weights to two decimals."""
    scores, printed = case
    weights = softmax(scores)
    return tuple(weights.round(2)) == printed, ", ".join(f"{w:.4f}" for w in weights)


def it_is_not_very_sharp():
    """Look at the largest weight, and count the keys attended to in effect."""
    weights = softmax(SCORES)
    return (
        round(max_weight(weights), 2) == 0.66
        and round(effective_support(weights), 1) == 2.3
    )


@claim(
    "27",
    "4",
    "So the model attends more to the first element.",
    "It does, but not very sharply: 66 % of the weight, and in effect 2.3 keys of 3.",
    "05_worked_example#How focused is it?",
    over=[SCORES],
    besides=it_is_not_very_sharp,
    stays={
        "sparsemax": "it gives the first most, too",
        "sigmoid": "it gives the first most, too",
    },
)
def the_first_value_has_the_largest_part(scores):
    """Mark each value, and see which the output holds most of."""
    parts = read(scores, np.eye(len(scores)))
    holds = parts[0] > max(parts[1:]) and parts.max() <= 1
    return holds, f"{parts[0]:.0%} of the first"
