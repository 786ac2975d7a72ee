"""Sharpness: what other scores cost the real model, as saved, and on a tiny one."""

import math

import numpy as np
import pytest
import torch

from attention_lib import TopK
from attention_lib.book.experiments import load, sharpness
from attention_lib.book.real import SOURCES
from attention_lib.book.real.attending import weighed
from tests.book.real import tiny

RESULT = load("sharpness")["result"]
IDS = [5, 3, 8, 3, 1, 7, 2]


def cost(kind, name, of="cost"):
    """Give what was saved of a change, an entry a text."""
    return np.array(RESULT[kind][name][of])


def error(kind, name):
    """Give the standard errors of its costs."""
    return cost(kind, name, "error")


def test_the_model_is_that_of_the_other_results():
    assert RESULT["text"] == list(SOURCES)
    own = load("text_loss")["result"]["own weights"]
    np.testing.assert_allclose(RESULT["own"], own, atol=2e-3)
    np.testing.assert_allclose(cost("sharpness", "1"), 0, atol=1e-4)


def test_the_loss_rises_on_both_sides_of_the_sharpness_of_training():
    means = {float(b): cost("sharpness", b).mean() for b in RESULT["sharpness"]}
    assert list(means) == list(sharpness.SHARPNESS)
    below = [means[b] for b in (0.25, 0.5, 0.7, 0.85, 0.9)]
    above = [means[b] for b in (4, 2, 1.5, 1.2, 1.05)]
    for side in (below, above):
        assert (np.diff(side) < 0).all()
        assert side[-1] > 0


@pytest.mark.parametrize("text", range(5))
def test_far_from_it_every_text_costs_more(text):
    for b in ("0.25", "0.5", "0.7", "1.5", "2", "4"):
        assert cost("sharpness", b)[text] > 3 * error("sharpness", b)[text]


def test_near_it_the_loss_is_flat():
    near = cost("sharpness", "0.95")
    assert abs(near.mean()) < 0.005  # [0.00004]
    assert abs(near).max() < 0.02  # [0.006]
    assert (abs(near) < 2 * error("sharpness", "0.95")).all()


def test_the_vectors_root_and_none_cost_more_than_two_nats():
    for root in ("of the vector", "none"):
        assert cost("root", root).min() > 1.5  # [1.7]
        assert cost("root", root).mean() > 2  # [2.7, 4.1]
    assert RESULT["root"]["of the vector"]["sharpness"] == pytest.approx(1 / 3, 1e-3)
    assert RESULT["root"]["none"]["sharpness"] == 8


def test_fewer_keys_cost_more():
    means = [cost("largest", f"{k}").mean() for k in sharpness.KEPT]
    assert (np.diff(means) > 0).all()
    assert means[0] > 0.01  # [0.035]
    assert 0.1 < means[1] < 0.3  # [0.17]
    assert means[-1] > 3  # [5.6]


def test_sharpening_with_the_logarithm_of_the_keys_helps_no_text():
    means = []
    for start in sharpness.FROM:
        found = cost("late", f"log n from {start}")
        assert found.min() > -0.005  # [0.004]
        means.append(found.mean())
    assert (np.diff(means) < 0).all()
    assert means[0] > 0.1  # [0.19]
    assert 0.005 < means[-1] < 0.03  # [0.010]


def test_it_costs_as_much_as_the_same_sharpness_for_all_and_blunter_costs_too():
    grown, same, fall = (
        cost("late", name).mean()
        for name in ("log n from 1024", "the same on average", "a fall")
    )
    assert same == pytest.approx(grown, abs=0.005)  # [0.009, 0.010]
    assert 0.002 < fall < 0.02  # [0.007]


def test_a_factor_grows_like_the_logarithm_of_the_keys_from_a_number_on():
    factors = sharpness.growing(16, 4)
    assert factors.shape == (16, 1)
    assert (factors[:4] == 1).all()
    assert factors[7].item() == pytest.approx(1.5)
    assert factors[15].item() == pytest.approx(2)


def test_the_controls_are_as_sharp_on_average_and_as_blunt():
    ways = sharpness.late_ways(n=16, late=4, starts=(4,))
    grown, same, fall = (
        ways[name] for name in ("log n from 4", "the same on average", "a fall")
    )
    assert (same[:4] == 1).all()
    assert same[4:].unique().numel() == 1
    assert same.mean().item() == pytest.approx(grown.mean().item())
    torch.testing.assert_close(grown * fall, torch.ones(16, 1))


def test_a_cost_is_the_mean_of_what_late_tokens_lose():
    model = tiny.model(tiny.random())
    own, other = model.nats(IDS), model.nats(IDS, weighed(sharpness=0.5))
    found = sharpness.costs(model, [IDS], [own], weighed(sharpness=0.5), 2)
    more = (other - own)[2:].numpy()
    assert found["cost"] == pytest.approx([more.mean()])
    assert found["error"] == pytest.approx([more.std(ddof=1) / math.sqrt(4)])
    for attend in (weighed(), weighed(TopK(7))):
        (nothing,) = sharpness.costs(model, [IDS], [own], attend)["cost"]
        assert nothing == pytest.approx(0, abs=1e-5)


def test_other_roots_are_those_of_the_vector_and_of_one():
    roots = sharpness.other_roots(tiny.model(tiny.random()))
    # Two heads share out four numbers.
    assert roots["of the vector"] == pytest.approx(math.sqrt(2 / 4))
    assert roots["none"] == pytest.approx(math.sqrt(2))
