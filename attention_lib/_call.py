"""The arguments of one attention call, checked and put in the engines' form."""

import dataclasses
import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from attention_lib import _check
from attention_lib._dispatch import is_tensor, namespace, work_dtype
from attention_lib.weightings import get_weighting

__all__ = ["METHODS", "Call", "attention", "same_dtype", "weighed"]

METHODS = ("auto", "dense", "streaming", "sdpa", "triton")


@dataclass(frozen=True, eq=False)
class Call:
    """One call of attention, checked: what the engines take.

    `query` is (..., H, L, E), `key` (..., H_kv, S, E), `value` (..., H_kv, S, Ev),
    with leading axes that broadcast to `lead`; each key head serves `group` query
    heads. `bias` is the additive mask, `mask` the bool one, with two axes at least;
    both may be None. `rng` and `dropout_p` say how weights are dropped; `transformed`
    whether torch.func or forward-mode differentiation is at work.
    """

    query: Any
    key: Any
    value: Any
    bias: Any
    mask: Any
    is_causal: bool
    scale: float
    group: int
    softcap: float | None
    lead: tuple
    weighting: Any = None
    method: str = "auto"
    dropout_p: float = 0.0
    rng: Any = None
    transformed: bool = False

    @property
    def shape(self):
        """The shape of the scores: (..., L, S)."""
        return (*self.lead, self.query.shape[-2], self.key.shape[-2])

    def by(self, method):
        """Give the same call, to be computed by another method."""
        return dataclasses.replace(self, method=method)


def attention(
    query,
    key,
    value,
    attn_mask,
    is_causal,
    scale,
    enable_gqa,
    softcap,
    weighting=None,
    *,
    method="auto",
    dropout_p=0.0,
    rng=None,
    takes_gqa=True,
):
    """Take the arrays and options of one attention call.

    `takes_gqa` says whether the caller has an argument `enable_gqa` to hint at.
    """
    _check.same_library(query=query, key=key, value=value, attn_mask=attn_mask)
    names = ("query", "key") if value is None else ("query", "key", "value")
    given = dict(zip(names, (query, key, value), strict=False))
    given = {name: _check.array(a, name) for name, a in given.items()}
    given, attn_mask = same_dtype(given, attn_mask)
    enable_gqa = _check.flag(enable_gqa, "enable_gqa")
    _check_axes(given, enable_gqa)
    lead, group = _leading_axes(given, enable_gqa, takes_gqa)
    length, n_keys = given["query"].shape[-2], given["key"].shape[-2]
    bias, mask = _attn_mask(attn_mask, given["query"], (*lead, length, n_keys))
    if scale is None:
        scale = 1 / math.sqrt(max(given["query"].shape[-1], 1))
    else:
        scale = _check.number(scale, "scale")
    if softcap is not None:
        softcap = _check.positive(_check.number(softcap, "softcap"), "softcap")
    is_causal = _check.flag(is_causal, "is_causal")
    if weighting is not None:
        weighting = _fitting(weighting, given["query"], (*lead, length, n_keys))
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    return Call(
        given["query"],
        given["key"],
        given.get("value"),
        bias,
        mask,
        is_causal,
        scale,
        group,
        softcap,
        lead,
        weighting,
        method,
        _dropout(dropout_p, rng, given["query"], method),
        rng,
    )


def weighed(call, weighting):
    """Add a weighting whose parameters fit the rows of a call."""
    weighting = _fitting(weighting, call.query, call.shape)
    return dataclasses.replace(call, weighting=weighting)


def _fitting(weighting, query, shape):
    """Take a weighting whose parameters fit the rows of scores of a shape."""
    weighting = get_weighting(weighting)
    weighting.check_keys(shape[-1])
    weighting.fitting(query, (*shape[:-1], 1), "the scores' rows", "query")
    return weighting


def same_dtype(given, attn_mask=None):
    """Take arrays of one dtype; give autocast's to what it mixes, as torch does."""
    dtypes = {a.dtype for a in given.values()}
    (first, *_) = given.values()
    if is_tensor(first):
        torch, device = sys.modules["torch"], first.device.type
        halves = {torch.float16, torch.bfloat16}
        of_mask = set() if attn_mask is None else {attn_mask.dtype} & halves
        mixed = len(dtypes | of_mask) > 1 and dtypes <= halves | {torch.float32}
        if mixed and torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
            given = {name: a.to(dtype) for name, a in given.items()}
            if attn_mask is not None and attn_mask.dtype in halves | {torch.float32}:
                attn_mask = attn_mask.to(dtype)
            return given, attn_mask
    if len(dtypes) > 1:
        names = ", ".join(f"{name} {a.dtype}" for name, a in given.items())
        raise TypeError(f"pass all arrays in one dtype: {names}")
    return given, attn_mask


def _dropout(dropout_p, rng, query, method):
    """Take a probability of dropping a weight, and its source of chance."""
    dropout_p = _check.number(dropout_p, "dropout_p")
    if not 0 <= dropout_p <= 1:
        raise ValueError(f"dropout_p must lie between 0 and 1; got {dropout_p}")
    if not dropout_p:
        return 0.0
    if method in ("streaming", "triton"):
        raise ValueError(f"dropout_p needs method 'dense' or 'sdpa'; got {method!r}")
    if is_tensor(query):
        wanted, name = sys.modules["torch"].Generator | None, "torch Generator or None"
    else:
        wanted, name = np.random.Generator, "numpy.random.Generator"
    if not isinstance(rng, wanted):
        given = "None" if rng is None else type(rng).__name__
        raise TypeError(f"dropout_p needs rng, a {name}; got {given}")
    return dropout_p


def _check_axes(given, enable_gqa):
    least = 3 if enable_gqa else 2
    axes = "(heads, length, features)" if enable_gqa else "(length, features)"
    for name, a in given.items():
        if a.ndim < least:
            shape = tuple(a.shape)
            message = f"{name} needs at least the axes {axes}; got shape {shape}"
            raise ValueError(message)
    query, key, value = given["query"], given["key"], given.get("value")
    if query.shape[-1] != key.shape[-1]:
        sizes = f"{query.shape[-1]} and {key.shape[-1]}"
        raise ValueError(f"query and key feature sizes differ: {sizes}")
    if value is not None and key.shape[-2] != value.shape[-2]:
        lengths = f"{key.shape[-2]} and {value.shape[-2]}"
        raise ValueError(f"key and value lengths differ: {lengths}")


def _leading_axes(given, enable_gqa, takes_gqa):
    """Find the leading axes of the scores, and the query heads of each key head."""
    shapes = [tuple(a.shape[:-2]) for a in given.values()]
    group = 1
    if enable_gqa:
        heads = shapes[0][-1]
        kv_heads = {shape[-1] for shape in shapes[1:]}
        if len(kv_heads) > 1:
            names = " and ".join(map(str, (shape[-1] for shape in shapes[1:])))
            raise ValueError(f"key and value heads differ: {names}")
        (n_kv_heads,) = kv_heads
        if n_kv_heads == 0 or heads % n_kv_heads:
            message = (
                f"{heads} query heads are not a multiple of {n_kv_heads} key heads"
            )
            raise ValueError(message)
        group = heads // n_kv_heads
        shapes[1:] = [(*shape[:-1], heads) for shape in shapes[1:]]
    if all(shape == shapes[0] for shape in shapes[1:]):
        return shapes[0], group
    try:
        # Each library reads its own sizes: torch's may not be numbers yet.
        xp = namespace(given["query"])
        return tuple(xp.broadcast_shapes(*shapes)), group
    except (ValueError, RuntimeError):
        names = ", ".join(given)
        message = f"the leading axes of {names} do not broadcast: {shapes}"
        if takes_gqa and not enable_gqa and len({shape[-1:] for shape in shapes}) > 1:
            message += " (enable_gqa=True shares key heads)"
        raise ValueError(message) from None


def _attn_mask(attn_mask, query, shape):
    """Tell an additive mask from a bool one: give (bias, mask), one of them None."""
    if attn_mask is None:
        return None, None
    attn_mask = (
        attn_mask if is_tensor(attn_mask) else _check.plain(attn_mask, "attn_mask")
    )
    xp = namespace(query)
    _check.broadcastable(attn_mask, shape, "attn_mask", "the scores")
    attn_mask = attn_mask[(None,) * max(0, 2 - attn_mask.ndim)]
    if attn_mask.dtype == xp.bool:
        return None, attn_mask
    if attn_mask.dtype not in (query.dtype, work_dtype(query)):
        message = f"attn_mask must be bool or {query.dtype}; got {attn_mask.dtype}"
        raise TypeError(message)
    return attn_mask, None
