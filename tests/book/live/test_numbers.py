"""What the live figures compute is what the library computes, to 1e-12."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import attention_lib as al
from attention_lib.book.live import script, shown
from tests.book.live.engine import Engine

ALPHAS = (0.25, 0.5, 0.75, 0.999, 1, 1.001, 1.05, 1.5, 1.75, 2, 2.5, 3, 4)
RULES = {
    "softmax": al.softmax,
    "softmax1": al.softmax1,
    "scalableSoftmax": al.scalable_softmax,
    "sparsemax": al.sparsemax,
    "hardmax": al.hardmax,
    "sigmoid": al.sigmoid,
    "normalizedRelu": al.NormalizedReLU(),
}
generator = np.random.default_rng(0)
ROWS = [
    *(generator.normal(scale=s, size=n) for n in (2, 3, 7, 40) for s in (0.3, 3, 30)),
    *(generator.integers(-2, 3, size=6).astype(float) for _ in range(12)),
    np.zeros(5),
    np.full(3, 1000.0),
    np.array([-1000.0, 0.0, 1000.0]),
    np.array([1000.0, 999.0, 998.5]),
    np.array([-1e300, -1e300, 1e300]),
    np.array([2.0]),
]


@pytest.fixture(scope="module")
def engine():
    return Engine()


def agree(found, expected):
    """Compare two rows, where small weights count as much as large ones."""
    assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_weights_are_those_of_the_library(engine, name):
    for row in ROWS:
        agree(engine.call(name, row.tolist()), RULES[name](row))


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1.0, 3.0, 100.0])
def test_temperature_is_that_of_the_library(engine, temperature):
    for row in ROWS[:-3]:
        weights = engine.call("softmax", row.tolist(), temperature)
        agree(weights, al.softmax(row, temperature=temperature))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_every_alpha_is_that_of_the_library(engine, alpha):
    for row in ROWS:
        weights = np.array(engine.call("entmax", row.tolist(), alpha))
        assert weights.sum() == pytest.approx(1, abs=1e-14)
        assert_allclose(weights, al.entmax(row, alpha), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("offset", [-2.0, 0.0, 5.0])
def test_a_null_option_takes_what_the_library_gives_it(engine, offset):
    for row in ROWS:
        weights = engine.call("softmax1", row.tolist(), offset)
        agree(weights, al.softmax1(row, offset=offset))


def test_dividing_by_the_sum_gives_what_the_book_says(engine):
    agree(engine.call("divideBySum", [2.0, -1.0, -0.9]), [20, -10, -9])
    assert np.isnan(engine.call("divideBySum", [2.0, -1.0, -1.0])).all()


def test_measures_are_those_of_the_library(engine):
    for row in ROWS:
        for weights in (al.softmax(row), al.sparsemax(row)):
            agree(engine.call("entropy", weights.tolist()), al.entropy(weights))
            support = engine.call("effectiveSupport", weights.tolist())
            agree(support, al.effective_support(weights))


def test_averages_take_numbers_and_points(engine):
    weights, values = [0.25, 0.75], [[1.0, 3.0], [5.0, -1.0]]
    assert engine.call("average", weights, values) == [4.0, 0.0]
    assert engine.call("average", weights, [4.0, 8.0]) == 7.0


def test_states_merge_as_those_of_the_library(engine):
    for size in (2, 5, 9):
        scores = generator.normal(scale=20, size=size)
        values = generator.normal(size=size)
        halves = slice(0, size // 2), slice(size // 2, size)
        left, right = (
            engine.call("stateOf", scores[half].tolist(), values[half].tolist())
            for half in halves
        )
        merged = engine.call("merged", left, right)
        assert merged["max"] == scores.max()
        agree(merged["total"], np.exp(scores - scores.max()).sum())
        agree(merged["out"] / merged["total"], al.softmax(scores) @ values)


def test_no_keys_change_no_state(engine):
    state = {"max": 2.0, "total": 1.5, "out": -1.0}
    none = {"max": -np.inf, "total": 0.0, "out": 0.0}
    assert engine.call("merged", state, none) == state
    assert engine.call("merged", none, state) == state
    assert engine.call("merged", none, none) == none


def test_numbers_are_written_as_python_writes_them(engine):
    numbers = [0.0, -0.0, -0.00001, 0.65900114, -1.5, 12345.678, np.inf, np.nan]
    for number in (*numbers, *generator.normal(scale=10, size=200)):
        for digits in (0, 1, 2, 4):
            # A half is rounded up by one and to even by the other.
            if (abs(number) * 10**digits * 2) % 2 != 1:
                assert engine.shown(number, digits) == shown(number, digits)


# What a slip of the pen would be, and the test that sees it.
SLIPS = {
    "two swapped": (
        "return positive.map((p) => p / total);",
        "return positive.map((p) => p / total).reverse();",
    ),
    "no temperature": (
        "Math.exp((s - highest) / temperature)",
        "Math.exp(s - highest)",
    ),
    "no bound": ("threshold = Math.max(threshold,", "threshold = Math.min(0,"),
    "no rescaling": ("Math.exp(state.max - highest)", "1"),
    "half as many steps": ("step < 100", "step < 20"),
    "ties to the first": ("best.map((b) => b / sum(best))", "best"),
}
CHECKS = {
    "two swapped": lambda e: test_weights_are_those_of_the_library(e, "softmax"),
    "no temperature": lambda e: test_temperature_is_that_of_the_library(e, 0.5),
    "no bound": lambda e: test_weights_are_those_of_the_library(e, "sparsemax"),
    "no rescaling": test_states_merge_as_those_of_the_library,
    "half as many steps": lambda e: test_every_alpha_is_that_of_the_library(e, 1.5),
    "ties to the first": lambda e: test_weights_are_those_of_the_library(e, "hardmax"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_script_is_noticed(name):
    right, wrong = SLIPS[name]
    assert script().count(right) >= 1
    with pytest.raises(AssertionError):
        CHECKS[name](Engine(script().replace(right, wrong, 1)))
