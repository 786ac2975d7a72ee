"""Longer rows, with little noise and with much: a shorter run and the saved one.

In brackets: the worst replica seen.
"""

import math

import numpy as np
import pytest
import torch

from attention_lib.book.experiments import (
    bayes_lookup,
    cell_of,
    limits,
    load,
    maps,
    noisy_length,
    rates,
    replicas,
)
from tests.book.experiments.cells import REPLICAS, saved_cells, trained_anew

PAIR = ("softmax", "scalable softmax")
STEPS = {"little": 120, "much": 200}
BATCH = 32


def saved():
    """Give what is saved at the best rates, by map and noise."""
    names = ("excess_risk", "target_weight")
    by_name = {
        name: saved_cells("noisy_length", "map", "noise", measure=name)
        for name in names
    }
    return {
        settings: {name: by_name[name][settings] for name in names}
        for settings in by_name["excess_risk"]
    }


def again():
    """Train both forms of softmax anew."""
    found = {}
    for noise, steps in STEPS.items():
        task = noisy_length.task(noise)
        data = noisy_length.data(1, noise=noise, sizes={2048: 32})
        size = {"steps": steps, "batch": BATCH, "data": data}
        for name in PAIR:
            found[name, noise] = trained_anew(
                task, "noisy_length", map=name, noise=noise, **size
            )
    return found


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def measured(request):
    """Give what was measured by map and noise."""
    return request.param()


def test_with_little_noise_log_n_keeps_the_weight_of_the_target(measured):
    plain, scaled = (measured[name, "little"]["target_weight"][2048] for name in PAIR)
    assert len(plain) >= REPLICAS
    assert plain.max() < 0.87  # [0.83]
    assert scaled.min() > 0.88  # [0.91, after 120 steps]
    plain, scaled = (measured[name, "little"]["excess_risk"][2048] for name in PAIR)
    assert scaled.max() < plain.min()


def test_with_much_noise_log_n_is_worse_than_softmax(measured):
    plain, scaled = (measured[name, "much"]["excess_risk"][2048] for name in PAIR)
    assert scaled.min() > 1.5 * plain.max()  # [2.4, after 200 steps; 18]


def test_that_harm_is_what_a_head_risks_that_is_right_at_32():
    cell = cell_of("noisy_length", map="scalable softmax", noise="much")
    for pairs in ("256", "2048"):
        expected = cell["right at 32"][pairs]
        assert cell["excess_risk"][pairs] == pytest.approx([expected] * 6, rel=0.4)


def test_with_little_noise_whether_log_n_is_better_turns_with_the_rate():
    plain, scaled = (
        rates.by_rate(cell_of("noisy_length", map=name, noise="little"))
        for name in PAIR
    )
    assert min(plain[1e-2]["excess_risk"]["2048"]) > 0.2  # [0.24]
    assert max(scaled[1e-2]["excess_risk"]["2048"]) < 0.01  # [0.004]
    # At a rate that is too high for either, softmax is as sharp as long rows ask for.
    means = [np.mean(table[1e-1]["excess_risk"]["2048"]) for table in (plain, scaled)]
    assert means[0] < means[1]  # [0.028, 0.055]
    assert min(plain[1e-1]["target_weight"]["2048"]) > 0.9  # [0.95]


def test_with_much_noise_log_n_is_worse_at_the_rates_that_train():
    plain, scaled = (
        rates.by_rate(cell_of("noisy_length", map=name, noise="much")) for name in PAIR
    )
    for rate in (3e-3, 1e-2, 3e-2):
        worst = max(plain[rate]["excess_risk"]["2048"])
        assert min(scaled[rate]["excess_risk"]["2048"]) > 1.05 * worst  # [1.08]


def test_32_pairs_with_little_noise_ask_for_less_than_the_best_sharpness():
    for name in PAIR:
        for noise, least, most in (("little", 0.1, 0.4), ("much", 0.9, 1.1)):
            cell = cell_of("noisy_length", map=name, noise=noise)
            best = 1 / noisy_length.NOISES[noise] ** 2
            assert min(cell["sharpness"]) > least * best  # [0.17, 0.96]
            assert max(cell["sharpness"]) < most * best  # [0.30, 1.06]


def test_scalable_softmax_starts_as_softmax_of_32_pairs():
    def guess(name, pairs):
        weigh = maps.get_map(name)
        start = bayes_lookup.start(replicas.stream(5), 2, weigh)
        drawn = noisy_length.data(sizes={pairs: 4})[pairs][:3]
        start, given = replicas.frozen(start, drawn)
        return bayes_lookup.look_up(start, weigh, *given)[0]

    for pairs, alike in ((32, True), (2048, False)):
        one, other = (guess(name, pairs) for name in PAIR)
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6) == alike


def test_the_sharpness_is_what_a_product_is_multiplied_by():
    parameters = {
        name: torch.eye(bayes_lookup.D_KEY, bayes_lookup.WIDTH)[None] * factor
        for name, factor in (("query", 2.0), ("key", 3.0))
    }
    expected = 6 * bayes_lookup.SCALE
    assert noisy_length.sharpness(parameters) == pytest.approx([expected])
    parameters["scale"] = torch.full((1, 1, 1, 1), 0.5)
    expected *= 0.5 * math.log(32)
    assert noisy_length.sharpness(parameters) == pytest.approx([expected])


def test_what_a_head_risks_that_is_right_at_two_by_hand():
    # Scores log 3 and zero: weights 3/6 and 1/6. Of four keys, not two: twice as sharp.
    keys = torch.tensor([[[math.log(3)], [0.0], [0.0], [0.0]]])
    query = torch.ones(1, 1, 1)
    expected = (9 / 12 - 3 / 6) ** 2 + 3 * (1 / 12 - 1 / 6) ** 2
    risk = limits.noisy_length("scalable softmax", keys, query, 1.0, pairs=2)
    assert risk == pytest.approx(expected)
    assert limits.noisy_length("softmax", keys, query, 1.0) == 0
    assert limits.noisy_length("sparsemax", keys, query, 1.0) is None


def test_what_the_formulas_say_is_saved():
    result = load("noisy_length")["result"]
    for noise, said in result["noises"].items():
        drawn = noisy_length.data(noise=noise)
        keys, _, query, *_, best = drawn[2048]
        chance = bayes_lookup.posterior(keys, query, said["noise"])[..., 0].mean()
        assert said["best weight"]["2048"] == pytest.approx(chance.item(), rel=1e-3)
        silence = best.square().mean().item()
        assert said["silence"]["2048"] == pytest.approx(silence, rel=1e-3)
        for name in PAIR:
            cell = cell_of("noisy_length", map=name, noise=noise)
            expected = limits.noisy_length(name, keys, query, said["noise"])
            assert cell["right at 32"]["2048"] == pytest.approx(expected, rel=1e-3)
            assert set(cell["floor"].values()) == {0}
