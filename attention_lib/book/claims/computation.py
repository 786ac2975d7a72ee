"""Claims 20 to 23, the essay's section 3: how softmax is computed."""

import math

import numpy as np

from attention_lib import softmax
from attention_lib.book.claims.ledger import claim


@claim(
    "20",
    "3",
    "Softmax(s_i) is e^(s_i) divided by the sum of all e^(s_j).",
    "true with conditions",
    "Softmax takes the whole row: no weight depends on one score alone. As code, the "
    "formula overflows for large scores and divides zero by zero for very low ones; "
    "subtracting the largest score first cures both.",
    "05_worked_example#On a computer",
)
def the_formula_is_of_the_whole_row_and_overflows():
    """Run the formula as written where it fails, high and low."""
    assert softmax([2.0, 1.0])[0] != softmax([2.0, 1.0, 0.1])[0]
    first = []
    for dtype in (np.float16, np.float32, np.float64):
        whole = np.arange(1, 1000, dtype=dtype)
        with np.errstate(all="ignore"):
            first.append(int(whole[np.isinf(np.exp(whole))][0]))
            for score in (first[-1], -2 * first[-1]):
                row = np.array([score, score], dtype)
                assert np.isnan(np.exp(row) / np.exp(row).sum()).all()
                assert np.array_equal(softmax(row), [0.5, 0.5])
    return "e^s overflows from {}, {} and {}".format(*first)


@claim(
    "21",
    "3",
    "The exponential of each score makes every value positive.",
    "true",
    "Of real numbers. In float32 the exponential is exactly zero below -103.97.",
    "05_worked_example#On a computer",
)
def exponentials_are_positive():
    """Take exponentials down to where float32 has none left."""
    edge = math.log(float(np.finfo(np.float32).smallest_subnormal) / 2)
    scores = np.linspace(edge + 0.01, 88, 1001, dtype=np.float32)
    assert (np.exp(scores) > 0).all()
    assert softmax(np.array([0, edge + 0.01], np.float32))[1] > 0
    assert softmax(np.array([0, edge - 0.01], np.float32))[1] == 0
    return f"{edge:.2f}"


@claim(
    "22",
    "3",
    "Then all the exponentials are summed.",
    "true",
    "On a computer the sum can overflow where no term does: subtract the largest score "
    "first.",
    "05_worked_example#Three exponentials, one sum",
)
def exponentials_are_summed():
    """Sum terms that are finite one by one, and overflow together."""
    scores = np.full(3, 88, dtype=np.float32)
    assert np.isfinite(np.exp(scores)).all()
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(scores).sum())
    assert np.allclose(softmax(scores), 1 / 3)
    return "3 e^88 is infinite in float32"


@claim(
    "23",
    "3",
    "Each exponential is divided by the sum, and the weights are normalised.",
    "true",
    "They sum to one up to rounding, for any finite scores.",
    "05_worked_example#Three exponentials, one sum",
)
def division_normalises():
    """Divide many rows by their sums, and look at the worst total."""
    rows = 10 * np.random.default_rng(0).normal(size=(1000, 64))
    divided = np.exp(rows) / np.exp(rows).sum(-1, keepdims=True)
    assert np.allclose(softmax(rows), divided, rtol=1e-12, atol=0)
    assert abs(softmax(rows).sum(-1) - 1).max() < 1e-14
    return "within 1e-14 in float64"
