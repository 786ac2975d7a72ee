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
from tests.book.real import tiny

RESULT = load("focus_of_heads")["result"]
ALL = RESULT["all texts"]
SAVED = arrays("focus_of_heads")


def by_length(name):
    """Give what was saved for each text at each length: an array (5, 7)."""
    return np.array(RESULT[name])


def test_what_is_said_of_all_texts_follows_from_what_is_saved_of_the_heads():
    again = focus_of_heads.of_all(SAVED)

    def same(found, saved):
        if isinstance(found, dict):
            assert set(found) == set(saved)
            for key in found:
                same(found[key], saved[key])
        else:
            np.testing.assert_allclose(found, saved, rtol=1e-3, atol=1e-3)

    same(again, ALL)
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
