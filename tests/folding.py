"""Attention folded over blocks of keys, for the tests of the fold."""

from itertools import pairwise

import pytest

from attention_lib import State, merge, partial_attention
from tests.user_weightings import FOLDABLE, name_of

every_foldable = pytest.mark.parametrize("weighting", FOLDABLE, ids=name_of)
QUERIES, KEYS = 5, 13


def three(rng, lead=(2,)):
    return [rng.normal(size=(*lead, n, 3)) for n in (QUERIES, KEYS, KEYS)]


def options_of(weighting):
    n_keys = KEYS if weighting.uses_n else None
    return {"weighting": weighting, "n_keys": n_keys}


def parts(engine, query, key, value, edges, *, dtype=None, where=None, **options):
    """Fold each block of keys; the masks are cut with them."""
    edges = [0, *edges, KEYS]
    states = []
    for start, stop in pairwise(edges):
        block = slice(start, stop)
        mask = None if where is None else engine.array(where[..., block])
        arrays = (query, key[..., block, :], value[..., block, :])
        arrays = (engine.array(a, dtype) for a in arrays)
        state = partial_attention(*arrays, mask, key_offset=start, **options)
        states.append(state)
    return states


def merged(states):
    """Merge from left to right."""
    whole = State.identity()
    for state in states:
        whole = merge(whole, state)
    return whole
