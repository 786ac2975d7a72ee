"""Agreement: what the real model did, as saved. ``make real`` measures it again."""

import numpy as np
import pytest

from attention_lib.book.experiments import agreement, arrays, load
from attention_lib.book.real import sentence

RESULT = load("agreement")["result"]


def column(where, name):
    """Give what was measured in each of the 48 sentences."""
    return np.array(RESULT[where]["all"][name])


def erased(where):
    """Give by word what is left of the log odds of the first sentence without it."""
    first = RESULT[where]["first"]
    return dict(zip(first["words"][:-1], first["log odds, erased"], strict=True))


@pytest.mark.parametrize("after", [False, True])
def test_a_chapter_is_given_words_and_a_row_for_each(after):
    words, weights = sentence(after=after)
    start = "It was late . " if after else ""
    assert " ".join(words) == f"{start}The keys to the old wooden cabinet"
    assert weights.shape == (len(words), len(words))
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert (np.triu(weights, 1) == 0).all()
    for name, (layer, head) in agreement.NAMED.items():
        row = RESULT["after" if after else "alone"]["first"]["last row"][name]
        _, weights = sentence(layer, head, after=after)
        np.testing.assert_allclose(weights[-1], row, atol=5e-5)


@pytest.mark.parametrize("after", [False, True])
def test_the_head_looks_at_the_subject_and_not_at_the_nearer_noun(after):
    words, weights = sentence(after=after)
    on = dict(zip(words, weights[-1], strict=True))
    assert on["keys"] > 0.85  # [0.91, 0.93]
    assert on["cabinet"] < 0.05  # [0.01]


def test_the_model_expects_the_plural():
    for where in ("alone", "after"):
        first = RESULT[where]["first"]
        assert first["log odds"] > 3  # [4.0, 4.4]
        assert " are" in first["next words"]
        assert " is" not in first["next words"]


def test_without_the_subject_the_first_sentence_turns_and_without_wooden_it_does_not():
    assert erased("alone")["keys"] < -2  # [-3.6]
    assert erased("after")["keys"] < -3  # [-5.7]
    for where in ("alone", "after"):
        whole = RESULT[where]["first"]["log odds"]
        assert abs(erased(where)["wooden"] - whole) < 0.5  # [0.23, 0.17]


def test_the_first_word_is_a_sink_wherever_the_sentence_starts():
    # Alone, "The" is first: without it the verb turns. After a sentence it does not.
    assert erased("alone")["The"] < -1  # [-2.5]
    assert erased("after")["The"] > 2  # [3.1]
    alone, after = column("alone", "The erased"), column("after", "The erased")
    assert alone.mean() < 0 < 1 < after.mean()  # [-0.9, 1.8]
    # Not every first token matters to the verb: "It" does not.
    assert column("after", "first word erased").mean() > 3  # [4.4]


def test_words_with_little_weight_matter_too():
    words, weights = sentence(after=True)
    on = dict(zip(words, weights[-1], strict=True))
    whole = RESULT["after"]["first"]["log odds"]
    for word in (".", "to", "the"):
        assert on[word] < 0.05
        assert whole - erased("after")[word] > 1  # [2.6, 2.8, 2.2]


@pytest.mark.parametrize("where", ["alone", "after"])
def test_in_the_other_sentences_the_head_looks_at_the_subject_as_well(where):
    assert len(set(RESULT[where]["all"]["text"])) == 48
    log_odds = column(where, "log odds")
    assert (log_odds > 0).sum() > 40  # [46, 47]
    subject, last = (column(where, f"26.0 on {w}") for w in ("subject", "last word"))
    assert (subject > last).sum() > 40  # [47, 46]
    assert (column(where, "subject erased") < log_odds).sum() > 45  # [48]
    assert (log_odds - column(where, "subject erased")).mean() > 2  # [4.0, 5.3]
    assert abs(log_odds - column(where, "old erased")).mean() < 0.5  # [0.2, 0.3]


@pytest.mark.parametrize("where", ["alone", "after"])
def test_this_head_needs_the_subject_and_random_heads_do_not(where):
    log_odds = column(where, "log odds")
    fall = log_odds - column(where, "26.0 blind")
    assert (fall > 0).sum() > 45  # [48]
    assert fall.mean() > 1  # [1.6, 2.5]
    of_five = log_odds - column(where, "five heads blind")
    assert of_five.mean() > fall.mean() + 0.5  # by [0.9, 1.7]
    of_random = log_odds - column(where, "five random heads blind")
    assert abs(of_random).mean() < 0.2  # [0.04, 0.06]


@pytest.mark.parametrize(("name", "least"), [("27.0", 0.4), ("25.2", 0.3)])
def test_two_heads_weigh_the_subject_and_nothing_follows(name, least):
    # They were found where the sentence comes after another.
    assert column("after", f"{name} on subject").mean() > least  # [0.57, 0.44]
    for where in ("alone", "after"):
        change = column(where, f"{name} blind") - column(where, "log odds")
        assert abs(change.mean()) < 0.1  # [0.03]
        assert abs(change).mean() < 0.2  # [0.13]


def test_the_weight_says_how_much_a_head_may_matter_and_not_which_way():
    heads = RESULT["heads"]
    assert len(set(heads["text"])) == 8
    assert abs(np.mean(heads["weight and effect"])) < 0.2  # [0.07]
    assert min(heads["weight and size of effect"]) > 0.6  # [0.78]
    saved = arrays("agreement")
    weight, effect = saved["weight on subject"], saved["effect of blindness"]
    assert weight.shape == effect.shape == (8, 30, 9)
    for w, e, signed, size in zip(
        weight,
        effect,
        heads["weight and effect"],
        heads["weight and size of effect"],
        strict=True,
    ):
        assert agreement.rank_correlation(w, e) == pytest.approx(signed, abs=1e-3)
        assert agreement.rank_correlation(w, abs(e)) == pytest.approx(size, abs=1e-3)


def test_no_other_head_with_so_much_weight_matters_so_much():
    saved = arrays("agreement")
    weight, effect = (
        saved[name].mean(0) for name in ("weight on subject", "effect of blindness")
    )
    assert np.unravel_index(effect.argmax(), effect.shape) == agreement.HEAD
    assert effect[agreement.HEAD] > 2  # [2.8]
    heavy = {tuple(map(int, head)) for head in np.argwhere(weight > 0.3)}
    assert heavy >= set(agreement.NAMED.values())
    idle = {head for head in heavy if abs(effect[head]) < 0.1}
    assert len(idle) >= 4  # [5 of 7]
    assert set(agreement.IDLE) <= idle


def test_ranks_are_correlated_by_hand():
    assert agreement.rank_correlation(
        np.array([1, 2, 4]), np.array([3, 5, 90])
    ) == pytest.approx(1)
    # Squared differences of ranks 1, 1, 0: 1 - 6 · 2 / (3 · 8).
    assert agreement.rank_correlation(
        np.array([1, 2, 4]), np.array([5, 3, 90])
    ) == pytest.approx(0.5)
