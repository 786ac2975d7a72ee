"""Sparse rows in torch: what is left out of the steps has no weight."""

import numpy as np
import pytest
import torch

from attention_lib import definitions, entmax

LAST = 4096 + 11  # not a multiple of sixteen: some keys belong to no sixteenth


@pytest.mark.parametrize("alpha", [1.25, 1.5, 2.0])
@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("place", ["first", "inside", "last"])
def test_long_rows_are_those_of_the_definition_wherever_the_largest_lie(
    alpha, spread, place
):
    scores = spread * np.random.default_rng(0).normal(size=(3, LAST))
    at = {"first": 0, "inside": 1000, "last": LAST - 5}[place]
    scores[:, at : at + 5] = scores.max(-1, keepdims=True) + np.arange(5) / 50
    weights = entmax(torch.tensor(scores), alpha)
    expected = definitions.entmax(scores, alpha)
    torch.testing.assert_close(weights, torch.tensor(expected), rtol=0, atol=1e-14)
