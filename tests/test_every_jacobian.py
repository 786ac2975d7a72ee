"""The Jacobian of every weighting in closed form, and its norm."""

import numpy as np
import pytest
import torch

from attention_lib import Softmax, definitions, jacobian, jacobian_norm
from tests.engines import ENGINES, EVERY_DTYPE, rounded, tolerance
from tests.in_turn import in_turn
from tests.weightings.every import CASES

# torch itself calls this when forward mode is used for the first time.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

OBJECTS = [case for case in CASES if case.make is not None]
STEADY = [case for case in OBJECTS if case.power == 1]  # no digit is lost
every_object = pytest.mark.parametrize("case", OBJECTS, ids=str)
every_steady = pytest.mark.parametrize("case", STEADY, ids=str)
engines = in_turn("engine", ENGINES)
engines_and_dtypes = in_turn(("engine", "dtype"), EVERY_DTYPE)


def away_from_zero(rng, shape):
    x = rng.normal(size=shape)
    return x + 0.1 * (2 * (x > 0) - 1)


@every_object
def test_the_closed_form_is_autograd_s(case, device, rng):
    scores = torch.tensor(away_from_zero(rng, (2, 3, 7)), device=device)
    rows = case.drawn(rng, (2, 3, 1), lambda a: torch.tensor(a, device=device))
    arrays = [name for name, a in rows.items() if isinstance(a, torch.Tensor)]

    def weigh(x, *given):
        return case.make(**rows | dict(zip(arrays, given, strict=True)))(x)

    given = (scores, *(rows[name] for name in arrays))
    expected = torch.vmap(torch.vmap(torch.func.jacrev(weigh)))(*given)
    actual = jacobian(case.make(**rows), scores)
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-11)


@every_object
@engines
def test_the_closed_form_is_what_finite_differences_say(case, engine, rng):
    scores = away_from_zero(rng, (2, 3, 7))
    plain = case.drawn(rng, (2, 3, 1))
    expected = np.empty((2, 3, 7, 7))
    for row in np.ndindex(2, 3):
        given = {k: float(v[row][0]) if np.ndim(v) else v for k, v in plain.items()}
        expected[row] = definitions.jacobian(
            lambda s, given=given: case.definition(s, **given), scores[row]
        )
    params = {k: engine.array(v) if np.ndim(v) else v for k, v in plain.items()}
    actual = jacobian(case.make(**params), engine.array(scores))
    actual = engine.numpy(actual, "float64")
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-8)


@every_object
@engines
def test_a_parameter_with_fewer_axes_than_the_scores(case, engine, rng):
    scores = away_from_zero(rng, (2, 3, 7))
    rows = case.drawn(rng, (3, 1), engine.array)
    whole = jacobian(case.make(**rows), engine.array(scores))
    for i in range(2):
        one = jacobian(case.make(**rows), engine.array(scores[i]))
        np.testing.assert_allclose(engine.numpy(whole)[i], engine.numpy(one))


@every_steady
@engines_and_dtypes
def test_each_dtype_comes_back(case, engine, dtype, rng):
    scores = rounded(away_from_zero(rng, (3, 7)), dtype)
    params = case.drawn(rng, (3, 1), lambda a: engine.array(rounded(a, dtype), dtype))
    wide = {k: engine.numpy(v) if hasattr(v, "shape") else v for k, v in params.items()}
    weighting, exact = case.make(**params), case.make(**wide)
    expected = jacobian(exact, scores)
    actual = engine.numpy(jacobian(weighting, engine.array(scores, dtype)), dtype)
    scale = max(1, abs(expected).max())
    np.testing.assert_allclose(actual, expected, tolerance(dtype, 256), 1e-5 * scale)


@every_steady
@engines_and_dtypes
def test_the_norm_is_that_of_the_matrix(case, engine, dtype, rng):
    scores = rounded(away_from_zero(rng, (2, 3, 7)), dtype)
    params = case.drawn(rng, (3, 1), lambda a: engine.array(rounded(a, dtype), dtype))
    wide = {k: engine.numpy(v) if hasattr(v, "shape") else v for k, v in params.items()}
    expected = np.linalg.norm(jacobian(case.make(**wide), scores), axis=(-2, -1))
    weighting = case.make(**params)
    actual = jacobian_norm(weighting, engine.array(scores, dtype))
    actual = engine.numpy(actual, dtype)
    assert actual.shape == (2, 3)
    np.testing.assert_allclose(actual, expected, tolerance(dtype, 256), 1e-5)


@pytest.mark.parametrize("lead", [0.0, 3.0, 30.0, 300.0])
def test_a_saturated_softmax_moves_by_a_little_and_not_by_nothing(engine, lead):
    scores = np.zeros(5)
    scores[2] = lead
    # One weight p and four of (1 - p) / 4: every entry by hand.
    rest = np.exp(-lead) / (1 + 4 * np.exp(-lead))
    top = 1 / (1 + 4 * np.exp(-lead))
    squares = (top * 4 * rest) ** 2 + 4 * (rest * (1 - rest)) ** 2
    squares += 8 * (top * rest) ** 2 + 12 * rest**4
    norm = jacobian_norm("softmax", engine.array(scores))
    np.testing.assert_allclose(engine.numpy(norm), np.sqrt(squares), 1e-13, 1e-300)
    moves = engine.numpy(jacobian("softmax", engine.array(scores)))
    np.testing.assert_allclose(moves[2, 2], 4 * top * rest, 1e-13)
    np.testing.assert_allclose(moves.sum(0), 0 * scores, atol=1e-15 * moves[2, 2])


def test_the_norm_of_a_long_row_needs_no_matrix(engine):
    scores = np.zeros(200_000)  # its matrix would take 320 GB
    norm = engine.numpy(jacobian_norm("softmax", engine.array(scores)))
    n = len(scores)
    np.testing.assert_allclose(norm, np.sqrt(n - 1) / n, 1e-9)


class Half(Softmax):
    """Softmax, with a Jacobian that says it moves half as much."""

    def jacobian(self, scores):
        return super().jacobian(scores) / 2


def test_a_jacobian_of_a_user_s_own_gives_the_norm(engine, rng):
    scores = engine.array(rng.normal(size=(3, 5)))
    ours = engine.numpy(jacobian_norm(Half(), scores))
    np.testing.assert_allclose(ours, engine.numpy(jacobian_norm("softmax", scores)) / 2)
