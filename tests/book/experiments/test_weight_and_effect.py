"""Weight and effect: what the real model's heads did, as saved, and a tiny one's.

``make real`` measures some sentences again.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import agreement, arrays, load, weight_and_effect
from attention_lib.book.experiments.weight_and_effect import ONE_OF_EACH
from attention_lib.book.real.reading import Reading
from tests.book.real import tiny

RESULT = load("weight_and_effect")["result"]
SAVED = {name: a.astype(float) for name, a in arrays("weight_and_effect").items()}
WEIGHT, EFFECT = SAVED["weight"], SAVED["effect"]


def column(least, name):
    """Give what was measured in each of the 48 sentences."""
    return np.array(RESULT[f"above {least}"][name])


class TinyAgreement(agreement.Agreement):
    """A tiny model's reading of some tokens, the second of which is the subject."""

    def __init__(self, ids):
        Reading.__init__(self, tiny.model(tiny.random()), ids)
        self.subject, self.right, self.wrong = 1, 3, 5
        self.log_odds = self.preference(self.scores).item()


def test_only_the_last_word_is_blind_and_only_in_some_heads():
    reading = TinyAgreement([5, 3, 8, 3, 1])
    groups = [[(0, 1)], [(1, 0)], [(0, 0), (1, 1)], []]
    masks = [reading.blind(heads, reading.subject) for heads in groups]
    expected = reading.log_odds - reading.log_odds_with(masks)
    found = weight_and_effect.blinded(reading, groups)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (abs(found[:3]) > 1e-3).all()
    both = agreement.each_head(reading), weight_and_effect.each_head(reading)
    for slow, fast in zip(*both, strict=True):
        np.testing.assert_allclose(fast, slow, atol=1e-5)


def test_what_is_said_follows_from_what_is_saved_of_the_heads():
    assert WEIGHT.shape == EFFECT.shape == (48, 30, 9)
    assert len(set(RESULT["text"])) == 48
    rows = list(map(weight_and_effect.correlated, WEIGHT, EFFECT))
    for least, found in rows[0].items():
        for name in found:
            again = np.mean([row[least][name] for row in rows])
            # In float16 the smallest weights are zero: a few heads fewer, whose
            # quotients of rounding errors are wild.
            few = {"heads": 5, "dealt anew": 0.02}.get(name, 0.01)
            assert again == pytest.approx(np.mean(RESULT[least][name]), abs=few)


def test_it_is_what_the_other_experiment_measured_on_eight_of_the_sentences():
    other = arrays("agreement")
    for name, found in (("weight on subject", WEIGHT), ("effect of blindness", EFFECT)):
        np.testing.assert_allclose(
            found[ONE_OF_EACH], other[name], rtol=2e-3, atol=1e-4
        )


def test_the_weight_does_not_say_which_way_a_head_pulls():
    signed = column(0, "signed")
    assert abs(signed.mean()) < 0.1  # [0.02]
    assert signed.min() < 0 < signed.max()  # [-0.16, 0.27]
    for least in weight_and_effect.LEAST:
        assert abs(column(least, "signed").mean()) < 0.3  # at most [0.18]


def test_that_it_says_how_far_holds_by_construction():
    assert column(0, "size").min() > 0.7  # [0.78]
    for least in (0.001, 0.01):
        left = column(least, "size") - column(least, "dealt anew")
        assert abs(left.mean()) < 0.07  # [-0.02, -0.03]
    # Among heads with much weight there is less to rank, and less is ranked.
    assert column(0.1, "heads").mean() < 50  # [39] of 270
    few, many = column(0.1, "size"), column(0.01, "size")
    assert 0.3 < few.mean() < many.mean() < 0.7  # [0.46, 0.58]
    assert few.min() < 0  # [-0.24]


def test_two_heads_matter_and_five_look_and_do_nothing():
    assert set(RESULT["that matter"]) == {"26.0", "27.8"}
    assert set(RESULT["idle"]) >= {"27.0", "25.2"}
    assert len(RESULT["idle"]) == 5
    for found in RESULT["idle"].values():
        assert found["weight"] > 0.25  # [0.31, 0.58]
        assert found["size"] < 0.12  # [0.02, 0.08]
    for found in RESULT["that matter"].values():
        assert found["weight"] > 0.5  # [0.63, 0.75]
        assert found["effect, range"][0] > 0  # [0.14]
        assert found["effect"] > 0.5  # [0.8, 2.5]


def test_all_of_the_preference_comes_through_these_two():
    log_odds = np.array(RESULT["log odds"])
    matter, idle, rest = map(np.array, RESULT["together"].values())
    assert log_odds.mean() > 3  # [4.0]
    # Without them nothing of it is left; without all the others, nothing is lost.
    assert abs((log_odds - matter).mean()) < 0.5  # [-0.1]
    assert abs(idle.mean()) < 0.1  # [-0.03]
    assert abs(rest.mean()) < 0.2  # [-0.04]
    assert abs(rest).max() < log_odds.mean() / 2  # [0.99]
    # Each alone takes less than both: what one lacks, the other makes good in part.
    alone = EFFECT[:, 26, 0] + EFFECT[:, 27, 8]
    assert (matter - alone).mean() > 0.5  # [0.8]


def test_heads_are_named_by_their_means_over_eight_sentences():
    matter, idle = weight_and_effect.kinds_of(
        WEIGHT[ONE_OF_EACH].mean(0), EFFECT[ONE_OF_EACH].mean(0)
    )
    for kind, heads in (("that matter", matter), ("idle", idle)):
        again = weight_and_effect.named(heads, WEIGHT, EFFECT)
        assert list(again) == list(RESULT[kind])
        for name, found in again.items():
            for quantity, value in found.items():
                np.testing.assert_allclose(
                    value, RESULT[kind][name][quantity], atol=5e-3
                )


def test_kinds_by_hand():
    weight = np.array([[0.9, 0.4, 0.31], [0.1, 0.1, 0.3]])
    effect = np.array([[-5.0, 0.49, -0.5], [0.6, 0.1, 0.1]])
    matter, idle = weight_and_effect.kinds_of(weight, effect)
    assert matter == [(0, 0), (0, 2), (1, 0)]
    assert idle == [(0, 1)]


def test_quotients_that_are_alike_may_change_heads_and_wild_ones_may_not():
    rng = np.random.default_rng(1)
    weight = rng.uniform(0.1, 1, 200)
    assert weight_and_effect.dealt_anew(weight, 3 * weight) == pytest.approx(1)
    wild = weight * np.exp(rng.normal(scale=50, size=200))
    assert abs(weight_and_effect.dealt_anew(weight, wild)) < 0.1
