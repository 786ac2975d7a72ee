"""Scores in torch, what takes part in them, and the average that they lead to."""

import math

import torch

from attention_lib._dispatch import traced, work_dtype
from attention_lib.torch_backend import masking
from attention_lib.torch_backend.masking import part_of, where_of

__all__ = ["finite", "reads_only_numbers", "scores", "weighted_sum"]

SAFE_SCALE = (1e-6, 1.0)  # a query times such a scale neither overflows nor vanishes


def scores(call, offsets=(0, 0), block=slice(None), stop=None):
    """Give the scores and where they take part (None where all do), both whole.

    `offsets` are the places of the first query and the first key, for `is_causal`;
    `block` and `stop` choose some queries, and the keys before one.
    """
    dtype = work_dtype(call.query)
    query = call.query[..., block, :].to(dtype)
    key = masking.for_each_head(call.key, call.group)[..., :stop, :].to(dtype).mT
    where = where_of(call, block, stop, offsets)
    score = _scaled_product(query, key, call.scale, where is not None)
    if call.softcap is not None:
        score = call.softcap * torch.tanh(score / call.softcap)
    if call.bias is not None:
        score = score + part_of(call.bias, block, stop)
    shape = (*call.lead, *score.shape[-2:])  # the values may have more leading axes
    return score.expand(shape), None if where is None else where.expand(shape)


def weighted_sum(weights, value, where):
    """Multiply ``weights @ value``; what does not take part is never read."""
    if where is None or finite(value):
        return weights @ value
    out = weights @ torch.where(value.isfinite(), value, 0)
    with torch.no_grad():
        taking, like = where.to(out.dtype), out.dtype
        rising, falling = (value == torch.inf).to(like), (value == -torch.inf).to(like)
        more, less = (weights > 0).to(like), (weights < 0).to(like)
        up = more @ rising + less @ falling > 0
        down = more @ falling + less @ rising > 0
        nothing = taking * (weights == 0)  # zero times infinity
        nan = taking @ value.isnan().to(like) + nothing @ (rising + falling) > 0
        poison = torch.zeros_like(out).masked_fill(up, torch.inf)
        poison = torch.where(down, poison - torch.inf, poison)
        poison = poison.masked_fill(nan, torch.nan)
    return out + poison


def reads_only_numbers(call):
    """Tell whether no input is NaN or infinite, at the price of one pass each.

    A GPU would have to be waited for: there only what may be hidden is looked at, and
    only where something is.
    """
    given = (call.query, call.key, call.value)
    if traced(*given):
        return True
    if on_a_processor(call.query):
        return all(map(_finite_sum, given))
    masked = call.mask is not None or call.bias is not None
    if not masked:  # each query sees a key, and spoils no other
        given = (call.key, call.value) if call.is_causal else ()
    return not given or finite(*given)


def on_a_processor(x):
    """Tell whether a look at the numbers of a tensor costs no waiting."""
    return not x.is_cuda


def finite(*given):
    """Tell whether a sum over them is finite; False where that cannot be looked at."""
    return not traced(*given) and math.isfinite(sum(map(_sum, given)))


def _finite_sum(x):
    return math.isfinite(_sum(x))


def _sum(x):
    return x.detach().sum(dtype=work_dtype(x))


def _scaled_product(query, key, scale, quarantine):
    """Multiply queries, keys and scale, so that nothing overflows in between."""
    if SAFE_SCALE[0] <= abs(scale) <= SAFE_SCALE[1] or scale == 0:
        return _product(query * scale, key, quarantine)
    if abs(scale) < 1:
        root = math.sqrt(abs(scale))
        return _product(query * math.copysign(root, scale), key * root, quarantine)
    return _product(query, key, quarantine) * scale


def _product(query, key, quarantine):
    """Multiply ``query @ key``; where it is not finite, without a gradient.

    A gradient of zero times an infinite number is NaN, and would reach the queries
    for which that key is masked. So the numbers that are not finite enter the
    scores as constants.
    """
    if not quarantine or finite(query, key):
        return query @ key
    with torch.no_grad():
        plain = query @ key
        poison = torch.where(plain.isfinite(), 0, plain)
    clean = [torch.where(a.isfinite(), a, 0) for a in (query, key)]
    return clean[0] @ clean[1] + poison
