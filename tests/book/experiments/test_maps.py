"""The maps that only the book has, by values that can be checked by hand."""

import numpy as np
import pytest
import torch

from attention_lib import Weighting, entropy, softmax, weightings
from attention_lib.book.experiments import maps, replicas

SCORES = torch.tensor([0.0, 1.0, -2.0, 3.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raw", [0, 1, -2, 3]),
        ("raw/n", [0, 0.25, -0.5, 0.75]),
        ("relu³", [0, 1, 0, 27]),
        ("s²/Σ", [0, 1 / 14, 4 / 14, 9 / 14]),
        ("uniform", [0.25, 0.25, 0.25, 0.25]),
        ("exp/n", [0.25, 0.6796, 0.0338, 5.0214]),
        ("e^s − 1", [0, 1.7183, -0.8647, 19.0855]),
        ("tanh", [0, 0.7616, -0.9640, 0.9951]),
        ("sig+b", [0.2, 0.4046, 0.0327, 0.8339]),
    ],
)
def test_a_map_is_what_its_name_says(name, expected):
    weights = maps.get_map(name)(SCORES)
    assert weights.tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", maps.MAPS)
def test_every_map_leaves_out_what_is_masked(name):
    weighting = maps.get_map(name)
    assert isinstance(weighting, Weighting)
    if isinstance(weighting, maps.LearnedSink):
        weighting = weighting.with_score(torch.zeros(1))
    scores = SCORES.abs()
    where = torch.tensor([True, True, True, False])
    masked = weighting(scores, where=where)
    assert masked[3] == 0
    torch.testing.assert_close(masked[:3], weighting(scores[:3]))


@pytest.mark.parametrize(
    "name", ["raw", "raw/n", "exp/n", "e^s − 1", "tanh", "s²/Σ", "uniform"]
)
def test_the_jacobian_is_that_of_automatic_differentiation(name):
    weighting, scores = maps.get_map(name), SCORES.double()
    expected = torch.autograd.functional.jacobian(weighting, scores)
    torch.testing.assert_close(weighting.jacobian(scores), expected)


def test_linear_attention_needs_no_scores():
    source = replicas.stream(0)
    query, key = (
        replicas.normal(source, 1, 1, 2, 3),
        replicas.normal(source, 1, 1, 5, 3),
    )
    weights = replicas.weights_of(maps.Linear(), query, key)
    features = maps.Linear.features
    products = features(query) @ features(key).transpose(-1, -2)
    torch.testing.assert_close(weights, products / products.sum(-1, keepdim=True))


def test_a_learned_sink_that_scores_zero_is_off_by_one():
    sink = maps.get_map("learned sink").with_score(torch.zeros(1))
    torch.testing.assert_close(sink(SCORES), weightings.Softmax1()(SCORES))


def test_the_adaptive_temperature_is_one_where_a_row_is_sharp_or_very_blunt():
    adaptive = maps.get_map("adaptive temperature")
    entropies = np.array([0.4, 0.8, 0.9, 2.0, 5.8, 6.0, 9.0])
    factors = adaptive.sharpening(entropies)
    assert factors[3] == pytest.approx(2.099)  # by hand
    assert factors[[2, 4]].min() > 1
    assert factors[[0, 1, 5, 6]].tolist() == [1, 1, 1, 1]
    # A short row has an entropy between, and is sharpened; a long one has not.
    scores = np.random.default_rng(0).normal(size=(2, 1000))
    short = scores[0, :20]
    factor = adaptive.sharpening(entropy(softmax(short)))
    assert factor > 2
    np.testing.assert_allclose(adaptive(short), softmax(factor * short))
    np.testing.assert_array_equal(adaptive(scores[1]), softmax(scores[1]))


def test_a_weighting_stands_for_itself():
    weighting = weightings.Softmax(temperature=2.0)
    assert maps.get_map(weighting) is weighting
