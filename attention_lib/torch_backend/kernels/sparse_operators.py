"""Sparse attention as operators of torch, which ``torch.compile`` keeps whole.

Arrays have the axes (batch, head, row, feature), and any strides. `cs` holds alpha - 1
for each row of each head, (N, L), or is None where the number `c` is that of all.
"""

import torch
from torch import Tensor

from attention_lib.torch_backend.kernels.arrays import padded
from attention_lib.torch_backend.kernels.sparse_again import differentiate
from attention_lib.torch_backend.kernels.sparse_backward import to_keys, to_queries
from attention_lib.torch_backend.kernels.sparse_finish import finish, spoil
from attention_lib.torch_backend.kernels.sparse_launches import (
    Launch,
    place_of,
    tiles_of,
)
from attention_lib.torch_backend.kernels.sparse_lists import flag_tiles
from attention_lib.torch_backend.kernels.sparse_start import start

__all__ = ["attend"]


@torch.library.custom_op("attention_lib::sparse_attention", mutates_args=())
def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    cs: Tensor | None,
    c: float,
    family: int,
    group: int,
    causal: bool,
    scale: float,
    softcap: float | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Average the values; give also the top and the edge of each row, and the marks."""
    launch = Launch(query, key, value, mask, bias, cs, c, family, group, causal, scale,
                    softcap)  # fmt: skip
    out, top, edge, marks = _outputs(query, key, value)
    marks.zero_()
    flags = marks.new_empty((*key.shape[:2], marks.shape[-1]))
    with torch.cuda.device_of(query):  # which need not be the current one
        launch.per_key(flag_tiles, flags)
        launch.per_query(start, launch.bounds(), top, edge, marks)
        listed = launch.listed(marks, flags)
        found = place_of(out), top, edge
        launch.per_query(finish, *found, *listed)
        launch.in_parts(spoil, *found, flags, *listed)
    return out, top, edge, marks


@attend.register_fake
def _(query, key, value, *options):
    return _outputs(query, key, value)


@torch.library.custom_op("attention_lib::sparse_attention_backward", mutates_args=())
def attend_backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    cs: Tensor | None,
    top: Tensor,
    edge: Tensor,
    marks: Tensor,
    c: float,
    family: int,
    group: int,
    causal: bool,
    scale: float,
    softcap: float | None,
    in_alpha: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give the gradients in queries, keys and values, and in alpha of each row."""
    launch = Launch(query, key, value, mask, bias, cs, c, family, group, causal, scale,
                    softcap)  # fmt: skip
    pull = place_of(grad)
    in_query, in_key, in_value, in_cs = _slopes(query, key, value, in_alpha)
    mean = torch.empty_like(edge)
    with torch.cuda.device_of(query):
        launch.per_query(
            to_queries, pull, place_of(in_query), top, edge, mean,
            in_cs if in_alpha else None, *launch.listed(marks),
        )  # fmt: skip
        launch.per_key(
            to_keys, pull, place_of(in_key), place_of(in_value), top, edge, mean,
            *launch.listed(marks, back=True), PARTS=launch.tiles.parts,
        )  # fmt: skip
    return in_query, in_key, in_value, in_cs


@attend_backward.register_fake
def _(grad, query, key, value, *options):
    return _slopes(query, key, value, options[-1])


def _keep(ctx, inputs, output):
    *arrays, ctx.options = *inputs[:6], inputs[6:]
    _, top, edge, marks = output
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(top, edge, marks)
    ctx.save_for_backward(*arrays, top, edge, marks)


def _differentiate(ctx, grad, *_):
    needed = ctx.needs_input_grad
    nothing = (None,) * len(ctx.options)
    if grad is None:
        return (None,) * 6 + nothing
    *arrays, top, edge, marks = ctx.saved_tensors
    if torch.is_grad_enabled():
        return *differentiate(grad, arrays, ctx.options, needed), *nothing
    in_query, in_key, in_value, in_cs = attend_backward(
        grad, *arrays, top, edge, marks, *ctx.options, needed[5]
    )
    return (
        in_query,
        in_key,
        in_value,
        None,
        None,
        in_cs if needed[5] else None,
        *nothing,
    )


attend.register_autograd(_differentiate, setup_context=_keep)


def _outputs(query, key, value):
    """Give room for the output, for the top and the edge of each row, and the marks."""
    rows, n_keys = query.shape[:-1], key.shape[-2]
    out = query.new_empty((*rows, value.shape[-1]))
    # A compiler may take it for a size that varies; the tiles are made for this one.
    width = int(max(query.shape[-1], value.shape[-1]))
    tiles = tiles_of(query, padded(width))
    top, edge = (query.new_empty(rows, dtype=torch.float32) for _ in range(2))
    counts = -(-rows[-1] // tiles.queries), -(-n_keys // tiles.keys)
    return out, top, edge, query.new_empty((*rows[:-1], *counts), dtype=torch.int8)


def _slopes(query, key, value, in_alpha):
    """Give room for the gradients; for one in alpha that nobody needs, none."""
    batch, heads, n, _ = query.shape
    shapes = [a.shape for a in (query, key, value)]
    rows = query.new_empty(
        (batch * heads, n) if in_alpha else (0,), dtype=torch.float32
    )
    return *(query.new_empty(shape) for shape in shapes), rows
