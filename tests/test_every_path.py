"""Laws that hold for every weighting, a user's own too, along every path.

A path is a method of attention or the fold; the laws are those of the edge table.
"""

from itertools import product

import numpy as np
import pytest
import torch

from attention_lib import attention_scores
from tests.engines import ENGINES
from tests.in_rotation import in_rotation
from tests.in_turn import in_turn
from tests.paths import EVERY, NORMALISING, follow, paths

QUICK = ("softmax", "entmax", "softpick", "sigmoid", "own Squares 4")


def each(weightings):
    """Name some weightings; a few of them stand for all in ``make check``."""
    quick = {name: [pytest.mark.quick] for name in QUICK}
    return [
        pytest.param(weighting, id=name, marks=quick.get(name, []))
        for name, weighting in weightings.items()
    ]


every_weighting = pytest.mark.parametrize("weighting", each(EVERY))
TORCH = [engine for engine in ENGINES if engine.device is not None]
engines, on_torch = in_turn("engine", ENGINES), in_turn("engine", TORCH)
QUERIES, KEYS = 5, 7


def three(rng, n_queries=QUERIES, n_keys=KEYS, lead=(2,)):
    return [rng.normal(size=(*lead, n, 3)) for n in (n_queries, n_keys, n_keys)]


def by_matrix(engine, weighting, query, key, value, mask=None, **options):
    """Average by the rule on the matrix of scores, in float64."""
    given = [engine.array(a, "float64") for a in (query, key)]
    mask = None if mask is None else engine.array(mask)
    scores, where = attention_scores(*given, mask, **options)
    return engine.numpy(weighting(scores, where=where)) @ value


def close(actual, expected, error=1e-11, size=1.0):
    scale = size * max(1.0, np.nanmax(abs(expected), initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=error, atol=error * scale)


LAYOUTS = {
    "transposed": lambda xp, a: swapped(xp, a, -1, -2),
    "every other": lambda xp, a: xp.stack([a, 0 * a], -1)[..., 0],
    "heads inside": lambda xp, a: swapped(xp, a, 0, -2),
    "expanded": lambda xp, a: xp.broadcast_to(a[:1, :, :1], a.shape),
}


def swapped(xp, a, one, other):
    """Give `a`, laid out in memory with two axes exchanged."""
    laid = xp.swapaxes(a, one, other)
    laid = laid.copy() if xp is np else laid.contiguous()
    return xp.swapaxes(laid, one, other)


@in_rotation("weighting", each(EVERY), {"engine": ENGINES, "layout": LAYOUTS})
def test_layout_law(engine, weighting, layout, small_blocks, rng):
    given = [engine.array(a) for a in three(rng, lead=(2, 3))]
    strided = [LAYOUTS[layout](engine.xp, a) for a in given]
    plain = [
        a.clone(memory_format=torch.contiguous_format) if engine.device else a.copy()
        for a in strided
    ]
    learn = engine.device is not None and weighting.kind != "selection"
    for path in paths(engine, weighting):
        if learn:
            sides = [
                [a.detach().requires_grad_() for a in side] for side in (strided, plain)
            ]
            assert sides[0][0].stride() == strided[0].stride()
        else:
            sides = strided, plain
        outs = [follow(path, *side, weighting=weighting) for side in sides]
        if outs[0] is None:
            continue
        close(*map(engine.numpy, outs), 1e-12)
        if learn:
            slopes = [
                torch.autograd.grad(out.square().sum(), side)
                for out, side in zip(outs, sides, strict=True)
            ]
            for ours, theirs in zip(*slopes, strict=True):
                close(engine.numpy(ours), engine.numpy(theirs), 1e-10)


MASKED = [
    ((5, 7), None),
    ((7, 5), "bool"),
    ((5, 7), "additive"),
    ((5, 7), "causal"),
    ((7, 5), "causal"),
]


@in_rotation(
    "weighting",
    each(EVERY),
    {
        "engine scale": list(product(ENGINES, [-1.0, 0.0, 1e-9])),
        "lengths mask": MASKED,
    },
)
def test_scale_law(engine, weighting, scale, lengths, mask, small_blocks, rng):
    query, key, value = three(rng, *lengths)
    options, given = {"scale": scale}, None
    if mask == "bool":
        given = rng.random((2, *lengths)) < 0.7
        given[..., 0] = True
        given[0, 2] = False
    elif mask == "additive":
        given = rng.normal(size=lengths)
        given[rng.random(lengths) < 0.3] = -np.inf
        given[:, 0] = 0.5
    elif mask == "causal":
        options["is_causal"] = True
    if hasattr(weighting, "k"):
        options.pop("is_causal", None)
        given = None
    expected = by_matrix(engine, weighting, query, key, value, given, **options)
    assert np.isfinite(expected).all()
    arrays = [engine.array(a) for a in (query, key, value)]
    where = None if given is None else engine.array(given)
    for path in paths(engine, weighting):
        out = follow(path, *arrays, where, weighting=weighting, **options)
        if out is not None:
            close(engine.numpy(out), expected)


LOWEST = float(np.finfo(np.float32).min)
# Rows of finite scores, as query and mask give them: large, far apart, and equal.
FAR = {
    "a row of -1e9": [-1e9] * KEYS,
    "a row of the lowest number": [LOWEST] * KEYS,
    "some of the lowest number": [0.0, LOWEST, 1.0, LOWEST, LOWEST, -1.0, 0.5],
    "large": [2.0**25, 2.0**25 - 4, 2.0**24, 0.0, -(2.0**25), 5.0, 2.0**25],
    "from end to end": [-LOWEST, LOWEST, 0.0, -LOWEST, 1.0, -1.0, LOWEST],
    "the largest number": [-LOWEST] * KEYS,
    "tiny": [1e-30, 2e-30, 0.0, 4e-30, 5e-30, 1e-30, 2e-30],
}


@in_rotation(
    "weighting",
    each(NORMALISING),
    {"engine dtype": list(product(ENGINES, ["float32", "float64"])), "row": FAR},
)
def test_finite_law(engine, weighting, row, dtype, small_blocks, rng):
    scores = np.array(FAR[row])
    if not representable(weighting, scores):
        return  # its own phi is not finite there
    value = rng.normal(size=(KEYS, 3))
    expected = exact_weights(engine, weighting, scores) @ value
    assert np.isfinite(expected).all()
    # The row as an additive mask on scores of zero, and as products with one.
    masked = (np.zeros((2, 1)), np.zeros((KEYS, 1)), value, scores[None])
    multiplied = (np.ones((2, 1)), scores[:, None], value, None)
    for query, key, values, mask in (masked, multiplied):
        given = [engine.array(a, dtype) for a in (query, key, values)]
        bias = None if mask is None else engine.array(mask, dtype)
        for path in paths(engine, weighting):
            out = follow(path, *given, bias, weighting=weighting, scale=1.0)
            if out is not None:
                actual = engine.numpy(out)
                close(actual, np.broadcast_to(expected, actual.shape), 1e-5)
    rows = engine.numpy(weighting(engine.array(scores, dtype))) @ value
    close(rows, expected, 1e-5)


def representable(weighting, scores):
    """Tell whether a user's own rule is finite for all these scores."""
    stream = weighting.stream(len(scores))
    if stream is None:  # a `weigh` of its own, which says what it can do
        return weighting.__class__.__module__.startswith("attention_lib")
    if stream.rule is None or stream.growth or stream.logs:
        return True
    if stream.kind == "exponential":  # its own product is rounded, or overflows
        return bool(abs(scores).max() < 1e4)
    with np.errstate(all="ignore"):
        total = abs(stream.rule(scores.astype(np.float32))).sum()
    return bool(0 < total < np.inf)


def exact_weights(engine, weighting, scores):
    """Weigh in float64, in which these scores are far from both ends."""
    return engine.numpy(weighting(engine.array(scores, "float64")))


@every_weighting
@engines
@in_turn("where", [None, [0, 0, 1, 1, 1, 1, 1, 1, 1]])
def test_absence_law(engine, weighting, where, small_blocks, rng):
    scores = rng.normal(size=(3, KEYS + 2))
    there = np.ones(KEYS + 2, bool)
    there[[1, 5]] = False
    given = np.where(there, scores, -np.inf)
    kept = there if where is None else there & np.array(where, bool)
    mask = None if where is None else np.array(where, bool)
    expected = np.zeros_like(scores)
    expected[:, kept] = engine.numpy(weighting(engine.array(scores[:, kept])))
    x = engine.array(given)
    if engine.device is not None:
        x.requires_grad_()
    weights = weighting(x, where=None if mask is None else engine.array(mask))
    close(engine.numpy(weights), expected, 1e-13)
    if engine.device is not None and weights.requires_grad:
        (slopes,) = torch.autograd.grad((weights * weights).sum(), x)
        slopes = engine.numpy(slopes)
        assert np.isfinite(slopes).all()
        assert (slopes[:, ~kept] == 0).all()
    # The same scores as products of queries and keys.
    key = np.where(there, scores[0], -np.inf)[:, None]
    value = rng.normal(size=(KEYS + 2, 3))
    arrays = [engine.array(a) for a in (np.ones((3, 1)), key, value)]
    for path in paths(engine, weighting):
        cut = None if mask is None else engine.array(mask[None])
        out = follow(path, *arrays, cut, weighting=weighting, scale=1.0)
        if out is not None:
            close(engine.numpy(out), np.tile(expected[:1] @ value, (3, 1)), 1e-12)


@every_weighting
@engines
@in_turn("where", [False, True])
def test_a_row_of_nothing_but_minus_infinity(engine, weighting, where, small_blocks):
    given = np.full((2, 4), -np.inf)
    given[1] = [1.0, 2.0, -np.inf, 0.5]
    mask = engine.array([[True] * 3 + [False]] * 2) if where else None
    weights = engine.numpy(weighting(engine.array(given), where=mask))
    taking = slice(0, 3) if where else slice(0, 4)
    if weighting.kind == "pointwise":
        lowest = engine.numpy(weighting(engine.array([[-np.inf, -np.inf, -np.inf]])))
        np.testing.assert_array_equal(weights[0, :3], lowest[0])
    elif hasattr(weighting, "weigh") and weighting.stream(1) is None:
        pass  # a rule of its own says what it gives
    else:
        assert np.isnan(weights[0, taking]).all()
    assert np.isfinite(weights[1]).all()


@every_weighting
@on_torch
@in_turn("dtype", ["float32", "float16", "bfloat16"])
def test_autocast_law(engine, weighting, dtype, small_blocks, rng):
    given = [engine.array(20 * a, dtype) for a in three(rng, lead=(1, 2))]
    rows = given[0].reshape(2, -1)
    for path in paths(engine, weighting):
        outside = follow(path, *given, weighting=weighting)
        with torch.autocast(engine.device, torch.bfloat16):
            inside = follow(path, *given, weighting=weighting)
        if outside is not None:
            torch.testing.assert_close(inside, outside, rtol=0, atol=0, equal_nan=True)
    plain = weighting(rows)
    with torch.autocast(engine.device, torch.bfloat16):
        torch.testing.assert_close(weighting(rows), plain, rtol=0, atol=0)
