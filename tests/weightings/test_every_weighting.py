"""Every weighting is its definition: on both engines, in each dtype, on any axis."""

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib.numpy_backend import entmax as sparse_numpy
from attention_lib.torch_backend import entmax as sparse_torch
from tests.engines import ENGINES, EVERY_DTYPE, NUMPY, TORCH, near, rounded, tolerance
from tests.in_rotation import in_rotation
from tests.in_turn import in_turn
from tests.weightings.every import (
    CASES,
    ONE_OF_EACH,
    every_case,
    one_of_each,
    shorter,
)

engines = in_turn("engine", ENGINES)
WORK = 64  # roundings a weight may cost in the dtype that it is computed in


def rows_of(shape, axis):
    return tuple(1 if i == axis % len(shape) else n for i, n in enumerate(shape))


def for_engine(engine, params, dtype=None):
    return {
        name: engine.array(value, dtype) if np.ndim(value) else value
        for name, value in params.items()
    }


def last(params, axis):
    return {
        name: np.moveaxis(value, axis, -1) if np.ndim(value) else value
        for name, value in params.items()
    }


@pytest.mark.quick
@in_rotation("case", CASES, {"engine dtype": EVERY_DTYPE, "axis": [0, 1, -1]})
def test_each_dtype_agrees_with_the_definition(engine, dtype, case, axis, rng):
    shape = (3, 5, 7)
    scores = rounded(2 * rng.normal(size=shape), dtype)
    params = case.drawn(rng, rows_of(shape, axis), lambda a: rounded(a, dtype))
    given = for_engine(engine, params, dtype)
    expected = case.expected(np.moveaxis(scores, axis, -1), **last(params, axis))
    expected = np.moveaxis(expected, -1, axis)
    actual = case.weigh(engine.array(scores, dtype), axis, **given)
    assert tuple(actual.shape) == shape
    np.testing.assert_allclose(
        engine.numpy(actual, dtype) ** case.power,
        expected**case.power,
        rtol=case.power * tolerance(dtype, WORK),
        atol=near(dtype, WORK),
    )


@every_case
@engines
def test_the_row_function_is_the_object(engine, case, rng):
    if case.make is None or case.rule is None:
        return  # there is one of the two only
    scores, where = rng.normal(size=(3, 5, 7)), rng.random((3, 5, 7)) < 0.6
    params = for_engine(engine, case.drawn(rng, (3, 5, 1)))
    x, where = engine.array(scores), engine.array(where)
    for kept in (None, where):
        np.testing.assert_array_equal(
            engine.numpy(case.rule(x, **params, where=kept)),
            engine.numpy(case.weigh(x, where=kept, **params)),
        )


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("softmax", al.Softmax()),
        ("softmax1", al.Softmax1()),
        ("scalable_softmax", al.ScalableSoftmax()),
        ("sparsemax", al.Sparsemax()),
        ("entmax15", al.Entmax(1.5)),
        ("softpick", al.Softpick()),
        ("sigmoid", al.Sigmoid()),
        ("relu", al.ReLU()),
        ("relu_mean", al.ReLU(mean=True)),
        ("normalized_sigmoid", al.NormalizedSigmoid()),
        ("normalized_relu", al.NormalizedReLU()),
        ("normalized_tanh", al.NormalizedTanh()),
        ("hardmax", al.Hardmax()),
    ],
)
def test_a_name_stands_for_the_defaults(name, made):
    assert repr(al.get_weighting(name)) == repr(made)
    assert al.get_weighting(made) is made
    with pytest.raises(
        ValueError, match=f"unknown weighting 'x'; known are .*'{name}'"
    ):
        al.get_weighting("x")


@in_rotation(
    "case",
    CASES,
    {"engine": ENGINES, "poison": [0.0, np.nan, np.inf, -np.inf, 1e300]},
)
def test_a_mask_drops_the_keys(engine, case, poison, rng):
    scores, where = rng.normal(size=(7, 11)), rng.random((7, 11)) < 0.6
    where[0], where[1], where[2] = True, False, np.arange(11) == 4
    scores[~where] = poison
    params = case.drawn(rng, (7, 1))
    weights = case.weigh(
        engine.array(scores), where=engine.array(where), **for_engine(engine, params)
    )
    weights = engine.numpy(weights)
    assert (weights[~where] == 0).all()
    for i, kept in enumerate(where):
        if not kept.any():
            continue
        row = {k: v[i] if np.ndim(v) else v for k, v in params.items()}
        alone = engine.array(scores[i, kept])
        row = for_engine(engine, shorter(row, kept.sum()))
        np.testing.assert_allclose(
            weights[i, kept] ** case.power,
            engine.numpy(case.weigh(alone, **row)) ** case.power,
            rtol=1e-13,
            atol=1e-14,
        )


@one_of_each
@engines
@in_turn("shape", [(1,), (5, 1), (3, 5, 1), (1, 7), (7,)])
def test_where_broadcasts(engine, case, shape, rng):
    scores, where = rng.normal(size=(3, 5, 7)), rng.random(shape) < 0.5
    whole = np.broadcast_to(where, scores.shape)
    for axis in (0, 1, 2):
        np.testing.assert_array_equal(
            *(
                engine.numpy(
                    case.weigh(
                        engine.array(scores),
                        axis,
                        engine.array(mask),
                        **case.params,
                    )
                )
                for mask in (where, whole)
            )
        )


@every_case
@engines
def test_inputs_are_not_modified(engine, case, rng):
    for n in (5, 301):
        scores, where = rng.normal(size=(4, n)), rng.random((4, n)) < 0.7
        params = case.drawn(rng, (4, 1))
        given = {k: v.copy() if np.ndim(v) else v for k, v in params.items()}
        given = for_engine(engine, given)
        x, kept = engine.array(scores.copy()), engine.array(where.copy())
        case.weigh(x, **given)
        case.weigh(x, where=kept, **given)
        np.testing.assert_array_equal(engine.numpy(x), scores)
        np.testing.assert_array_equal(engine.numpy(kept), where)
        for name, value in params.items():
            if np.ndim(value):
                np.testing.assert_array_equal(engine.numpy(given[name]), value)


@one_of_each
@pytest.mark.parametrize("axis", [0, 1])
def test_how_an_array_lies_in_memory_does_not_matter(case, axis, rng):
    for shape in [(5, 7), (301, 300)]:
        scores, where = rng.normal(size=shape), rng.random(shape) < 0.7
        read_only = scores.copy()
        read_only.flags.writeable = False
        views = [
            np.asfortranarray(scores),
            np.repeat(scores, 2, axis=-1)[..., ::2],
            np.ascontiguousarray(scores[::-1, ::-1])[::-1, ::-1],
            read_only,
            scores.astype(">f8"),
        ]
        for kept in (None, where):
            expected = case.weigh(scores.copy(), axis, kept, **case.params)
            for view in views:
                actual = case.weigh(view, axis, kept, **case.params)
                np.testing.assert_allclose(actual, expected, 1e-12, 1e-14)
            view, mask = torch.tensor(scores.T.copy()).T, kept
            mask = None if kept is None else torch.tensor(kept)
            actual = case.weigh(view, axis, mask, **case.params)
            np.testing.assert_allclose(actual.numpy(), expected, 1e-12, 1e-14)


@one_of_each
def test_integers_become_floats(case):
    scores = [[1, 2, 3], [3, 1, -2]]
    expected = case.weigh(np.array(scores, np.float64), **case.params)
    for dtype in (np.int64, np.int8):
        actual = case.weigh(np.array(scores, dtype), **case.params)
        np.testing.assert_array_equal(NUMPY.numpy(actual, "float64"), expected)
    actual = TORCH.numpy(case.weigh(torch.tensor(scores), **case.params), "float32")
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@one_of_each
@engines
def test_a_row_of_one_key(engine, case):
    scores = np.array([[-3.0], [0.0], [2.5]])
    expected = case.weigh(scores, **case.params)
    if case.name not in ("softmax1", "softpick", "sigmoid", "relu", "normalize"):
        rectifies = case.name == "normalized_relu"
        kept = scores > 0 if rectifies else np.ones((3, 1))
        np.testing.assert_array_equal(expected, kept)
    actual = engine.numpy(case.weigh(engine.array(scores), **case.params))
    np.testing.assert_allclose(actual, expected, rtol=1e-15, atol=1e-17)
    np.testing.assert_allclose(
        expected, case.expected(scores[..., :], **case.params), 1e-5
    )


@in_rotation(
    "case", ONE_OF_EACH, {"engine": ENGINES, "n_keys": [2, 13, 257, 509, 1009]}
)
def test_prime_sizes_in_several_blocks_and_threads(
    engine, case, n_keys, rng, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    for module in (sparse_numpy, sparse_torch):
        monkeypatch.setattr(module, "BLOCK_BYTES", 3 * 8 * n_keys)
    monkeypatch.setattr(sparse_numpy, "THREADED_BYTES", 0)
    scores = 3 * rng.normal(size=(17, n_keys))
    where = rng.random(scores.shape) < 0.8
    where[3] = False
    actual = engine.numpy(case.weigh(engine.array(scores), **case.params))
    params = shorter(case.params, n_keys)
    np.testing.assert_allclose(
        actual, case.expected(scores, **params), rtol=1e-9, atol=1e-13
    )
    actual = case.weigh(engine.array(scores), where=engine.array(where), **params)
    actual = engine.numpy(actual)
    assert (actual[~where] == 0).all()
    for i, kept in enumerate(where):
        if kept.any():
            alone = case.expected(scores[i, kept], **shorter(params, kept.sum()))
            np.testing.assert_allclose(actual[i, kept], alone, 1e-9, 1e-13)
