"""Trials and explanations: by hand, by a second route, and on a tiny model."""

import math

import numpy as np
import pytest
import torch

from attention_lib import attention_rollout
from attention_lib.book.real import explaining
from attention_lib.book.real.explaining import divergences, explained, trials
from attention_lib.book.real.reading import Reading
from tests.book.real import tiny

IDS = [5, 3, 8, 3, 1]


@pytest.fixture
def model():
    return tiny.model(tiny.random())


@pytest.mark.parametrize("block", [1, 2, 8])
def test_a_token_that_is_erased_is_hidden_from_all_later_ones(
    model, monkeypatch, block
):
    monkeypatch.setattr(explaining, "BLOCK", block)
    reading = Reading(model, IDS)
    masks = [reading.erased(place) for place in range(4)]
    expected = reading.scores_with(masks).log_softmax(-1)
    torch.testing.assert_close(trials(model, IDS), expected)
    changed = abs(expected - reading.scores.log_softmax(-1)).amax(-1)
    assert (changed > 0.01).all()


@pytest.mark.parametrize("block", [1, 2, 8])
def test_a_token_that_is_replaced_is_read_as_another(model, monkeypatch, block):
    monkeypatch.setattr(explaining, "BLOCK", block)
    found = trials(model, IDS, model.embedded(7))
    for place, each in enumerate(found):
        other = [7 if i == place else token for i, token in enumerate(IDS)]
        expected = model(other, last=1)[-1].log_softmax(-1)
        torch.testing.assert_close(each, expected)


def test_maps_are_means_over_heads_and_rollout_follows_them(model):
    prediction, found = explained(model, IDS, late=1)
    reading = Reading(model, IDS)
    weights = reading.weights.numpy()
    expected = {
        "mean of heads": weights[:, :, -1].mean((0, 1)),
        "late layers": weights[1, :, -1].mean(0),
        "rollout": attention_rollout(list(weights.mean(1)))[-1],
    }
    for name, row in expected.items():
        np.testing.assert_allclose(found[name], row[:-1], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(prediction, reading.scores.log_softmax(-1))


def test_the_norm_is_that_of_what_a_head_adds(model):
    arrays = tiny.random()
    reading, added = Reading(model, IDS), np.zeros((2, 2, 5))
    seen = {}
    model(IDS, cache=seen)
    for layer, (_, value) in seen.items():
        matrix = arrays[f"blk.{layer}.attn_output.weight"]
        for head in range(2):  # both read the only head of values
            columns = matrix[:, 2 * head : 2 * head + 2]
            added[layer, head] = np.linalg.norm(value[0].numpy() @ columns.T, axis=-1)
    expected = (reading.weights[:, :, -1].numpy() * added).mean((0, 1))
    _, found = explained(model, IDS, late=1)
    np.testing.assert_allclose(found["weight × norm"], expected[:-1], rtol=1e-5)


def test_what_all_heads_write_is_what_attention_adds(model):
    # A token alone gives all its weight to itself.
    values = {}
    model([5], cache=values)
    value = values[1][1].expand(2, -1, -1)
    read = value.transpose(0, 1).flatten(1)  # (1, heads * d)
    matrix = torch.from_numpy(tiny.random()["blk.1.attn_output.weight"])
    torch.testing.assert_close(model.written(1, value).sum(0), read @ matrix.T)


def test_gradients_are_slopes(model):
    model._weights = {name: each.double() for name, each in model._weights.items()}
    _, found = explained(model, IDS, late=1)
    x = model.embedded(IDS)
    top = model.scores(x, last=1)[-1].argmax()
    slopes = torch.zeros_like(x)
    for place in np.ndindex(*x.shape):
        step = torch.zeros_like(x)
        step[place] = 1e-6
        up, down = (
            model.scores(x + sign * step, last=1)[-1].log_softmax(-1)[top]
            for sign in (1, -1)
        )
        slopes[place] = (up - down) / 2e-6
    norms, products = slopes.norm(dim=-1), (slopes * x).sum(-1).abs()
    np.testing.assert_allclose(found["gradient norm"], norms[:-1], rtol=1e-5)
    np.testing.assert_allclose(found["gradient × input"], products[:-1], rtol=1e-4)


def test_divergences_by_hand():
    p, q = (torch.tensor(x).log() for x in ([0.5, 0.5], [0.25, 0.75]))
    kullback, jensen = divergences(p, torch.stack([q, p]))
    # Half of log 2, less half of log 3/2.
    first = (math.log(2) - math.log(3 / 2)) / 2
    np.testing.assert_allclose(kullback, [first, 0], atol=1e-7)
    middle = np.array([0.375, 0.625])
    sides = [0.5 * np.log(0.5 / middle).sum()]
    sides.append(0.25 * np.log(0.25 / middle[0]) + 0.75 * np.log(0.75 / middle[1]))
    np.testing.assert_allclose(jensen, [np.mean(sides), 0], atol=1e-7)
    back, same = divergences(q, p)
    assert back != pytest.approx(first)
    assert same == pytest.approx(jensen[0])
