"""What can stand in a model's attention: numbers a head, and keys that are counted."""

import numpy as np
import pytest
import torch

from attention_lib import NormalizedReLU, Sigmoid, Sparsemax, attention_weights
from attention_lib.book.real.attending import counting, weighed, weighed_by_head
from tests.book.real import tiny

IDS = np.random.default_rng(0).integers(0, 200, 12)
SHAPE = (tiny.LAYERS, tiny.HEADS)


@pytest.fixture(scope="module")
def model():
    return tiny.model(tiny.random())


def test_heads_that_are_fitted_alike_are_weighed_as_one(model):
    ones = torch.ones(SHAPE)
    by_head = weighed_by_head(Sigmoid(bias="-log n"), 0.5 * ones, 0 * ones, ones)
    expected = model(IDS, weighed(Sigmoid(bias="-log n"), 0.5))
    torch.testing.assert_close(model(IDS, by_head), expected)


def test_each_head_of_each_layer_has_its_own_scale_level_and_factor():
    rng = np.random.default_rng(1)
    query = torch.tensor(rng.normal(size=(tiny.HEADS, 5, tiny.D)))
    key, value = torch.tensor(rng.normal(size=(2, 1, 5, tiny.D)))
    scales, levels, factors = torch.tensor(rng.uniform(0.5, 2, (3, *SHAPE)))
    attend = weighed_by_head(Sigmoid(), scales, levels, factors)
    for layer, head in np.ndindex(SHAPE):
        scores = query[head] @ key[0].mT / tiny.D**0.5
        scores = scores * scales[layer, head] + levels[layer, head]
        weights = torch.sigmoid(scores).tril() * factors[layer, head]
        read = attend(layer, query, key, value)[head]
        torch.testing.assert_close(read, weights @ value[0])


@pytest.mark.parametrize("weighting", [Sparsemax(), NormalizedReLU(2)])
def test_counting_reads_the_same_and_tells_how_many_keys_have_weight(model, weighting):
    scales, parts, seen = torch.linspace(0.5, 2, 4).view(SHAPE), [], []
    ones, zeros = torch.ones(SHAPE), torch.zeros(SHAPE)
    found = model(IDS, counting(parts, weighting, scales))
    by_head = weighed_by_head(weighting, scales, zeros, ones)
    torch.testing.assert_close(found, model(IDS, by_head), rtol=1e-4, atol=1e-5)

    def attend(layer, query, key, value):
        query = query * scales[layer][:, None, None]
        rows = attention_weights(
            query, key, is_causal=True, enable_gqa=True, weighting=weighting
        )
        seen.append(rows.numpy())
        return by_head(layer, query / scales[layer][:, None, None], key, value)

    model(IDS, attend)
    for part, rows in zip(parts, seen, strict=True):
        count = [sum((row > 0).sum() for row in head) / (12 * 13 / 2) for head in rows]
        assert part.tolist() == pytest.approx(count)
        assert part.min() > 0
        assert part.max() < 1
