"""NumPy's row rules in blocks: with and without a maximum, in one thread or more."""

import numpy as np
import pytest

from attention_lib import definitions, softmax
from attention_lib.numpy_backend import rows
from tests.engines import NUMPY, rounded, tolerance

WIDTHS = [1, 2, 7, 63, 64, 65, 101]  # up to 64 keys a row is worked on transposed


@pytest.fixture
def paths(monkeypatch):
    """Make blocks of a few rows, and note which path each block takes."""
    taken = []

    def spy(name):
        original = getattr(rows, name)

        def noted(*args):
            result = original(*args)
            taken.append((name, result))
            return result

        monkeypatch.setattr(rows, name, noted)

    spy("_plain_block")
    spy("_safe_block")
    monkeypatch.setattr(rows, "BLOCK_BYTES", 5000)
    return taken


def exact(scores):
    return definitions.softmax(scores - scores.max(-1, keepdims=True))


def check(scores, dtype, **options):
    actual = NUMPY.numpy(softmax(scores.astype(dtype), **options), dtype)
    divisor = options.get("temperature", 1.0)
    np.testing.assert_allclose(
        actual,
        exact(scores / divisor),
        rtol=tolerance(dtype, 40),
        atol=1e-44 if dtype == "float32" else 1e-322,
    )


@pytest.mark.quick
@pytest.mark.parametrize("n_keys", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ordinary_rows_need_no_maximum(n_keys, dtype, paths, rng):
    scores = rounded(1 + abs(rng.normal(size=(307, n_keys))), dtype)
    check(scores, dtype)
    assert set(paths) == {("_plain_block", True)}
    assert len(paths) > 1 or n_keys < 5


@pytest.mark.parametrize("n_keys", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shift", [-1e4, -800, -104, -90, -20, 80, 88, 95, 710, 1e4], ids=str
)
def test_a_shift_never_costs_digits(n_keys, dtype, shift, paths, rng):
    scores = rounded(shift + rng.normal(size=(31, n_keys)), dtype)
    check(scores, dtype)
    assert paths
    if shift < -10 or shift > 700 or (dtype == "float32" and shift > 90):
        assert ("_plain_block", False) in paths
        assert ("_safe_block", None) in paths


@pytest.mark.parametrize("n_keys", [7, 101])
@pytest.mark.parametrize("bad", [-200.0, 800.0, np.inf, np.nan])
def test_one_row_out_of_range_spoils_no_block(n_keys, bad, paths, rng):
    scores = 1 + abs(rng.normal(size=(307, n_keys)))
    scores[199] = bad
    actual = softmax(scores)
    with np.errstate(invalid="ignore"):
        expected = exact(scores)
    np.testing.assert_allclose(actual, expected, rtol=1e-14)
    assert ("_plain_block", True) in paths
    assert ("_plain_block", False) in paths
    assert ("_safe_block", None) in paths


@pytest.mark.parametrize("n_keys", [7, 64, 65, 101])
@pytest.mark.parametrize("temperature", [0.3, 0.95, 3.0, 1000.0])
@pytest.mark.parametrize("shift", [0.0, 20.0, 80.0])
def test_a_temperature_costs_no_digits(n_keys, temperature, shift, rng):
    # Large scores divided one by one would each be rounded by their own size.
    scores = rounded(shift + rng.normal(size=(31, n_keys)), "float32")
    check(scores, "float32", temperature=temperature)


@pytest.mark.parametrize("n_keys", [7, 101])
def test_masks_and_temperatures_by_row_take_the_safe_path(n_keys, paths, rng):
    scores = rng.normal(size=(307, n_keys))
    where = rng.random(scores.shape) < 0.7
    temperature = rng.uniform(0.5, 2, size=(307, 1))
    actual = softmax(scores, where=where, temperature=temperature)
    assert {name for name, _ in paths} == {"_safe_block"}
    raised = np.where(where, np.exp(scores / temperature), 0)
    total = raised.sum(-1, keepdims=True)
    expected = np.divide(raised, total, out=np.zeros_like(raised), where=total > 0)
    np.testing.assert_allclose(actual, expected, rtol=1e-14)


@pytest.mark.parametrize("n_keys", [5, 101])
@pytest.mark.parametrize("shift", [2.0, -100.0])
def test_threads_change_nothing(n_keys, shift, monkeypatch, paths, rng):
    scores = shift + rng.normal(size=(307, n_keys))
    alone = softmax(scores)
    monkeypatch.setattr(rows, "THREADED_BYTES", 0)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    np.testing.assert_allclose(softmax(scores), alone, rtol=1e-15)


def test_real_block_sizes(rng):
    for shape in [(50_021, 7), (101, 9_001)]:
        scores = rng.normal(size=shape).astype(np.float32)
        weights = softmax(scores)
        some = slice(0, None, 97)
        np.testing.assert_allclose(weights[some], exact(scores[some]), rtol=2e-6)
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
