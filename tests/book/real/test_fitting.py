"""Scales, levels and factors of heads: found where they are known, on a tiny model."""

import numpy as np
import pytest
import torch

from attention_lib import NormalizedSigmoid, Softmax, scaled_dot_product_attention
from attention_lib.book.experiments import maps
from attention_lib.book.real.fitting import STEP, fitted, products
from attention_lib.book.real.model import softmax_attention
from tests.book.real import tiny

IDS = np.random.default_rng(0).integers(0, 200, 6 * STEP)


@pytest.fixture(scope="module")
def model():
    return tiny.model(tiny.random())


def found(model, weighting, tried, *, factor=False):
    ways = {"one": (weighting, tried)}
    return fitted([products(model, IDS, ways)["one"]], factor=factor)


def test_softmax_comes_nearest_to_itself_at_its_own_scale(model):
    places, factors, left = found(model, Softmax(), [(0.5, 0.0), (1.0, 3.0), (2.0, 0)])
    assert places.shape == (tiny.LAYERS, tiny.HEADS)
    assert (places == 1).all()  # a level does nothing
    assert (factors == 1).all()
    assert left.abs().max() < 1e-5


def test_a_temperature_is_found_again(model):
    scales = (0.25, 0.5, 1.0, 2.0)
    warm = Softmax(temperature=0.5)
    places, _, left = found(model, warm, [(scale, 0.0) for scale in scales])
    assert (places == 1).all()
    assert left.abs().max() < 1e-5


def test_a_level_is_found_again(model):
    places, _, left = found(model, NormalizedSigmoid(), [(1.0, 0.0), (1.0, -40.0)])
    assert (places == 1).all()  # where a sigmoid is an exponential
    assert left.abs().max() < 1e-5


def test_a_factor_is_found_again_and_without_it_the_rest_is_left(model):
    def third(scores, where):
        return Softmax()(scores, where=where) / 3

    _, factors, left = found(model, third, [(1.0, 0.0)], factor=True)
    torch.testing.assert_close(factors, torch.full_like(factors, 3))
    assert left.abs().max() < 1e-5
    _, factors, left = found(model, third, [(1.0, 0.0)])
    assert (factors == 1).all()
    torch.testing.assert_close(left, torch.full_like(left, 4 / 9))


def test_what_overflows_is_not_chosen(model):
    tried = [(1e6, 0.0), (0.01, 0.0)]
    places, factors, left = found(model, maps.ExpMean(), tried, factor=True)
    assert (places == 1).all()
    assert factors.isfinite().all()
    assert left.max() < 1


def test_what_is_left_is_the_error_of_what_a_head_reads(model):
    weighting, heads = NormalizedSigmoid(bias=-1.0), []
    _, _, left = found(model, weighting, [(0.5, 0.0)])

    def attend(layer, query, key, value):
        own = softmax_attention(layer, query, key, value)
        other = scaled_dot_product_attention(
            query / 2, key, value, is_causal=True, enable_gqa=True, weighting=weighting
        )
        rows = slice(4 * STEP - 1, None, STEP)
        own, other = own[:, rows], other[:, rows]
        heads.append((other - own).square().sum((1, 2)) / own.square().sum((1, 2)))
        return softmax_attention(layer, query, key, value)

    model(IDS, attend)
    torch.testing.assert_close(left, torch.stack(heads), rtol=1e-3, atol=1e-6)


def test_texts_count_alike():
    # Two that are tried, of one head: products with softmax's output, and with itself.
    first = torch.tensor([[1.0, 0.6], [1.0, 1.0]])[:, None, :, None]
    second = torch.tensor([[0.1, 0.6], [1.0, 1.0]])[:, None, :, None]
    place, factor, left = fitted([first, second])
    assert place.item() == 1  # 1 - 0.55 + 0.45 is more than 1 - 1.2 + 1
    assert factor.item() == 1
    assert left.item() == pytest.approx(0.8)
    place, factor, left = fitted([first], factor=True)
    assert (place.item(), factor.item(), left.item()) == (0, 1, 0)
