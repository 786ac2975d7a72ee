"""The arguments of one attention call, checked and put in the engines' form."""

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from attention_lib import _check
from attention_lib._dispatch import is_tensor, namespace

__all__ = ["METHODS", "Call", "attention", "dropout", "method_name", "projections"]

METHODS = ("auto", "dense", "streaming", "sdpa", "triton")


def method_name(method):
    """Take the name of a method that this version has."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    if method == "triton":
        raise ValueError("method 'triton' is unavailable: this version has no kernels")
    return method


def dropout(dropout_p, rng, query, method):
    """Take a probability of dropping a weight, and its source of chance."""
    dropout_p = _check.number(dropout_p, "dropout_p")
    if not 0 <= dropout_p <= 1:
        raise ValueError(f"dropout_p must lie between 0 and 1; got {dropout_p}")
    if not dropout_p:
        return 0.0
    if method == "streaming":
        raise ValueError("dropout_p needs method 'dense' or 'sdpa'; got 'streaming'")
    if is_tensor(query):
        wanted, name = sys.modules["torch"].Generator | None, "torch Generator or None"
    else:
        wanted, name = np.random.Generator, "numpy.random.Generator"
    if not isinstance(rng, wanted):
        given = "None" if rng is None else type(rng).__name__
        raise TypeError(f"dropout_p needs rng, a {name}; got {given}")
    return dropout_p


@dataclass
class Call:
    """One call of attention, checked: what the engines take.

    `query` is (..., H, L, E), `key` (..., H_kv, S, E), `value` (..., H_kv, S, Ev),
    with leading axes that broadcast to `lead`; each key head serves `group` query
    heads. `bias` is the additive mask, `mask` the bool one; both may be None.
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
    query_offset: int = 0
    key_offset: int = 0

    @property
    def shape(self):
        """The shape of the scores: (..., L, S)."""
        return (*self.lead, self.query.shape[-2], self.key.shape[-2])


def attention(
    query,
    key,
    value,
    attn_mask,
    is_causal,
    scale,
    enable_gqa,
    softcap,
    offsets=(0, 0),
    has_gqa=True,
):
    """Take the arrays and options of one attention call.

    `has_gqa` says whether the caller has an argument `enable_gqa` to be told about.
    """
    _check.same_library(query=query, key=key, value=value, attn_mask=attn_mask)
    names = ("query", "key") if value is None else ("query", "key", "value")
    given = dict(zip(names, (query, key, value), strict=False))
    given = {name: _check.array(a, name) for name, a in given.items()}
    _check_axes(given, enable_gqa)
    _check_dtypes(given)
    lead, group = _leading_axes(given, enable_gqa, has_gqa)
    length, n_keys = given["query"].shape[-2], given["key"].shape[-2]
    bias, mask = _attn_mask(attn_mask, given["query"], (*lead, length, n_keys))
    scale = 1 / math.sqrt(max(given["query"].shape[-1], 1)) if scale is None else scale
    if softcap is not None:
        softcap = _check.positive(_check.number(softcap, "softcap"), "softcap")
    return Call(
        given["query"],
        given["key"],
        given.get("value"),
        bias,
        mask,
        bool(is_causal),
        _check.number(scale, "scale"),
        group,
        softcap,
        lead,
        *(_check.size(offset, "offset") for offset in offsets),
    )


def projections(x, memory, w_q, w_k, w_v, w_o, num_heads, num_kv_heads):
    """Take the tokens and the matrices of multi-head attention."""
    names = ("x", "memory", "w_q", "w_k", "w_v", "w_o")
    given = dict(zip(names, (x, memory, w_q, w_k, w_v, w_o), strict=True))
    _check.same_library(**given)
    given = {name: _check.array(a, name) for name, a in given.items()}
    _check_dtypes(given)
    for name in names[:2]:
        if given[name].ndim < 2:
            shape = tuple(given[name].shape)
            message = f"{name} needs the axes (length, features); got shape {shape}"
            raise ValueError(message)
    for name in names[2:]:
        if given[name].ndim != 2:
            shape = tuple(given[name].shape)
            raise ValueError(f"{name} must be a matrix; got shape {shape}")
    if num_heads % num_kv_heads:
        message = f"num_heads {num_heads} is not a multiple of {num_kv_heads} key heads"
        raise ValueError(message)
    _check_matrix(given, "w_q", "x", num_heads)
    _check_matrix(given, "w_k", "memory", num_kv_heads)
    _check_matrix(given, "w_v", "memory", num_kv_heads)
    wanted = given["w_v"].shape[1] // num_kv_heads * num_heads
    if given["w_o"].shape[0] != wanted:
        rows = given["w_o"].shape[0]
        raise ValueError(f"w_o has {rows} rows; the heads' outputs are {wanted} wide")
    return tuple(given.values())


def _check_matrix(given, name, tokens, heads):
    """Refuse a matrix that does not take the tokens, or does not make whole heads."""
    n_rows, n_columns = given[name].shape
    features = given[tokens].shape[-1]
    if n_rows != features:
        message = f"{name} has {n_rows} rows; {tokens} has {features} features"
        raise ValueError(message)
    if n_columns % heads:
        message = f"{name} has {n_columns} columns: not a multiple of {heads} heads"
        raise ValueError(message)


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


def _check_dtypes(given):
    if len({a.dtype for a in given.values()}) > 1:
        dtypes = ", ".join(f"{name} {a.dtype}" for name, a in given.items())
        raise TypeError(f"pass all arrays in one dtype: {dtypes}")


def _leading_axes(given, enable_gqa, has_gqa):
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
    try:
        return np.broadcast_shapes(*shapes), group
    except ValueError:
        names = ", ".join(given)
        message = f"the leading axes of {names} do not broadcast: {shapes}"
        differ = len({shape[-1:] for shape in shapes}) > 1
        if has_gqa and not enable_gqa and differ:
            message += " (enable_gqa=True shares key heads)"
        raise ValueError(message) from None


def _attn_mask(attn_mask, query, shape):
    """Tell an additive mask from a bool one: give (bias, mask), one of them None."""
    if attn_mask is None:
        return None, None
    attn_mask = attn_mask if is_tensor(attn_mask) else np.asarray(attn_mask)
    xp = namespace(query)
    _check.broadcastable(attn_mask, shape, "attn_mask", "the scores")
    if not attn_mask.ndim:
        attn_mask = attn_mask[None]
    if attn_mask.dtype == xp.bool:
        return None, attn_mask
    if attn_mask.dtype not in (query.dtype, _check.work_dtype(query)):
        message = f"attn_mask must be bool or {query.dtype}; got {attn_mask.dtype}"
        raise TypeError(message)
    return attn_mask, None
