"""Explanations: whether they found the token that decides, as saved, and by hand.

``make real`` measures a window again.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import arrays, explanations, load
from attention_lib.book.experiments.explanations import EXPLANATIONS, TRUTHS
from attention_lib.book.real import SOURCES, texts
from tests.book.experiments.cells import assert_same
from tests.book.real import tiny

RESULT = load("explanations")["result"]
ALL = RESULT["all windows"]
SAVED = arrays("explanations")


def mean(name, quantity="rank correlation", truth="erased"):
    """Give what was measured of an explanation, in the mean of all windows."""
    return ALL[truth][name][quantity]["mean"]


def test_windows_do_not_overlap_and_are_what_the_texts_say():
    drawn = explanations.windows()
    assert drawn == list(zip(RESULT["text"], RESULT["start"], strict=True))
    assert len(set(drawn)) == 50
    assert {name for name, _ in drawn} == set(SOURCES)
    assert all(start % explanations.LENGTH == 0 for _, start in drawn)
    assert max(start for _, start in drawn) <= len(texts()["book 1"]) - 40
    assert {len(words) for words in RESULT["words"]} == {40}


def test_what_is_said_of_all_windows_follows_from_the_ranks_that_are_saved():
    assert_same(explanations.of_all(SAVED), ALL)
    for name in (*EXPLANATIONS, *TRUTHS):
        np.testing.assert_array_equal(np.sort(SAVED[name]), [np.arange(39)] * 50)
    for truth in TRUTHS:
        ranks = {n: RESULT[f"ranks and {truth}"][n] for n in EXPLANATIONS}
        assert {n: np.mean(each) for n, each in ranks.items()} == pytest.approx(
            {n: mean(n, truth=truth) for n in EXPLANATIONS}, abs=1e-3
        )


def test_values_have_the_ranks_that_are_saved():
    for name in explanations.VALUES:
        values = np.take_along_axis(
            SAVED[f"{name}, values"], SAVED[name].argsort(-1), -1
        )
        assert (np.diff(values) >= 0).all()


def test_explanations_are_compared_by_hand():
    rows = {
        "erased": [9, 1, 2, 4, 3],
        "mean of heads": [0, 1, 2, 4, 3],
        "late layers": [0, 4, 3, 1, 2],
        "nearness": [0, 1, 2, 3, 4],
    }
    scores = {n: np.array([rows.get(n, [0, 1, 2, 3, 4])]) for n in EXPLANATIONS}
    # All others rank as nearness does, and have no rest at equal nearness.
    with np.errstate(invalid="ignore"):
        found = explanations.compared(
            scores | {"erased": np.array([rows["erased"]])}, "erased"
        )
        sink = explanations.compared(
            scores | {"erased": np.array([rows["erased"]])}, "erased", first=0
        )
    same, turned, near = (found[n] for n in list(rows)[1:])
    assert same["rank correlation"] == pytest.approx(1)
    assert turned["rank correlation"] == pytest.approx(-1)
    # One exchange of neighbours among four: 1 - 6 · 2 / (4 · 15).
    assert near["rank correlation"] == pytest.approx(0.8)
    assert (same["found"], turned["found"], near["found"]) == (1, 0, 0)
    assert (same["found, less nearness"], turned["found, less nearness"]) == (1, 0)
    assert same["at equal nearness"] == pytest.approx(1)
    assert turned["at equal nearness"] == pytest.approx(-1)
    assert sink["mean of heads"]["found"] == 0


def test_the_rest_at_equal_nearness_is_what_least_squares_leave():
    rng = np.random.default_rng(0)
    scores = {n: np.array([rng.permutation(38)]) for n in (*EXPLANATIONS, "erased")}
    found = explanations.compared(scores, "erased", first=0)["late layers"]
    rest = []
    for name in ("late layers", "erased"):
        line = np.polyfit(scores["nearness"][0], scores[name][0], 1)
        rest.append(scores[name][0] - np.polyval(line, scores["nearness"][0]))
    assert found["at equal nearness"] == pytest.approx(np.corrcoef(rest)[0, 1])


def test_a_window_is_explained_and_tried(monkeypatch):
    model = tiny.model(tiny.random())
    monkeypatch.setattr(explanations, "LATE", 1)
    ids = np.random.default_rng(0).integers(0, 200, 7)
    _, found = explanations.of_window(model, ids, np.random.default_rng(0))
    assert {*EXPLANATIONS, *TRUTHS} < set(found)
    assert {len(each) for each in found.values()} == {6}
    assert all((found[truth] > 0).all() for truth in TRUTHS)
    np.testing.assert_array_equal(found["nearness"], range(6))
    np.testing.assert_array_equal(np.sort(found["random order"]), range(6))


def test_maps_of_weights_rank_better_than_chance_and_than_nearness():
    assert abs(mean("random order")) < 0.1  # [-0.01]
    for name in ("mean of heads", "late layers", "weight × norm"):
        each = ALL["erased"][name]
        assert each["rank correlation"]["range"][0] > mean("nearness")  # 0.56 > 0.46
        assert min(each["rank correlation"]["by text"]) > 0.5  # [0.58]
        assert each["at equal nearness"]["range"][0] > 0.3  # [0.36]
    assert 0.55 < mean("weight × norm") < 0.75  # [0.65]
    # Half of what there is to explain is left: a square of 0.65.
    assert mean("weight × norm") ** 2 < 0.5


def test_nearness_finds_the_token_that_decides_as_often_as_the_best_map():
    assert mean("nearness", "found") > 0.4  # [0.54]
    for name in EXPLANATIONS:
        if name != "nearness":
            more = ALL["erased"][name]["found, less nearness"]
            assert more["mean"] < 0.05  # at most [-0.02]
    assert mean("weight × norm", "found") > 0.4  # [0.52]
    assert mean("mean of heads", "found") < mean("late layers", "found") - 0.1  # [0.22]
    assert mean("random order", "found") < 0.12  # [0.04]


def test_rollout_ranks_early_tokens_first():
    assert ALL["erased"]["rollout"]["rank correlation"]["range"][1] < -0.2  # [-0.27]
    assert mean("rollout", "found") == 0
    among = dict(
        zip((*TRUTHS, *EXPLANATIONS), ALL["among themselves"]["rollout"], strict=True)
    )
    assert among["nearness"] < -0.8  # [-0.90]
    assert mean("rollout", "at equal nearness") > 0  # [0.14]


def test_gradients_rank_worse_and_know_little_of_nearness():
    assert mean("gradient × input") < mean("gradient norm") < mean("weight × norm")
    assert mean("gradient × input") > 0.25  # [0.38]
    for name in ("gradient norm", "gradient × input"):
        near = ALL["among themselves"][name][(*TRUTHS, *EXPLANATIONS).index("nearness")]
        assert near < 0.35  # [0.15, 0.20]
    # At equal nearness the gradient's norm is as good as the best map.
    left = mean("gradient norm", "at equal nearness")
    assert left > mean("weight × norm", "at equal nearness") - 0.1  # [0.47, 0.48]


def test_with_the_sink_a_map_finds_nothing_else():
    assert ALL["the sink decides"]["mean"] < 0.1  # [0]
    for name in ("mean of heads", "late layers", "weight × norm"):
        assert (
            mean(name, "found", truth="erased, with the sink") < 0.15
        )  # at most [0.04]
        # One token of 39 moves the ranks of all but little.
        change = mean(name, truth="erased, with the sink") - mean(name)
        assert -0.1 < change < 0  # [-0.03]


def test_explanations_agree_badly_with_each_other():
    names = (*TRUTHS, *EXPLANATIONS)
    table = np.array([ALL["among themselves"][name] for name in names])
    np.testing.assert_allclose(table, table.T, atol=1e-3)
    np.testing.assert_allclose(table.diagonal(), 1)
    at = {name: names.index(name) for name in names}
    for gradient in ("gradient norm", "gradient × input"):
        for name in ("mean of heads", "late layers", "weight × norm"):
            assert 0.2 < table[at[gradient], at[name]] < 0.65  # [0.37, 0.54]
    assert table[at["gradient norm"], at["gradient × input"]] < 0.65  # [0.50]
    assert table[at["late layers"], at["mean of heads"]] < 0.9  # [0.77]


def test_what_erasing_means_matters_as_much_as_how_it_is_explained():
    """The two truths agree no better than the best map agrees with the first."""
    truths = ALL["among themselves"]["erased"][1]
    assert abs(truths - mean("weight × norm")) < 0.1  # [0.64, 0.65]
    assert 0.5 < ALL["same token decides"]["mean"] < 0.85  # [0.68]
    # Which divergence is taken does not matter.
    assert ALL["both divergences"]["mean"] > 0.99  # [0.998]
    for name in EXPLANATIONS[:3]:
        assert mean(name) > mean(name, truth="replaced")
        assert mean(name, truth="replaced") > 0.4  # [0.49, 0.52]
