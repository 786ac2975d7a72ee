"""Swapped: what other maps cost the real model, as saved, and on a tiny one."""

import numpy as np
import pytest
import torch

from attention_lib import TopK
from attention_lib.book.experiments import arrays, load, swapped
from attention_lib.book.experiments.sharpness import costs
from attention_lib.book.real import SOURCES
from attention_lib.book.real.attending import weighed, weighed_by_head
from attention_lib.book.real.fitting import STEP, fitted, products
from tests.book.real import tiny

RESULT = load("swapped")["result"]
AS_THEY_ARE, FITTED = RESULT["as they are"], RESULT["fitted"]
PRICES = swapped.prices()
READ = [np.random.default_rng(i).integers(0, 200, 5 * STEP) for i in range(3)]


@pytest.fixture(scope="module")
def model():
    return tiny.model(tiny.random())


def test_the_model_is_that_of_the_other_results_and_every_map_is_there():
    assert RESULT["text"] == list(SOURCES)
    own = load("text_loss")["result"]["own weights"]
    np.testing.assert_allclose(RESULT["own"], own, atol=2e-3)
    assert list(AS_THEY_ARE) == list(swapped.AS_THEY_ARE)
    assert list(FITTED) == list(swapped.FITTED)
    assert {len(costs) for costs in PRICES.values()} == {5}
    # Each map has one family.
    assert len(PRICES) == sum(map(len, swapped.FAMILIES.values()))
    measured = len(AS_THEY_ARE) + len(FITTED)
    assert len(PRICES) == measured + 2 + len(load("sharpness")["result"]["largest"])


def test_equal_weights_and_the_largest_one_alone_sum_to_one_and_cost_much():
    assert PRICES["equal weights"].min() > 3  # [3.6]
    assert PRICES["largest 1"].min() > 3  # [4.4]
    assert abs(PRICES["softmax"]).max() < 1e-4


def test_next_to_softmax_little_is_lost():
    assert 0 < PRICES["off-by-one"].mean() < 0.05  # [0.012]
    assert 0.005 < PRICES["sig/Σ, bias −10"].mean() < 0.08  # [0.027]
    # Towards minus infinity a sigmoid is an exponential.
    biases = [PRICES[f"sig/Σ, bias {b}"].mean() for b in ("0", "−2", "−5", "−10")]
    assert (np.diff(biases) < 0).all()
    assert biases[0] > 2  # [3.7]


@pytest.mark.parametrize("name", swapped.SPARSE)
def test_a_scale_a_head_pays_for_sparse_maps_on_every_text(name):
    before, after = PRICES[name], PRICES[f"{name}, fitted"]
    assert (after < before / 3).all()
    scales, levels, factors = swapped.numbers_of(name)
    assert scales.shape == (5, 30, 9)
    assert np.median(scales) < 0.8
    assert (levels == 0).all()
    assert (factors == 1).all()


def test_the_sparser_the_map_the_more_it_costs_even_with_a_scale():
    fitted = [PRICES[f"{name}, fitted"].mean() for name in swapped.SPARSE]
    keys = [np.mean(FITTED[name]["keys"]) for name in swapped.SPARSE]
    assert (np.diff(fitted) > 0).all()
    assert (np.diff(keys) < 0).all()
    assert fitted[0] < 0.06  # [0.024]
    assert fitted[1] < 0.2  # [0.12]
    assert keys[1] < 0.2  # [0.10]


def test_over_no_sum_nothing_comes_near_whatever_is_fitted():
    for name in ("relu/n", "sig+b"):
        assert PRICES[name].min() > 5  # [8.5, 17]
        assert PRICES[f"{name}, fitted"].min() > 2  # [15, 3.2]
    assert np.isnan([PRICES["exp/n"], PRICES["exp/n, fitted"]]).all()
    # A head by itself, too, is farther from softmax than with a threshold.
    left = {name: each["left"]["median"] for name, each in FITTED.items()}
    worst = max(left[name] for name in swapped.SPARSE)
    assert min(left[name] for name in swapped.NO_SUM) > 2 * worst  # [0.33, 0.11]


def test_a_level_helps_relus_over_their_sum_on_average_and_not_on_every_text():
    for name in ("relu/Σ", "relu²/Σ"):
        before, after = PRICES[name], PRICES[f"{name}, fitted"]
        assert after.mean() < before.mean() - 0.1
        assert 0 < (after > before).sum() < 3  # [Python code]
        assert after.min() > 0.2  # [0.35]


def test_the_largest_weights_alone_cost_what_the_other_experiment_says():
    cut = load("sharpness")["result"]["largest"]
    for k in ("64", "16", "4", "1"):
        assert PRICES[f"largest {k}"].tolist() == cut[k]["cost"]


def test_what_was_fitted_is_read_from_what_was_saved():
    saved = arrays("swapped")
    for name in swapped.FITTED:
        places = saved[f"{name}/place"]
        tried = swapped.TRIED[name]
        assert places.max() < len(tried)
        scales, levels, factors = swapped.numbers_of(name)
        at = (1, 7, 3)
        assert (scales[at], levels[at]) == tried[places[at]]
        assert factors[at] == saved[f"{name}/factor"][at]


def test_every_text_is_fitted_on_the_others(model, monkeypatch):
    monkeypatch.setattr(swapped, "FITTED", ("relu²/Σ", "sig+b"))
    found = swapped.fits(model, READ)
    for name in ("relu²/Σ", "sig+b"):
        ways = {name: (swapped.AS_THEY_ARE[name], swapped.TRIED[name])}
        first, _, last = (products(model, ids, ways)[name] for ids in READ)
        expected = fitted([first, last], factor=name == "sig+b")
        for mine, other in zip(found[name], expected, strict=True):
            assert mine.shape == (3, tiny.LAYERS, tiny.HEADS)
            np.testing.assert_allclose(mine[1], other, rtol=1e-5)


@pytest.mark.parametrize("name", ["sparsemax", "relu²/Σ", "sig+b"])
def test_a_cost_is_that_of_the_numbers_of_this_text(model, name):
    rng = np.random.default_rng(0)
    tried = swapped.TRIED[name]
    places = rng.integers(0, len(tried), (3, tiny.LAYERS, tiny.HEADS)).astype(np.int8)
    factors = np.ones(places.shape, np.float32)
    if name == "sig+b":
        factors = rng.uniform(0.5, 2, places.shape).astype(np.float32)
    own = [model.nats(ids) for ids in READ]
    found = swapped.as_fitted(model, READ, own, name, places, factors)
    for i, ids in enumerate(READ):
        scales, levels = torch.tensor(tried)[torch.tensor(places[i]).long()].unbind(-1)
        numbers = (scales, levels, torch.tensor(factors[i]))
        attend = weighed_by_head(swapped.AS_THEY_ARE[name], *numbers)
        expected = costs(model, [ids], own[i : i + 1], attend)
        for measure in ("cost", "error"):
            again = expected[measure][0]
            assert found[measure][i] == pytest.approx(again, rel=1e-3, abs=1e-5)
    assert ("keys" in found) == (name == "sparsemax")


@pytest.mark.parametrize("name", ["softpick", "off-by-one"])
def test_a_map_as_it_is_is_measured_with_the_models_own_scores(model, name):
    own = [model.nats(ids) for ids in READ]
    found = swapped.as_it_is(model, READ, own, name)
    expected = costs(model, READ, own, weighed(swapped.AS_THEY_ARE[name]))
    assert found["cost"] == pytest.approx(expected["cost"], abs=1e-5)
    assert ("keys" in found) == (name == "softpick")


def test_a_map_that_is_softmax_costs_nothing(model, monkeypatch):
    monkeypatch.setitem(swapped.AS_THEY_ARE, "all keys", TopK(5 * STEP))
    own = [model.nats(ids) for ids in READ]
    found = swapped.as_it_is(model, READ, own, "all keys")
    assert found["cost"] == pytest.approx([0, 0, 0], abs=1e-5)


def test_numbers_of_heads_are_summed_up():
    found = swapped.of_heads(np.arange(101.0).reshape(1, 101))
    assert found["median"] == 50
    assert list(found["quartiles"]) == [25, 75]
    assert list(found["range"]) == [0, 100]
