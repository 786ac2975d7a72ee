"""Every weighting inside attention and its fold, against rows without any mask."""

import pickle

import numpy as np
import pytest

from attention_lib import (
    finalize,
    partial_attention,
    scaled_dot_product_attention,
)
from tests.engines import ENGINES, OWN_METHODS
from tests.folding import KEYS, merged, parts, three
from tests.in_rotation import in_rotation
from tests.in_turn import in_turn
from tests.oracle import attend, attention_by_rows, close, mask_of
from tests.weightings.every import CASES

NO_STATE = ("threshold", "selection")
OBJECTS = [case for case in CASES if case.make is not None]
NUMBERS = [c for c in OBJECTS if not any(hasattr(v, "low") for v in c.params.values())]
ARRAYS = [case for case in OBJECTS if case not in NUMBERS]
FOLDED = [case for case in NUMBERS if case.make.kind not in NO_STATE]
UNFOLDED = [case for case in NUMBERS if case.make.kind in NO_STATE]
every_folded = pytest.mark.parametrize("case", FOLDED, ids=str)
engines = in_turn("engine", ENGINES)
MASKS = ["no mask", "bool", "causal", "additive", "causal and bool"]


KNOWN = {}


def by_rows(query, key, value, case, given=(), **mask):
    """Give the average of `averaged`: once for all engines and methods that ask it."""
    asked = id(case), pickle.dumps((query, key, value, dict(given), mask))
    if asked not in KNOWN:
        # With its case, so that no other can come to have the same id.
        KNOWN[asked] = case, averaged(query, key, value, case, given, **mask)
        KNOWN[asked][1].setflags(write=False)
    return KNOWN[asked][1]


def averaged(
    query, key, value, case, given=(), *, where=True, bias=0.0, is_causal=False
):
    """Average with the definition, over the keys that take part and no others."""
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1]) + bias
    where = np.broadcast_to(where, scores.shape) & (scores > -np.inf)
    if is_causal:
        where = where & np.tri(*scores.shape[-2:], dtype=bool)
    out = np.zeros((*scores.shape[:-1], value.shape[-1]))
    for row in np.ndindex(scores.shape[:-1]):
        kept, params = where[row], dict(case.params)
        for name, array in dict(given).items():
            params[name] = float(
                np.broadcast_to(array, (*scores.shape[:-1], 1))[row][0]
            )
        if "k" in params:
            params["k"] = min(params["k"], kept.sum())
        if kept.any():
            weights = case.definition(scores[row][kept], **params)
            out[row] = weights @ value[row[:-1]][kept]
    return out


@in_rotation("case", NUMBERS, {"engine method": OWN_METHODS, "kind": MASKS})
def test_attention_is_the_definition(case, engine, method, kind, small_blocks, rng):
    given = [rng.normal(size=(2, n, 7)) for n in (11, 13, 13)]
    mask = mask_of(kind, rng)
    weighting = case.make(**case.params)
    actual = attend(engine, "float64", *given, mask, method=method, weighting=weighting)
    size = 30 if case.power == 1 else 1e5  # where few digits are certain
    close(actual, by_rows(*given, case, **mask), "float64", size)


def test_the_oracle_is_the_other_oracle(rng):
    given = [rng.normal(size=(2, n, 7)) for n in (11, 13, 13)]
    for kind in ("bool", "causal and additive"):
        mask = mask_of(kind, rng)
        close(
            by_rows(*given, CASES[0], **mask),
            attention_by_rows(*given, **mask),
            "float64",
            3,
        )


@in_rotation(
    "case",
    ARRAYS,
    {"engine method": OWN_METHODS, "shape": [(2, 1, 1), (1, 11, 1), (2, 11, 1)]},
)
def test_a_parameter_for_each_head_or_query(
    case, engine, method, shape, small_blocks, rng
):
    given = [rng.normal(size=(2, n, 7)) for n in (11, 13, 13)]
    params = case.drawn(rng, shape)
    mask = mask_of("causal and bool", rng)
    weighting = case.make(**{k: engine.array(v) for k, v in params.items()})
    options = {"method": method, "weighting": weighting}
    actual = attend(engine, "float64", *given, mask, **options)
    close(actual, by_rows(*given, case, params, **mask), "float64", 30)


@in_rotation(
    "case",
    FOLDED,
    {
        "engine": ENGINES,
        "size": [1, 200],
        "kind": ["no mask", "bool", "additive", "causal"],
    },
)
def test_three_blocks_fold_to_attention(case, engine, kind, size, rng):
    query, key, value = three(rng)
    weighting = case.make(**case.params)
    scale = size / np.sqrt(3)
    mask = {"where": rng.random((2, 5, KEYS)) < 0.5, "bias": np.zeros((5, KEYS))}
    mask["where"][0, 2], mask["bias"][1, ::2], mask["bias"][3] = False, -np.inf, -np.inf
    taken = {"bool": mask["where"], "additive": mask["bias"]}.get(kind)
    options = {"scale": scale, "is_causal": kind == "causal", "weighting": weighting}
    expected = scaled_dot_product_attention(query, key, value, taken, **options)
    counts = {}
    if weighting.uses_n:  # one number for all queries: those without a mask
        if kind != "no mask":
            return  # n differs from query to query
        counts = {"n_keys": KEYS}
    for dtype, error in (("float64", 1e-12), ("float32", 1e-4)):
        where = None if taken is None else taken.astype(dtype, copy=False)
        where = taken if kind == "bool" else where
        states = parts(
            engine,
            query,
            key,
            value,
            [3, 8],
            dtype=dtype,
            where=where,
            **options,
            **counts,
        )
        actual = engine.numpy(finalize(merged(states)), dtype)
        bound = error * (size if case.make.kind == "pointwise" else 1)
        bound *= max(1, abs(expected).max())
        np.testing.assert_allclose(actual, expected, rtol=error * 10, atol=bound * 10)


@every_folded
@engines
@in_turn("level", [-200.0, 200.0])
def test_far_scores_fold_as_they_weigh(case, engine, level, rng):
    scores = level + rng.normal(size=(5, KEYS))
    value = rng.normal(size=(KEYS, 3))
    query, key = np.eye(5), scores.T.copy()
    weighting = case.make(**case.params)
    n_keys = KEYS if weighting.uses_n else None
    given = (query, key, value)
    weighed = engine.array(scores, "float32")
    expected = engine.numpy(weighting(weighed)).astype(np.float64) @ value
    states = []
    for block in (slice(0, 3), slice(3, 8), slice(8, None)):
        arrays = (query, key[block], value[block])
        arrays = (engine.array(a, "float32") for a in arrays)
        options = {"scale": 1.0, "weighting": weighting, "n_keys": n_keys}
        states.append(partial_attention(*arrays, **options))
    actual = engine.numpy(finalize(merged(states)), "float32")
    whole = attend(engine, "float32", *given, scale=1.0, weighting=weighting)
    # Scores of 500 are rounded by 3e-5, in whichever order they are multiplied.
    allowed = 3e-5 * max(1, abs(expected).max())
    np.testing.assert_allclose(whole, expected, rtol=1e-4, atol=allowed)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=allowed)


@pytest.mark.parametrize("case", UNFOLDED, ids=str)
def test_what_needs_every_key_has_no_fold(case, engine, rng):
    arrays = [engine.array(a) for a in three(rng)]
    kind = case.make.kind
    with pytest.raises(TypeError, match=f"is of the {kind} kind: no finite state"):
        partial_attention(*arrays, weighting=case.make(**case.params))
