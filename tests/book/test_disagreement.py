"""How far explanations differ: by hand, beside SciPy, and against all other weights."""

import numpy as np
import pytest

from attention_lib import softmax
from attention_lib.book.disagreement import jensen_shannon, kendall, most_different

RNG = np.random.default_rng(0)


# SciPy is imported where it is needed, not by every worker that collects the tests.
def test_kendall_counts_pairs_and_ties_as_scipy_does():
    from scipy import stats

    a = RNG.integers(0, 4, (50, 9))
    b = RNG.integers(0, 4, (50, 9))
    expected = [stats.kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(kendall(a, b), expected, atol=1e-6)


def test_kendall_by_hand_and_of_a_row_of_ties():
    assert kendall([1, 2, 3], [3, 2, 1]) == -1
    assert kendall([1, 2, 3], [5, 6, 9]) == 1
    assert kendall([1, 1, 1], [1, 2, 3]) == 0


def test_the_divergence_is_scipys_and_at_most_the_logarithm_of_two():
    from scipy.spatial.distance import jensenshannon

    a, b = softmax(RNG.normal(size=(2, 50, 7)))
    expected = [jensenshannon(x, y) ** 2 for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(jensen_shannon(a, b), expected, rtol=1e-9)
    assert jensen_shannon(np.eye(2)[0], np.eye(2)[1]) == pytest.approx(np.log(2))
    assert jensen_shannon(a, a) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("open_end", [False, True])
def test_no_weights_with_an_output_as_near_are_farther(open_end):
    a, z = softmax(RNG.normal(size=(20, 5))), RNG.normal(size=(20, 5))
    output = (a * z).sum(-1)
    low, high = output - 0.1, output + (np.inf if open_end else 0.1)
    most, other = most_different(a, z, low, high)
    given = (other * z).sum(-1)
    assert (other >= 0).all()
    assert ((other > 0).sum(-1) <= 2).all()
    np.testing.assert_allclose(other.sum(-1), 1)
    assert ((given >= low - 1e-9) & (given <= high + 1e-9)).all()
    np.testing.assert_allclose(jensen_shannon(a, other), most)
    # Sparse and spread, at random: none that is allowed is farther, and some is near.
    tried = RNG.dirichlet(np.full(5, 0.15), size=(40_000, 1))
    outputs = (tried * z).sum(-1)
    allowed = (outputs >= low) & (outputs <= high)
    found = np.where(allowed, jensen_shannon(a, tried), 0).max(0)
    assert (found <= most + 1e-9).all()
    assert (most - found).mean() < 0.05


def test_where_one_key_carries_the_output_little_else_gives_it():
    a, z = np.array([0.94, 0.03, 0.03]), np.array([2.0, 0.0, 0.0])
    most, other = most_different(a, z, 1.83, 1.93)
    assert most < 0.02
    assert other[0] >= 1.83 / 2
