"""Attention in torch: SDPA's own kernel where it fits, dense, or by query blocks."""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa
from torch.utils.checkpoint import checkpoint

from attention_lib import _check

__all__ = ["attention", "scores", "weighted_sum"]

DENSE_SCORES = 2**20  # up to here one matrix is faster than blocks
BLOCK_SCORES = 2**21  # scores of one block of queries, over all heads


def attention(call, weighting, method, dropout_p=0.0, rng=None):
    """Average the values with each query's weights."""
    transforms = _transformed(call)
    if method == "auto":
        method = "dense" if transforms else _choose(call, weighting, dropout_p, rng)
    if method == "sdpa":
        reason = _not_sdpa(call, weighting, rng)
        if reason:
            raise ValueError(f"method 'sdpa' is unavailable: {reason}")
        if transforms or _reads_only_numbers(call):
            return _sdpa(call, weighting, dropout_p)
        method = "dense" if dropout_p else "streaming"  # SDPA reads what is masked
    if method == "dense":
        return _dense(call, weighting, dropout_p, rng)
    # Inside transforms nothing can be computed again later.
    again = torch.is_grad_enabled() and not transforms
    return _streaming(call, weighting, again)


def scores(call, block=slice(None), stop=None):
    """Give the scores and where they take part (None where all do), both whole."""
    dtype = _check.work_dtype(call.query)
    query = call.query[..., block, :].to(dtype)
    key = _for_each_head(call.key, call.group)[..., :stop, :].to(dtype)
    where = _where(call, block, stop)
    score = _product(query * call.scale, key.transpose(-1, -2), where is not None)
    if call.softcap is not None:
        score = call.softcap * torch.tanh(score / call.softcap)
    if call.bias is not None:
        score = score + _pair(call.bias, block, stop)
    shape = (*call.lead, *score.shape[-2:])  # the values may have more leading axes
    return score.expand(shape), None if where is None else where.expand(shape)


def weighted_sum(weights, value, where):
    """Multiply ``weights @ value``; what does not take part is never read."""
    if where is None or _finite(value):
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


def _transformed(call):
    """Tell whether torch.func or forward-mode AD is at work, which SDPA lacks."""
    if torch.compiler.is_compiling():
        return False
    given = (call.query, call.key, call.value, call.bias, call.mask)
    tensors = [t for t in given if t is not None]
    unpack = torch.autograd.forward_ad.unpack_dual
    return any(_wrapped(t) or unpack(t).tangent is not None for t in tensors)


def _wrapped(t):
    return torch._C._functorch.is_functorch_wrapped_tensor(t)


def _choose(call, weighting, dropout_p, rng):
    """Choose the fastest method that gives the right result."""
    small = math.prod(call.shape) <= DENSE_SCORES
    if _not_sdpa(call, weighting, rng) is None and _reads_only_numbers(call):
        # On a CPU, SDPA has a fused kernel for values as wide as the keys only.
        fused = call.query.is_cuda or call.query.shape[-1] == call.value.shape[-1]
        if fused or small or dropout_p:
            return "sdpa"
    return "dense" if small or dropout_p else "streaming"


def _not_sdpa(call, weighting, rng):
    """Say why SDPA cannot serve a call, or None where it can."""
    if weighting.constant_multiplier() is None:
        return f"it takes softmax at one temperature; got {type(weighting).__name__}"
    if call.softcap is not None:
        return "softcap is set"
    if call.bias is not None and call.bias.dtype != call.query.dtype:
        return f"attn_mask is {call.bias.dtype}; got a query of {call.query.dtype}"
    if rng is not None:
        return "it draws from torch's global generator; got rng"
    return None


def _reads_only_numbers(call):
    """Tell whether no input is NaN or infinite, at the price of one pass each."""
    if torch.compiler.is_compiling():
        return True
    return all(map(_finite, (call.query, call.key, call.value)))


def _finite(x):
    """Tell whether a sum over `x` is finite; False where that cannot be looked at."""
    if _check.traced(x):
        return False
    return math.isfinite(x.detach().sum(dtype=_check.work_dtype(x)))


def _sdpa(call, weighting, dropout_p):
    """Hand over to torch's kernel, in the four axes in which it is fast."""
    factor = weighting.constant_multiplier()
    mask, causal = call.mask, call.is_causal
    if call.bias is not None:
        mask = call.bias if factor == 1 else _multiplied(call.bias, factor)
    if mask is not None and causal:  # SDPA takes one or the other
        where, causal = _where(call, slice(None), None), False
        mask = where if call.bias is None else mask.masked_fill(~where, -torch.inf)
    length, n_keys = call.shape[-2:]

    def four(a, tail):
        if a is None:
            return None
        a = a.expand(*call.lead, *tail)
        missing = 4 - a.ndim
        return a[(None,) * missing] if missing > 0 else a.flatten(0, -4)

    query = four(call.query, call.query.shape[-2:])
    key, value = (_for_each_head(a, call.group) for a in (call.key, call.value))
    key, value = four(key, key.shape[-2:]), four(value, value.shape[-2:])
    if mask is not None:
        mask = four(mask, (length, n_keys))
    out = sdpa(query, key, value, mask, dropout_p, causal, scale=call.scale * factor)
    return out.reshape(*call.lead, *out.shape[-2:])


def _multiplied(bias, factor):
    """Multiply an additive mask, in which only -inf may become -inf."""
    lowest = torch.finfo(bias.dtype).min
    return torch.where(bias == -torch.inf, bias, (bias * factor).clamp(min=lowest))


def _dense(call, weighting, dropout_p, rng):
    """Build the whole matrix of weights."""
    score, where = scores(call)
    weights = weighting.rows(score, where)
    if dropout_p:
        chance = torch.rand(
            weights.shape, generator=rng, device=weights.device, dtype=weights.dtype
        )
        kept = chance >= dropout_p
        weights = weights * kept / max(1 - dropout_p, torch.finfo(weights.dtype).tiny)
    value = _for_each_head(call.value, call.group).to(weights.dtype)
    return weighted_sum(weights, value, where).to(call.query.dtype)


def _streaming(call, weighting, again):
    """Take one block of queries at a time, and again in the backward pass."""
    *_, length, n_keys = call.shape
    step = max(1, BLOCK_SCORES // max(1, math.prod(call.lead) * n_keys))
    value = _for_each_head(call.value, call.group).to(_check.work_dtype(call.query))

    def one(start):
        block, stop = slice(start, min(start + step, length)), n_keys
        if call.is_causal:  # keys beyond the block's last query take no part
            last = block.stop + call.query_offset - call.key_offset
            stop = max(0, min(n_keys, last))
        score, where = scores(call, block, stop)
        weights = weighting.part(call.shape, (...,), block).rows(score, where)
        return weighted_sum(weights, value[..., :stop, :], where)

    def kept(start):
        return checkpoint(one, start, use_reentrant=False) if again else one(start)

    blocks = [kept(start) for start in range(0, max(length, 1), step)]
    return torch.cat(blocks, -2).to(call.query.dtype)


def _product(query, key, quarantine):
    """Multiply ``query @ key``; where it is not finite, without a gradient.

    A gradient of zero times an infinite number is NaN, and would reach the queries
    for which that key is masked. So the numbers that are not finite enter the
    scores as constants.
    """
    if not quarantine or (_finite(query) and _finite(key)):
        return query @ key
    with torch.no_grad():
        plain = query @ key
        poison = torch.where(plain.isfinite(), 0, plain)
    clean = [torch.where(a.isfinite(), a, 0) for a in (query, key)]
    return clean[0] @ clean[1] + poison


def _where(call, block, stop):
    """Tell which keys take part for a block of queries, or None where all do."""
    where = None if call.mask is None else _pair(call.mask, block, stop)
    if call.bias is not None:
        where = _pair(call.bias, block, stop) != -torch.inf
    if call.is_causal:
        length, n_keys = call.shape[-2:]
        device = call.query.device
        query = torch.arange(length, device=device)[block, None] + call.query_offset
        key = torch.arange(n_keys, device=device)[:stop] + call.key_offset
        where = key <= query if where is None else where & (key <= query)
    return where


def _pair(a, block, stop):
    """Cut a mask to a block of queries and the keys before `stop`."""
    if a.ndim > 1 and a.shape[-2] > 1:
        a = a[..., block, :]
    return a[..., :stop] if a.shape[-1] > 1 else a


def _for_each_head(a, group):
    return a if group == 1 else a.repeat_interleave(group, -3)
