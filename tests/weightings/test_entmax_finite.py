"""Finite scores of any size give what the definition gives in exact arithmetic."""

import numpy as np
import pytest

from attention_lib import definitions, entmax
from attention_lib.numpy_backend import entmax as in_numpy
from attention_lib.torch_backend import entmax as in_torch
from tests.engines import UNIT

ALPHAS = [0.5, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5, 4]
DTYPES = ["float16", "float32", "float64"]


@pytest.fixture(params=["fast", "general"])
def way(request, monkeypatch):
    """Take the fast way for the common alphas, or the general one for all."""
    if request.param == "general":
        for module in (in_numpy, in_torch):
            monkeypatch.setattr(module, "FAST", (9, 9))


def rows_of(n, dtype):
    """Give rows whose scores are as low, as far apart and as large as numbers are."""
    lowest, highest = float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    place = np.arange(n)
    small = place % 7 / 4
    beyond = min(2.0**30, highest / 2) + 16 * small  # rounded, where digits end
    rows = [
        np.full(n, lowest),
        np.full(n, highest),
        np.where(place == 3, 0, lowest),
        np.where(place % 2, lowest, highest),
        np.where(place % 3, lowest, small),  # as by a mask that is added
        np.where(place % 3, -1e4, small),
        beyond,
        -beyond,
    ]
    return np.stack(rows).astype(dtype)


def exact(rows, alpha):
    """Weigh what the rows hold less their largest; a last division mends the sum."""
    gaps = rows.astype(np.longdouble)
    gaps = np.maximum(gaps - gaps.max(-1, keepdims=True), -1e300)
    weights = definitions.entmax(gaps.astype(np.float64), alpha)
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_scores_of_any_size_are_weighed_as_their_distances(engine, alpha, dtype):
    for n in (7, 300):
        rows = rows_of(n, dtype)
        actual = engine.numpy(entmax(engine.array(rows), alpha), dtype)
        close = 256 * UNIT["float32" if dtype == "float16" else dtype]
        close += UNIT[dtype]  # the last rounding
        np.testing.assert_allclose(actual, exact(rows, alpha), close, close)
