"""Linear attention one query at a time, over the keys that take part and no others."""

import numpy as np
import pytest

from attention_lib import PositiveRandomFeatures, definitions, linear

RANDOM = PositiveRandomFeatures(np.random.default_rng(8).normal(size=(5, 7)) / 2)


def cubes(x):
    """Give features of another number than the vectors', of either sign."""
    return x[..., :3] ** 3


FORMULAS = {
    "elu_plus_one": definitions.elu_plus_one,
    "relu": lambda x: np.maximum(x, 0),
    None: lambda x: x,
    cubes: cubes,
    RANDOM: RANDOM,
}
NAMES = ["elu_plus_one", "relu", "none", "a function", "random"]
every_map = pytest.mark.parametrize("feature_map", FORMULAS, ids=NAMES)
positive_maps = pytest.mark.parametrize(
    "feature_map", ["elu_plus_one", RANDOM], ids=["elu_plus_one", "random"]
)


def by_rows(
    query,
    key,
    value,
    *,
    is_causal=False,
    where=True,
    feature_map="elu_plus_one",
    normalize=True,
    scale=None,
):
    """Average by the textbook formula, in float64."""
    if scale is None:
        scale = 1 / np.sqrt(query.shape[-1]) if feature_map is None else 1
    lead = np.broadcast_shapes(*(a.shape[:-2] for a in (query, key, value)))
    query, key, value = (
        np.broadcast_to(a, (*lead, *a.shape[-2:])) for a in (query, key, value)
    )
    length, n_keys = query.shape[-2], key.shape[-2]
    where = np.broadcast_to(where, (*lead, n_keys))
    out = np.zeros((*lead, length, value.shape[-1]))
    for *head, i in np.ndindex(*lead, length):
        head = tuple(head)
        kept = where[head] & (np.arange(n_keys) <= (i if is_causal else n_keys))
        asked = scale * query[head][i][None]
        part = key[head][kept], value[head][kept], FORMULAS[feature_map]
        # Where the weights sum to zero the formula has no value, and the library zero.
        if part[2](part[0]).sum(0) @ part[2](asked)[0]:
            out[(*head, i)] = definitions.linear_attention(asked, *part, normalize)[0]
    return out


def for_engine(engine, feature_map, dtype=None):
    """Give a feature map as an engine takes it."""
    if not isinstance(feature_map, PositiveRandomFeatures):
        return feature_map
    return PositiveRandomFeatures(engine.array(feature_map.projection, dtype))


def three(rng, length=11, n_keys=13, lead=(2,)):
    """Draw query, key and value with 7, 7 and 3 features."""
    sizes = [(length, 7), (n_keys, 7), (n_keys, 3)]
    return [rng.normal(size=(*lead, *size)) for size in sizes]


def attend(engine, dtype, given, *, where=None, feature_map="elu_plus_one", **options):
    """Call linear attention on an engine with the oracle's arguments."""
    where = None if where is None else engine.array(where)
    arrays = (engine.array(a, dtype) for a in given)
    feature_map = for_engine(engine, feature_map, dtype)
    out = linear.linear_attention(
        *arrays, where=where, feature_map=feature_map, **options
    )
    return engine.numpy(out, dtype)
