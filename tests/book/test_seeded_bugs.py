"""The four faults: each is what it says, and its map alone gives it away."""

import numpy as np
import pytest

from attention_lib.book.seeded_bugs import FAULTS, diagnosis, maps, readings

SEEDS = range(20)


def test_each_fault_is_found_from_its_map_alone_and_so_is_health():
    for seed in SEEDS:
        found = maps(seed)
        assert {name: diagnosis(weights) for name, weights in found.items()} == {
            name: name for name in FAULTS
        }


def test_the_faults_are_what_they_are_called():
    found, n = maps(), 12
    np.testing.assert_allclose(found["wrong axis"].sum(0), 1)
    np.testing.assert_array_equal(np.triu(found["wrong axis"], 1), 0)
    np.testing.assert_allclose(found["wrong mask"].sum(1), 1)
    assert (np.diagonal(found["wrong mask"], 1) > 0).all()
    np.testing.assert_array_equal(np.triu(found["wrong mask"], 2), 0)
    np.testing.assert_allclose(
        found["dead head"], np.tri(n) / np.arange(1, n + 1)[:, None]
    )
    # Its odds are those of the healthy head to the power of the root of 64.
    cold, warm = (np.log(found[name][-1]) for name in ("saturated head", "healthy"))
    np.testing.assert_allclose(np.ptp(cold), 8 * np.ptp(warm))


def test_each_reading_by_hand():
    found = readings(np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]))
    assert found["off one"] == 0
    assert found["later"] == 0
    # One of one bit, and one of log2(3) bits.
    assert found["evenness"] == pytest.approx((1 + np.log(2) / np.log(3)) / 2)
    assert found["rows differ"] == pytest.approx(0.5)  # (1/2, 1/2) against (0, 1)
    peeks = readings(np.array([[0.5, 0.5, 0.0], [1.5, 0.5, 0.0], [0.0, 0.0, 1.0]]))
    assert peeks["later"] == pytest.approx(1 / 8)
    assert peeks["off one"] == pytest.approx(1)


def test_a_saturated_head_is_far_from_the_line_and_so_is_a_healthy_one():
    evenness = {
        name: [readings(maps(seed)[name])["evenness"] for seed in SEEDS]
        for name in ("saturated head", "healthy")
    }
    assert max(evenness["saturated head"]) < 0.4
    assert min(evenness["healthy"]) > 0.65
