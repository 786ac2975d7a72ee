"""Focus of heads: how widely the real model's heads attend, as saved, and a tiny one's.

``make real`` measures one text again.
"""

import numpy as np
import pytest
import torch

from attention_lib import effective_support
from attention_lib.book.experiments import arrays, focus_of_heads, load
from attention_lib.book.real import SOURCES
from attention_lib.book.real.attending import noting
from attention_lib.book.real.rows import measures
from tests.book.experiments.cells import assert_same
from tests.book.real import tiny

RESULT = load("focus_of_heads")["result"]
ALL = RESULT["all texts"]
SAVED = arrays("focus_of_heads")


def by_length(name):
    """Give what was saved for each text at each length: an array (5, 7)."""
    return np.array(RESULT[name])


def test_what_is_said_of_all_texts_follows_from_what_is_saved_of_the_heads():
    again = focus_of_heads.of_all(SAVED)
    assert_same(again, ALL)
    assert RESULT["text"] == list(SOURCES)
    assert SAVED["entropy"].shape == (5, 30, 9, 7)
    assert SAVED["lead"].shape == (30, 9, 7)


def test_what_is_said_of_a_text_follows_from_it_too():
    entropy = SAVED["entropy"].astype(float)
    medians = np.median(np.exp(entropy), (1, 2))
    np.testing.assert_allclose(medians, by_length("support"), rtol=5e-3)
    slopes = focus_of_heads.exponents(entropy)
    np.testing.assert_allclose(
        np.median(slopes, (1, 2)), RESULT["exponent, median"], atol=2e-3
    )


def test_most_heads_fade_in_part():
    exponent = ALL["exponent"]
    assert 0.25 < exponent["median"] < 0.45  # [0.35]
    assert 0.2 < exponent["below 0.2"] < 0.4  # [0.30]
    assert 0 < exponent["above 0.8"] < 0.1  # [0.04]
    for median in RESULT["exponent, median"]:
        assert 0.2 < median < 0.5  # [0.29, 0.40]
    support = by_length("support")
    assert (support[:, -1] > 2 * support[:, 0]).all()  # keys: 72 times as many
    assert (support[:, -1] < 10 * support[:, 0]).all()


def test_it_is_the_length_and_not_what_stands_there():
    own, same = ALL["exponent"], ALL["exponent, same queries"]
    assert same["median"] == pytest.approx(own["median"], abs=0.06)  # [0.35, 0.33]
    pair = [
        focus_of_heads.exponents(SAVED[name].astype(float).mean(0)).ravel()
        for name in ("entropy", "entropy, same queries")
    ]
    assert np.corrcoef(pair)[0, 1] > 0.9  # [0.97]


def test_without_key_0_heads_fade_a_little_more():
    slopes = focus_of_heads.exponents(SAVED["entropy"].astype(float).mean(0))
    key_0 = SAVED["on key 0"].astype(float).mean(-1)
    assert key_0[slopes < 0.2].mean() > key_0[slopes >= 0.2].mean() + 0.1
    own, others = ALL["exponent"], ALL["exponent without key 0"]
    assert 0 < others["median"] - own["median"] < 0.1  # [0.05]
    assert 0.15 < others["below 0.2"] < own["below 0.2"]  # [0.21, 0.30]


def test_one_head_takes_its_part_of_any_row_and_one_the_same_few_keys():
    entropy = SAVED["entropy"].astype(float)
    part = np.exp(entropy.mean(0)[focus_of_heads.STEEP]) / focus_of_heads.keys_seen()
    assert part.min() > 0.5  # [0.66, 0.78]
    assert part.max() < 0.9
    few = np.exp(entropy.mean(0)[focus_of_heads.FLAT])
    assert few.min() > 2  # [2.2, 3.0]
    assert few.max() < 3.5
    for head, slope in ((focus_of_heads.STEEP, 1), (focus_of_heads.FLAT, 0)):
        assert SAVED["on key 0"][head].max() < 0.1
        each = focus_of_heads.exponents(entropy)[:, *head]
        assert abs(each - slope).max() < 0.15  # [0.05, 0.11]
    assert SAVED["largest"][focus_of_heads.FLAT].min() > 0.6  # [0.67]


def test_leads_do_not_buy_the_largest_weight_which_holds_all_the_same():
    # From 128 keys on.
    assert by_length("heads led")[:, 2:].mean(0).max() < 0.02  # [0.013]
    assert by_length("led")[:, -1].max() < 0.03  # [0.015]
    assert by_length("half")[:, -1].min() > 0.15  # [0.19]
    largest = by_length("largest").mean(0)
    assert largest[0] < 2 * largest[-1]  # [0.55, 0.37]
    lead, without = (by_length(name) for name in ("lead", "lead without key 0"))
    assert (lead > without).all()


def test_small_weights_are_many_and_together_not_nothing():
    at = focus_of_heads.LENGTHS.index(512)
    assert by_length("below 1e-3")[:, at].min() > 0.8  # [0.85]
    together = by_length("weight below 1e-3")[:, at]
    assert together.min() > 0.03  # [0.05]
    assert together.max() < 0.1


def test_random_scores_tell_the_support_of_heads_with_little_spread_alone():
    beside = ALL["beside random scores"]
    assert beside["0 to 1.2"]["heads"] == 4
    assert beside["0 to 1.2"]["range"][0] > 0.8  # [0.89]
    assert beside["0 to 1.2"]["range"][1] < 1.1  # [1.02]
    assert beside["1.2 to 2"]["median"] < 0.6  # [0.38]
    assert beside["3 to inf"]["median"] > 2  # [5.2]
    assert sum(band["heads"] for band in beside.values()) == 270


def test_the_same_queries_are_asked_after_fewer_tokens():
    model = tiny.model(tiny.random())
    ids = np.random.default_rng(0).integers(0, 200, 30)
    weights = []
    model(ids[-12:], noting(weights))
    found = focus_of_heads.heads_of(model, ids, (12, 30))
    short, whole = np.moveaxis(found["entropy, same queries"], -1, 0)
    expected = effective_support(torch.stack(weights)[:, :, -8:]).log().mean(-1)
    np.testing.assert_allclose(short, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(whole, found["entropy"][..., 1])
    assert abs(short - found["entropy"][..., 0]).max() > 0.01


def test_a_power_of_the_number_of_keys_is_found_again():
    keys = focus_of_heads.keys_seen()
    assert keys[0] == np.mean(range(25, 33))
    for power in (0, 0.35, 1):
        found = focus_of_heads.exponents(np.log(3 * keys**power))
        assert found == pytest.approx(power, abs=1e-12)


def test_random_scores_are_what_they_are_compared_with():
    rng = np.random.default_rng(0)
    keys = focus_of_heads.keys_seen()
    spread = 0.8
    entropies, variances = [], []
    for n in keys.round().astype(int):
        scores = torch.tensor(rng.normal(scale=spread, size=(400, n)))
        found = measures(scores, torch.ones(400, n).bool())
        entropies.append(found["entropy"].mean())
        variances.append(found["variance"].mean())
    ratio = focus_of_heads.beside_random(np.array(entropies), np.array(variances))
    np.testing.assert_allclose(ratio, 1, atol=0.05)
