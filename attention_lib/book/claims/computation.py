"""Claims 20 to 23, the essay's section 3: how softmax is computed.

Formulas are about real numbers, so the exponentials here are decimals with 40 digits
and exponents of any size. What floats do is in the second lines.
"""

import math
from decimal import Context, Decimal

import numpy as np

from attention_lib import softmax
from attention_lib.book.claims.impostors import all_of_them
from attention_lib.book.claims.ledger import claim

REAL = Context(prec=40, Emin=-999_999, Emax=999_999)


def exp(score):
    """Give ``e^s`` as a real number, but for the 40th digit."""
    return REAL.exp(Decimal(float(score)))


def short_rows():
    """Draw rows of up to 16 scores, flat and wild, high and low."""
    rng = np.random.default_rng(0)
    drawn = [rng.normal(scale=scale, size=n) for n in (3, 16) for scale in (1, 30)]
    edges = [np.zeros(4), np.array([-5.0])]
    high_and_low = [level + drawn[0] for level in (1000, -1000)]
    return [np.array([2.0, 1.0, 0.1]), *drawn, *edges, *high_and_low]


def agree(found, expected):
    """Tell whether floats are decimals, but for rounding."""
    pairs = zip(found, expected, strict=True)
    return all(math.isclose(a, b, rel_tol=1e-9) for a, b in pairs)


def the_formula_is_of_the_whole_row_and_overflows():
    """Change a row elsewhere; run the formula as written where it fails."""
    whole_row = softmax([2.0, 1.0])[0] != softmax([2.0, 1.0, 0.1])[0]
    fails = []
    for dtype, largest in ((np.float16, 12), (np.float32, 89), (np.float64, 710)):
        with np.errstate(all="ignore"):
            for score in (largest, -2 * largest):
                row = np.array([score, score], dtype)
                fails.append(np.isnan(np.exp(row) / np.exp(row).sum()).all())
                fails.append(np.array_equal(softmax(row), [0.5, 0.5]))
    return whole_row and all(fails)


@claim(
    "20",
    "3",
    "Softmax(s_i) is e^(s_i) divided by the sum of all e^(s_j).",
    "By definition. Softmax takes the whole row: no weight depends on one score alone. "
    "Typed in as it stands the formula overflows for large scores, from 12 on in "
    "float16, and divides zero by zero for very low ones; subtracting the largest "
    "score first cures both.",
    "05_worked_example#On a computer",
    over=short_rows,
    stays={"the mean of the values": "it speaks of the weights alone"},
    besides=the_formula_is_of_the_whole_row_and_overflows,
)
def each_weight_is_what_the_formula_gives(scores):
    """Compare the library with the formula, also where floats overflow."""
    total = sum(map(exp, scores))
    exact = [float(exp(s) / total) for s in scores]
    return agree(softmax(scores), exact), ", ".join(f"{w:.4f}" for w in exact)


def float32_ends_at_its_smallest_number():
    """Weigh scores on both sides of half the smallest number of float32."""
    edge = math.log(float(np.finfo(np.float32).smallest_subnormal) / 2)
    above, below = (softmax(np.array([0, edge + d], "f4"))[1] for d in (0.01, -0.01))
    return abs(edge + 103.97) < 0.01 and above > 0 and below == 0


@claim(
    "21",
    "3",
    "The exponential of each score makes every value positive.",
    "Of real numbers. In float32, where numbers may lose digits before they vanish, "
    "the exponential is exactly zero below -103.97.",
    "05_worked_example#On a computer",
    over=[-1000.0, 0.0, 1000.0, -1e6, 1e6, *np.linspace(-30, 30, 25)],
    besides=float32_ends_at_its_smallest_number,
    stays=all_of_them("it speaks of the exponentials alone"),
)
def the_exponential_is_positive(score):
    """Take exponentials as far down as decimals go."""
    value = exp(score)
    return value > 0, f"e^{score:.0f} is {value:.1e}"


def the_sum_can_overflow_where_no_term_does():
    """Sum terms of float32 that are finite one by one."""
    terms = np.exp(np.full(3, 88, dtype=np.float32))
    with np.errstate(over="ignore"):
        overflows = np.isinf(terms.sum())
    safe = np.allclose(softmax(np.full(3, 88, dtype=np.float32)), 1 / 3)
    return np.isfinite(terms).all() and overflows and safe


@claim(
    "22",
    "3",
    "Then all the exponentials are summed.",
    "The sum is what each exponential is divided by. On a computer it can overflow "
    "where no term does: subtract the largest score first.",
    "05_worked_example#Three exponentials, one sum",
    over=short_rows,
    stays={"the mean of the values": "it speaks of the weights alone"},
    besides=the_sum_can_overflow_where_no_term_does,
)
def softmax_divides_by_the_sum_of_all(scores):
    """Find from each weight what its exponential was divided by."""
    total, weights = sum(map(exp, scores)), softmax(scores)
    kept = weights > 1e-300  # below, floats lose digits
    divided = zip(scores[kept], weights[kept], strict=True)
    ratios = [float(exp(s) / total) / w for s, w in divided]
    return kept.any() and agree(ratios, [1] * len(ratios)), f"divided by {total:.4f}"


@claim(
    "23",
    "3",
    "Each exponential is divided by the sum, and the weights are normalised.",
    "They sum to one up to rounding, for any finite scores.",
    "05_worked_example#Three exponentials, one sum",
    over=short_rows,
    stays={"the mean of the values": "it speaks of the weights alone"},
)
def shares_of_the_sum_add_up_to_one(scores):
    """Divide each exponential, compare with softmax, and add up the weights."""
    total, weights = sum(map(exp, scores)), softmax(scores)
    off = abs(math.fsum(weights) - 1)
    shares = [float(exp(s) / total) for s in scores]
    return agree(weights, shares) and off < 1e-14, "1 within 1e-14"
