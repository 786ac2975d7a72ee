"""One call of attention over several processes, from its arguments to its output."""

import dataclasses
import sys
from numbers import Real

import torch

from attention_lib import _call, _check
from attention_lib._dispatch import is_tensor
from attention_lib.distributed import merging, thresholds
from attention_lib.distributed.agreement import NO_TRANSFORMS, described
from attention_lib.distributed.shards import Shard
from attention_lib.fold import foldable
from attention_lib.torch_backend.attention import transformed
from attention_lib.torch_backend.once import first_only
from attention_lib.weightings import get_weighting

__all__ = ["attend", "checked", "outside_graphs"]

ONCE = "second derivatives are not known over several processes"


def checked(name, arrays, where, where_shape, options, weighting, *, shared=False):
    """Check the arguments of one process; see `agreement.agreed` for what is given.

    `options` are those of `_call.attention` between the mask and the weighting;
    `where_shape` gives, of a call, what `where` must broadcast to; `shared` says that
    the rows are those of all processes.
    """
    for which, a in zip(("query", "key", "value"), arrays, strict=True):
        if not is_tensor(a):
            raise TypeError(
                f"{name} takes tensors; got a {type(a).__name__} as {which}"
            )
    call = _call.attention(*arrays, None, *options)
    call = _call.weighed(call, _known(get_weighting(weighting)))
    if transformed(call, *_learned(call.weighting).values()):
        raise TypeError(NO_TRANSFORMS.format(name))
    call = dataclasses.replace(call, mask=_where(where, call, where_shape(call)))
    tensors = (call.query, call.key, call.value, *_learned(call.weighting).values())
    learns = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    same = {
        "dtype": str(call.query.dtype),
        "device": call.query.device.type,
        "sizes": tuple(_sizes(a) for a in (call.query, call.key, call.value)),
        "is_causal": call.is_causal,
        "scale": call.scale,
        "group": call.group,
        "softcap": call.softcap,
        "weighting": described(call.weighting, shared),
        "where": None if call.mask is None else tuple(call.mask.shape[:-1]),
    }
    return call, learns, same


def attend(call, job, learns, circuit_back):
    """Attend, with gradients; `circuit_back` gives the circuit of the way back."""
    arrays = _learned(call.weighting)
    # Where others need gradients, this process takes part in the way back.
    switch = torch.zeros((), requires_grad=learns)
    given = (call.mask, call.query, call.key, call.value)
    return _Attention.apply(
        job, circuit_back, tuple(arrays), switch, *given, *arrays.values()
    )


def outside_graphs(function):
    """Give a function that ``torch.compile`` leaves as it is."""
    compiling = "torch._dynamo" in sys.modules  # which nobody should have to import
    return torch.compiler.disable(function) if compiling else function


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, job, circuit_back, names, switch, where, query, key, value, *more):
        shard, arrays = Shard(key, value, where, job.key_segments), more
        with job.circuit.line, torch.autocast(query.device.type, enabled=False):
            out, kept = _way(job).forward(job, query, shard, names, arrays)
        ctx.job, ctx.circuit_back, ctx.names = job, circuit_back, names
        ctx.save_for_backward(where, query, key, value, out, *kept, *arrays)
        return out

    @staticmethod
    def backward(ctx, grad):
        job = dataclasses.replace(ctx.job, circuit=ctx.circuit_back())
        off = torch.autocast(grad.device.type, enabled=False)
        with torch.no_grad(), job.circuit.line, off:
            where, query, key, value, out, first, second, *arrays = ctx.saved_tensors
            shard = Shard(key, value, where, job.key_segments)
            *found, in_arrays = _way(job).backward(
                job, grad, query, shard, out, (first, second), ctx.names, arrays
            )
        given = (query, key, value, *arrays)
        slopes = [
            slope.to(a.dtype)
            for slope, a in zip((*found, *in_arrays), given, strict=True)
        ]
        return None, None, None, None, None, *first_only(slopes, (grad, *given), ONCE)


def _way(job):
    """Give how this kind of weighting is computed: a module with both directions."""
    return thresholds if job.weighting.kind == "threshold" else merging


def _known(weighting):
    """Take a weighting that merges, or has a threshold to vote on."""
    stream = weighting.stream(1)
    if stream is not None and stream.formula == "entmax":
        alpha = weighting.alpha
        if isinstance(alpha, Real) and alpha == 1:
            return get_weighting("softmax")
        return weighting
    return foldable(weighting)


def _learned(weighting):
    """Give the parameters that are tensors, by name."""
    return {name: a for name, a in weighting.parameters().items() if is_tensor(a)}


def _where(where, call, shape):
    """Take which keys take part, with an axis of keys as long as theirs."""
    if where is None:
        return None
    if not is_tensor(where):
        raise TypeError(f"where must be a bool tensor; got a {type(where).__name__}")
    if where.dtype != torch.bool:
        raise TypeError(f"where must be bool; got {where.dtype}")
    _check.broadcastable(where, shape, "where", "the rows of scores")
    where = where[(None,) * max(0, 2 - where.ndim)]
    return where.expand(*where.shape[:-1], call.key.shape[-2])


def _sizes(a):
    """Give the shape of an array, its length apart."""
    return tuple(a.shape[:-2]), a.shape[-1]
