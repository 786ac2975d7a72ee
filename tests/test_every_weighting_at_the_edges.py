"""Every weighting in attention: odd sizes, every dtype, and what a mask hides."""

import numpy as np
import torch

from attention_lib import scaled_dot_product_attention
from tests.engines import EVERY_DTYPE, HALVES, OWN_METHODS, UNIT, rounded
from tests.in_rotation import in_rotation
from tests.oracle import attend, mask_of
from tests.test_every_weighting_in_attention import NUMBERS, by_rows
from tests.weightings.every import shorter

METHODS = ["dense", "streaming", "auto"]
SIZES = [(1, 1), (1, 13), (11, 1), (3, 2), (5, 0), (0, 5)]


def made(case, n_keys):
    return case.make(**shorter(dict(case.params), max(n_keys, 1)))


@in_rotation(
    "case",
    NUMBERS,
    {"engine method": OWN_METHODS, "is_causal": [False, True], "sizes": SIZES},
)
def test_one_query_one_key_or_none(
    case, engine, method, is_causal, sizes, small_blocks, rng
):
    length, n_keys = sizes
    given = [rng.normal(size=(2, n, 3)) for n in (length, n_keys, n_keys)]
    options = {"method": method, "weighting": made(case, n_keys)}
    mask = {"is_causal": is_causal}
    actual = attend(engine, "float64", *given, mask, **options)
    assert actual.shape == (2, length, 3)
    expected = by_rows(*given, case, **mask) if n_keys else 0 * actual
    size = 1e-12 if case.power == 1 else 1e-4
    np.testing.assert_allclose(actual, expected, rtol=size, atol=size)


@in_rotation("case", NUMBERS, {"engine dtype": EVERY_DTYPE, "method": METHODS})
def test_each_dtype_is_rounded_once(case, engine, dtype, method, small_blocks, rng):
    given = [rounded(rng.normal(size=(2, n, 7)), dtype) for n in (11, 13, 13)]
    mask = mask_of("causal and bool", rng)
    weighting = made(case, 13)
    actual = attend(engine, dtype, *given, mask, method=method, weighting=weighting)
    expected = by_rows(*given, case, **mask)
    unit = UNIT["float32" if dtype in HALVES else dtype]
    size = max(1, abs(expected).max())
    steep = 1 if case.power == 1 else 1e6  # far above 2, weights near zero are wild
    bound = (200 * steep * unit + (UNIT[dtype] if dtype in HALVES else 0)) * size
    np.testing.assert_allclose(actual, expected, rtol=2 * UNIT[dtype], atol=bound)


@in_rotation(
    "case", NUMBERS, {"engine method": OWN_METHODS, "poison": [np.nan, np.inf]}
)
def test_what_is_masked_reaches_no_output_and_no_gradient(
    case, engine, method, poison, small_blocks, rng
):
    given = [rng.normal(size=(2, n, 3)) for n in (4, 6, 6)]
    where = np.ones((4, 6), dtype=bool)
    where[:, [1, 4]], where[2] = False, False
    spoiled = [a.copy() for a in given]
    spoiled[1][:, [1, 4]], spoiled[2][:, [1, 4]] = poison, poison
    options = {"method": method, "weighting": made(case, 4)}
    clean, actual = (
        attend(engine, "float64", *arrays, {"where": where}, **options)
        for arrays in (given, spoiled)
    )
    np.testing.assert_allclose(actual, clean, rtol=1e-9, atol=1e-9)
    assert (actual[:, 2] == 0).all()
    if engine.device is None:
        return
    slopes = []
    for arrays in (given, spoiled):
        tensors = [engine.array(a).requires_grad_() for a in arrays]
        out = scaled_dot_product_attention(*tensors, engine.array(where), **options)
        total = out.square().sum() + 0 * sum(a[:, :1].sum() for a in tensors)
        slopes.append(torch.autograd.grad(total, tensors))
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-8)
