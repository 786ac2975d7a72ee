"""Attention in torch: SDPA's own kernel where it fits, dense, or by query blocks."""

import math

import torch
from torch.utils.checkpoint import checkpoint

from attention_lib import _check
from attention_lib.torch_backend import masking
from attention_lib.torch_backend.masking import part_of, where_of
from attention_lib.torch_backend.plans import by_blocks
from attention_lib.torch_backend.sdpa import by_sdpa, not_sdpa

__all__ = ["attention", "scores", "weighted_sum"]

DENSE_SCORES = 2**20  # up to here one matrix is faster than blocks
BLOCK_SCORES = 2**21  # scores of one block of queries, over all heads


def attention(call, weighting, method, dropout_p=0.0, rng=None):
    """Average the values with each query's weights."""
    transforms = _transformed(call)
    if method == "auto":
        method = "dense" if transforms else _choose(call, weighting, dropout_p, rng)
    if method == "sdpa":
        reason = not_sdpa(call, weighting, dropout_p, rng, transforms)
        if reason:
            raise ValueError(f"method 'sdpa' is unavailable: {reason}")
        if transforms or _reads_only_numbers(call):
            return by_sdpa(call, weighting, dropout_p)
        method = "dense" if dropout_p else "streaming"  # SDPA reads what is masked
    if method == "dense":
        return _dense(call, weighting, dropout_p, rng)
    out = None if transforms else by_blocks(call, weighting)
    # Inside transforms nothing can be computed again later.
    again = torch.is_grad_enabled() and not transforms
    return _streaming(call, weighting, again) if out is None else out


def scores(call, block=slice(None), stop=None):
    """Give the scores and where they take part (None where all do), both whole."""
    dtype = _check.work_dtype(call.query)
    query = call.query[..., block, :].to(dtype)
    key = masking.for_each_head(call.key, call.group)[..., :stop, :].to(dtype)
    where = where_of(call, block, stop)
    score = _product(query * call.scale, key.transpose(-1, -2), where is not None)
    if call.softcap is not None:
        score = call.softcap * torch.tanh(score / call.softcap)
    if call.bias is not None:
        score = score + part_of(call.bias, block, stop)
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
    if not_sdpa(call, weighting, dropout_p, rng) is None and _reads_only_numbers(call):
        # On a CPU, SDPA has a fused kernel for values as wide as the keys only.
        fused = call.query.is_cuda or call.query.shape[-1] == call.value.shape[-1]
        if fused or small or dropout_p:
            return "sdpa"
    return "dense" if small or dropout_p else "streaming"


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
    value = masking.for_each_head(call.value, call.group).to(weights.dtype)
    return weighted_sum(weights, value, where).to(call.query.dtype)


def _streaming(call, weighting, again):
    """Take any weighting, some queries at a time, and again in the backward pass."""
    *_, length, n_keys = call.shape
    step = max(1, BLOCK_SCORES // max(1, math.prod(call.lead) * n_keys))
    value = masking.for_each_head(call.value, call.group).to(
        _check.work_dtype(call.query)
    )

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
