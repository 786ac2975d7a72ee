"""The root of d: other or shorter runs and the saved ones, by the same margins.

In brackets: the worst replica seen.
"""

import numpy as np
import pytest
import torch

from attention_lib import jacobian, weightings
from attention_lib.book.experiments import (
    bayes_lookup,
    cell_of,
    load,
    rates,
    replicas,
    root_d,
)
from tests.book.experiments.cells import REPLICAS, saved_cells, trained_anew

SHORT = {
    "at_random": {"sets": 2, "seed": 1},
    "at_start": {"batches": 2, "sets": 128, "seed": 1},
}


def saved(where, d, scores):
    """Give what was saved of queries and keys at random, or of the start."""
    measured = load("root_d")["result"][where][scores][str(d)]
    return {name: np.array(each) for name, each in measured.items()}


def again(where, d, scores):
    """Measure anew, with fewer sets."""
    return getattr(root_d, where)(d, scores, **SHORT[where])


def saved_risks():
    """Give the saved excess risks at the best rates, by d and scores."""
    cells = saved_cells("root_d", "d", "scores", measure="excess_risk")
    return {settings: cell[32] for settings, cell in cells.items()}


def risks_again():
    """Train heads of 64 coordinates anew."""
    size = {"steps": 150, "batch": 32, "data": bayes_lookup.data(1, lengths=(32,))}
    found = {}
    for scores in ("÷ √d", "raw"):
        wanted = {"map": "softmax", "d": 64, "scores": scores}
        run = trained_anew(root_d.task(64, scores), "root_d", **wanted, **size)
        found[64, scores] = run["excess_risk"][32]
    return found


@pytest.fixture(params=[saved, again], ids=["saved", "again"])
def measured(request):
    """Give what measures rows at random, or gradients at the start."""
    return request.param


@pytest.fixture(
    scope="module", params=[saved_risks, risks_again], ids=["saved", "again"]
)
def risk(request):
    """Give the excess risk by d and scores."""
    return request.param()


@pytest.mark.parametrize("d", root_d.SIZES["random"])
def test_raw_scores_spread_by_the_root_of_d(measured, d):
    for scores, expected in (("raw", d**0.5), ("÷ √d", 1.0), ("÷ d", d**-0.5)):
        spread = measured("at_random", d, scores)["spread"]
        assert len(spread) == 5
        # Of one coordinate, 64 queries and keys are few: their squares vary most.
        assert spread.mean() == pytest.approx(expected, rel=0.1 if d < 16 else 0.03)


def test_raw_rows_end_on_one_key_and_divided_ones_do_not(measured):
    raw, divided = (measured("at_random", 1024, scores) for scores in ("raw", "÷ √d"))
    assert raw["one_key"].min() > 0.6
    assert raw["entropy"].max() < 0.1
    assert divided["one_key"].max() == 0
    assert divided["entropy"].min() > 0.8


def test_the_jacobian_is_small_in_sharp_rows_and_in_flat_ones(measured):
    raw, divided, flat = (
        {d: measured("at_random", d, s)["jacobian"] for d in root_d.SIZES["random"]}
        for s in ("raw", "÷ √d", "÷ d")
    )
    assert max(raw, key=lambda d: raw[d].mean()) == 16
    assert raw[16].min() > 1.3 * divided[16].max()
    assert raw[1024].max() < 0.6 * divided[1024].min()
    # Equal weights, 1/n each: all eigenvalues are 1/n but one, which is zero.
    assert flat[1024].mean() == pytest.approx(np.sqrt(63) / 64, rel=0.02)


def test_raw_scores_starve_most_examples_and_make_a_batch_loud(measured):
    raw, divided = (measured("at_start", 1024, scores) for scores in ("raw", "÷ √d"))
    assert len(raw["median"]) == 5
    assert divided["median"].min() > 0.03  # [0.039]
    assert raw["median"].max() < 5e-4  # [1e-4]
    # A few examples have what the others lack.
    assert raw["mean"].min() > 50 * raw["median"].max()  # [160]
    assert raw["batch"].min() > 10 * divided["batch"].max()  # [15]


def test_the_expected_gradient_of_raw_scores_falls_and_that_of_divided_ones_stays():
    raw, divided = (
        {d: saved("at_start", d, s)["parameters"] for d in root_d.SIZES["start"]}
        for s in ("raw", "÷ √d")
    )
    assert raw[16].min() > 1.5 * raw[1024].max()  # [1.6]
    assert raw[16].min() > 2 * divided[16].max()  # [2.3]
    assert raw[1024].mean() < 2 * divided[1024].mean()  # [1.2]
    means = [each.mean() for each in divided.values()]
    assert max(means) < 1.4 * min(means)  # [1.24]
    # So hardly anything of what a batch says is more than its luck.
    for d in (256, 1024):
        batch = saved("at_start", d, "raw")["batch"]
        assert raw[d].max() < 0.05 * batch.min()  # [0.02]


def test_a_smaller_start_does_what_the_division_does():
    for d in (64, 1024):
        small, divided = (
            root_d.at_start(d, scores, batches=2, sets=32)
            for scores in ("raw, small start", "÷ √d")
        )
        for name, factor in (("median", 1), ("mean", 1), ("batch", d**0.25)):
            assert small[name] == pytest.approx(factor * divided[name], rel=1e-3)


def test_without_a_division_300_steps_are_too_few(risk):
    raw, divided = risk[64, "raw"], risk[64, "÷ √d"]
    assert len(raw) >= REPLICAS
    assert raw.min() > 3 * divided.max()  # [4.3]
    if (256, "raw") in risk:
        assert risk[256, "raw"].min() > 10 * risk[256, "÷ √d"].max()  # [19]


def test_no_rate_makes_up_for_it():
    for d in root_d.TRAINED:
        table = rates.by_rate(cell_of("root_d", d=d, scores="raw"))
        best = cell_of("root_d", d=d, scores="÷ √d")["excess_risk"]["32"]
        for row in table.values():
            assert min(row["excess_risk"]["32"]) > 3 * max(best)  # [4.3]


def test_a_smaller_start_or_a_larger_division_makes_up_for_it():
    found = saved_risks()
    for d in root_d.TRAINED:
        divided = found[d, "÷ √d"].mean()
        assert found[d, "raw, small start"].mean() == pytest.approx(divided, rel=0.15)
        assert found[d, "÷ d"].mean() < 1.5 * divided  # [1.3]
        # Each at a rate of its own.
        rate = {s: cell_of("root_d", d=d, scores=s)["rate"] for s in root_d.SCORES}
        assert rate["raw, small start"] < rate["÷ √d"] < rate["÷ d"]


def test_the_gradient_of_an_example_is_that_of_the_formula():
    found = root_d.at_start(16, "÷ √d", batches=2, sets=1, seed=3)
    source = replicas.stream(3)
    weigh = weightings.Softmax()
    start = root_d.start(source, 5, weigh, d=16, scores="÷ √d")
    start = {name: p.detach().double().numpy() for name, p in start.items()}
    norms, gradients = [], []
    for drawn in (bayes_lookup.sets(source, 5, 1) for _ in range(2)):
        keys, values, query, value, _ = (x[:, 0].double().numpy() for x in drawn)
        key, asked = keys @ start["key"], query @ start["query"]
        scores = asked @ key.swapaxes(1, 2) / 4
        read = values @ start["value"] @ start["read"]
        wrong = 2 / 8 * (weigh(scores) @ read - value[:, None])
        moved = jacobian("softmax", scores[:, 0]) @ (read @ wrong.swapaxes(1, 2))
        norms.append(np.linalg.norm(moved[..., 0], axis=1))
        by_query = query.swapaxes(1, 2) @ moved.swapaxes(1, 2) @ key / 4
        by_key = keys.swapaxes(1, 2) @ moved @ asked / 4
        gradients.append(np.stack([by_query, by_key], 1).reshape(5, -1))
    assert found["mean"] == pytest.approx(sum(norms) / 2, rel=1e-4)
    product = (gradients[0] * gradients[1]).sum(1).clip(min=0)
    assert found["parameters"] == pytest.approx(np.sqrt(product), rel=1e-3, abs=1e-5)


def test_a_batch_and_what_is_expected_of_it_by_hand():
    pair = torch.tensor([[[3.0, 1.0]], [[1.0, -1.0]]])
    expected, one = root_d.squares(pair)
    assert expected.tolist() == [2]  # 3 · 1 - 1 · 1
    assert one.tolist() == [6]  # (10 + 2) / 2


def test_queries_and_keys_start_with_variance_one():
    source = replicas.stream(0)
    start = root_d.start(source, 5, weightings.Softmax(), d=64, scores="raw")
    keys, _, query, *_ = bayes_lookup.sets(source, 5, 500)
    for name, x in (("key", keys), ("query", query)):
        made = replicas.apply(x, start[name])
        assert made.square().mean().item() == pytest.approx(1, rel=0.1)
