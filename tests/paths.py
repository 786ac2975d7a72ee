"""Every way from arrays to an output: each method, and the fold over three blocks."""

import numpy as np

from attention_lib import (
    State,
    attention_scores,
    finalize,
    merge,
    partial_attention,
    scaled_dot_product_attention,
)
from attention_lib.weightings import REGISTRY
from tests.user_weightings import FORMULAS

SLOW = (1.01, 4)  # values of alpha that are found as 0.5 is, in more steps
# Each weighting with numbers for parameters, and a user's own of every kind.
REGISTERED = {
    f"{entry.name}{dict(params) or ''}".replace(" ", ""): entry.make(**params)
    for entry in REGISTRY
    for params in entry.examples
    if not any(hasattr(value, "low") for value in params.values())
    and params.get("alpha") not in SLOW
}
OWN = {f"own {type(w).__name__} {i}": w for i, w in enumerate(FORMULAS)}
EVERY = REGISTERED | OWN
NORMALISING = {name: w for name, w in EVERY.items() if w.kind != "pointwise"}


def folds(weighting):
    """Tell whether partial results of a weighting merge."""
    stream = weighting.stream(1)
    return stream is not None and stream.merges


def paths(engine, weighting):
    """Name the ways that serve a weighting on an engine."""
    return [*engine.methods, *["fold"] * folds(weighting)]


def follow(path, query, key, value, mask=None, *, weighting, **options):
    """Attend along one path with an engine's own arrays; None where it is refused."""
    if path == "fold":
        return folded(query, key, value, mask, weighting=weighting, **options)
    try:
        return scaled_dot_product_attention(
            query, key, value, mask, weighting=weighting, method=path, **options
        )
    except ValueError as error:
        if "is unavailable" not in str(error):
            raise
    return None


def folded(query, key, value, mask=None, *, weighting, **options):
    """Fold three blocks of keys, the last first."""
    n_keys = None
    if weighting.uses_n:
        scores, where = attention_scores(query, key, mask, **options)
        n_keys = (where & (scores > -np.inf)).sum(-1)[..., None]
    size, whole = key.shape[-2], State.identity()
    for start, stop in reversed([(0, 1), (1, size // 2 + 1), (size // 2 + 1, size)]):
        some = slice(start, stop)
        cut = mask
        if mask is not None and mask.shape[-1] > 1:
            cut = mask[..., some]
        part = partial_attention(
            query,
            key[..., some, :],
            value[..., some, :],
            cut,
            key_offset=start,
            weighting=weighting,
            n_keys=n_keys,
            **options,
        )
        whole = merge(whole, part)
    return finalize(whole)
