"""Sinks: what the real model leaves on its first token, as saved, and on a tiny one.

``make real`` measures one text again.
"""

import numpy as np
import pytest
import torch

from attention_lib.book.experiments import arrays, focus_of_heads, load, sinks
from attention_lib.book.real import SOURCES
from attention_lib.book.real.first_token import first_token
from tests.book.real import tiny

RESULT = load("sinks")["result"]
HEADS, FIRST = RESULT["heads"], RESULT["first"]
SAVED = arrays("sinks")
IDS = [5, 3, 8, 3, 1, 7, 2, 6]


def cost(name, of="cost"):
    """Give what was saved of a change, an entry a text."""
    return np.array(RESULT["cost"][name][of])


def first(name, of="weight"):
    """Give what was saved of an opening, an entry a text."""
    return np.array(FIRST[name][of])


def test_what_is_said_of_the_heads_follows_from_what_is_saved_of_them():
    assert RESULT["text"] == list(SOURCES)
    shapes = {"weight": (5, 30, 9), "contribution": (5, 30, 9), "length": (5, 30, 3)}
    assert {name: array.shape for name, array in SAVED.items()} == shapes
    again = sinks.of_heads(SAVED)
    assert set(again) == set(HEADS)
    for name, found in again.items():
        np.testing.assert_allclose(found, HEADS[name], rtol=1e-3, atol=1e-3)


def test_a_quarter_of_all_weight_lies_on_the_first_token():
    weight = np.array(HEADS["weight"])
    assert weight.min() > 0.15  # [0.23]
    assert weight.max() < 0.4  # [0.32]
    # As another experiment found with other queries.
    on_key_0 = np.array(load("focus_of_heads")["result"]["on key 0"])
    at = focus_of_heads.LENGTHS.index(512)
    np.testing.assert_allclose(first(sinks.STANDS), on_key_0[:, at], atol=0.06)


def test_it_lies_in_the_later_layers_and_in_some_heads_more_than_in_others():
    layers = np.array(HEADS["weight by layer"])
    assert layers[:12].max() < 0.15  # [0.09]
    assert layers[12:].min() > 0.2  # [0.26]
    assert 0.3 < np.mean(HEADS["above 0.3"]) < 0.6  # [0.44]
    assert 0.1 < np.mean(HEADS["above 0.5"]) < 0.3  # [0.19]


def test_its_value_is_short_and_so_it_contributes_half_of_its_weight():
    assert max(HEADS["length"]) < 0.35  # [0.25]
    share = np.array(HEADS["contribution"]) / HEADS["weight"]
    assert share.max() < 0.6  # [0.54]
    assert share.min() > 0.4  # [0.46]
    # Where the first key has next to no weight, its value is as long as the others.
    weight, length = (
        np.array(HEADS[f"{name} by layer"]) for name in ("weight", "length")
    )
    assert length[weight > 0.02].max() < 0.5  # [0.42]
    assert length[weight < 0.01].min() > 0.8  # [0.85]


def test_the_same_heads_rest_on_whatever_token_is_first():
    base = first(sinks.STANDS)
    for name in FIRST:
        assert first(name, "correlation").min() > 0.95  # [0.976]
        assert first(name, "length").max() < 0.35  # [0.28]
        if name != "The":
            assert abs(first(name) - base).max() < 0.05  # [0.023]
    for name, token in (("The", "The"), ("a line's end", "\n"), ("banana", " banana")):
        assert set(FIRST[name]["token"]) == {token}


def test_two_equal_tokens_at_the_start_share_what_one_would_have():
    weight, second = first("The"), first("The", "second")
    # These three texts begin with "The" themselves.
    double = np.array(FIRST[sinks.STANDS]["token"]) == "The"
    assert double.sum() == 3
    np.testing.assert_allclose(second[double], weight[double], atol=1e-3)
    assert (weight + second > first(sinks.STANDS) - 0.02).all()
    assert first(sinks.STANDS, "second").max() < 0.05


@pytest.mark.parametrize("text", range(5))
def test_later_queries_cannot_do_without_it(text):
    assert cost("key 0")[text] > 0.5  # [0.72]
    assert cost("key 0")[text] > 5 * cost("key 0", "error")[text]


def test_any_other_key_they_can_do_without():
    for place in sinks.PLACES:
        assert cost(f"key {place}").mean() < 0.02  # [0.011]
        assert cost(f"key {place}").max() < 0.05  # [0.023]
    assert cost("heaviest other").max() < 0.03  # [0.013]


def test_sixty_three_others_with_half_its_weight_cost_less_than_half():
    weight = np.array(RESULT["on others"]) / first(sinks.STANDS)
    assert weight.min() > 0.25  # [0.33]
    assert cost("all others").mean() < cost("key 0").mean() / 3  # [0.15, 0.93]
    assert (cost("all others") < cost("key 0") / 2).all()


def test_without_it_from_the_start_another_token_takes_its_place():
    assert abs(cost("key 0 from all")).max() < 0.03  # [0.010]


def test_another_texts_first_key_and_value_do_as_well():
    for name in ("both", "key", "value"):
        found = cost(f"{name} of another text")
        assert abs(found).max() < 0.015  # [0.004]
        # A text that begins with the same token would have the same: exactly nothing.
        assert abs(found).min() > 0


def test_so_do_almost_a_number_and_a_value_but_the_number_alone_does_not():
    constant, alone = cost("number and value"), cost("number alone")
    assert constant.mean() < 0.04  # [0.020]
    assert constant.max() < 0.06  # [0.031]
    assert alone.mean() > 10 * constant.mean()  # [0.57]
    assert (alone > constant).all()
    # Its value is short, and yet no zero.
    assert cost("value zero").mean() > 0.2  # [0.48]
    assert 0.1 < cost("softmax1").mean() < cost("key 0").mean()  # [0.28]


def test_each_change_is_one_for_queries_from_a_start_on():
    model = tiny.model(tiny.random())
    here, other = (first_token(model, ids, 3) for ids in (IDS, IDS[::-1]))
    whole = model(IDS)
    ways = sinks.ways(here, other, n=len(IDS), start=3, places=(1, 2))
    deleted = model(IDS, ways.pop("key 0 from all"))
    np.testing.assert_allclose(deleted[1:], model(IDS[1:]), rtol=1e-4, atol=1e-5)
    for attend in ways.values():
        found = model(IDS, attend)
        np.testing.assert_allclose(found[:3], whole[:3], rtol=1e-4, atol=1e-5)
        assert abs(found[3:] - whole[3:]).max() > 0.001


def test_the_other_text_is_the_next_that_begins_otherwise():
    read = [[5, 1], [5, 2], [7, 3], [5, 4]]
    assert sinks.following(read) == [2, 2, 3, 2]


def test_the_heaviest_other_key_has_the_most_weight_in_all():
    early = torch.zeros(2, 2, 5)
    early[..., 0], early[0, 0, 3], early[1, :, 2] = 0.9, 0.3, 0.2
    assert sinks.heaviest({"early": early}) == 2


def test_a_text_begins_with_another_token_or_later():
    model = tiny.model(tiny.random())
    ids = np.arange(200)
    openings = sinks.openings(model, ids, 50)
    assert {len(begun) for begun in openings.values()} == {50}
    assert (openings[sinks.STANDS] == ids[:50]).all()
    assert (openings["cut by 100"] == ids[100:150]).all()
    line = openings["a line's end"]
    assert model.tokenizer.decode(line[:1].tolist()) == "\n"
    assert (line[1:] == ids[:49]).all()
