"""Attention one query at a time, over the keys that take part and no others.

No mask reaches the formula: what does not take part is cut away beforehand.
"""

import numpy as np

from attention_lib import definitions, masks, scaled_dot_product_attention
from tests.engines import HALVES, UNIT


def attention_by_rows(
    query,
    key,
    value,
    *,
    where=True,
    bias=0.0,
    scale=None,
    softcap=None,
    is_causal=False,
    group=1,
    formula=definitions.softmax,
):
    """Average the values by the textbook formula, in float64."""
    key, value = (
        np.repeat(a, group, axis=-3) if group > 1 else a for a in (key, value)
    )
    lead = np.broadcast_shapes(*(a.shape[:-2] for a in (query, key, value)))
    query, key, value = (
        np.broadcast_to(a, (*lead, *a.shape[-2:])) for a in (query, key, value)
    )
    pairs = (*lead, query.shape[-2], key.shape[-2])
    where = np.broadcast_to(where, pairs) & (np.broadcast_to(bias, pairs) > -np.inf)
    if is_causal:
        where = where & np.tri(*pairs[-2:], dtype=bool)
    bias = np.broadcast_to(bias, pairs)
    root = np.sqrt(max(query.shape[-1], 1))
    out = np.zeros((*pairs[:-1], value.shape[-1]))
    for row in np.ndindex(pairs[:-1]):
        kept = where[row]
        if not kept.any():
            continue

        def weigh(scores, row=row, kept=kept):
            if softcap is not None:
                scores = softcap * np.tanh(scores / softcap)
            scores = scores + bias[row][kept]
            return formula(scores[0] - scores.max())[None]

        asked = query[row][None] * (1 if scale is None else scale * root)
        head = row[:-1]
        out[row] = definitions.attention(
            asked, key[head][kept], value[head][kept], weigh
        )[0]
    return out


def close(actual, expected, dtype, size=1.0):
    """Compare outputs, with the errors that dtype allows for values of a size."""
    allowed = (4 if dtype in HALVES else 40) * UNIT[dtype]
    np.testing.assert_allclose(actual, expected, rtol=allowed, atol=allowed * size)


def attend(engine, dtype, query, key, value, mask=None, **options):
    """Call attention on an engine with the oracle's arguments."""
    mask = dict(mask or {})
    attn_mask = mask.pop("where", None)
    attn_mask = None if attn_mask is None else engine.array(attn_mask)
    if "bias" in mask:
        attn_mask = engine.array(mask.pop("bias"), dtype)
    given = (engine.array(a, dtype) for a in (query, key, value))
    out = scaled_dot_product_attention(*given, attn_mask, **mask, **options)
    return engine.numpy(out, dtype)


KINDS = [
    "no mask",
    "bool",
    "additive",
    "causal",
    "causal and bool",
    "causal and additive",
    "padding",
    "one row for all",
    "one additive row, causal",
]


def mask_of(kind, rng):
    """Give a mask as the oracle takes it: `where`, `bias` and `is_causal`."""
    where = rng.random((2, 11, 13)) < 0.6
    where[1, 2], where[0, 3, 0] = False, True
    bias = rng.normal(size=(11, 13))
    bias[rng.random(bias.shape) < 0.3] = -np.inf
    bias[4] = -np.inf
    return {
        "no mask": {},
        "bool": {"where": where},
        "additive": {"bias": bias},
        "causal": {"is_causal": True},
        "causal and bool": {"where": where, "is_causal": True},
        "causal and additive": {"bias": bias, "is_causal": True},
        "padding": {"where": masks.padding([5, 13], 13)[:, 0]},
        "one row for all": {"where": where[0, 3]},
        "one additive row, causal": {"bias": bias[:1], "is_causal": True},
    }[kind]
