"""Which places of the whole length each process holds, and how to cut it so."""

from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
import torch.distributed as dist

from attention_lib import _check
from attention_lib.distributed.groups import rank_and_size

__all__ = ["LAYOUTS", "Segment", "lengths_of", "segments", "unzigzag", "zigzag"]

LAYOUTS = ("contiguous", "zigzag")


class Segment(NamedTuple):
    """Some rows of a shard that lie side by side in the whole, and where they begin."""

    rows: slice
    start: int

    @property
    def length(self):
        """How many rows there are."""
        return self.rows.stop - self.rows.start


def segments(lengths, rank, layout):
    """Give the segments of one process's shard; `lengths` are those of all shards."""
    if layout == "contiguous":
        return [Segment(slice(0, lengths[rank]), sum(lengths[:rank]))]
    places = _blocks(sum(lengths), len(lengths))[rank]
    ends = list(accumulate(stop - start for start, stop in places))
    starts = [0, *ends[:-1]]
    return [
        Segment(slice(first, end), start)
        for first, end, (start, _) in zip(starts, ends, places, strict=True)
    ]


def lengths_of(n, size):
    """Give the lengths of the shards into which `zigzag` cuts a length `n`."""
    return [sum(b - a for a, b in pair) for pair in _blocks(n, size)]


def zigzag(x, *, group=None, dim=-2):
    r"""Cut a length so that every process has as much to do under a causal mask.

    .. math::

        \text{process } r \text{ of } P \text{ holds blocks } r
        \text{ and } 2P - 1 - r, \qquad
        \text{block } i = [\lfloor i n / 2P \rfloor, \lfloor (i + 1) n / 2P \rfloor)

    Parameters
    ----------
    x : Tensor
        The whole, the same on every process: queries, keys or values, or the places
        ``torch.arange(n)`` (with ``dim=0``). Of any length n.
    group : ProcessGroup, optional
        The processes; all of them if None.
    dim : int, default -2
        The axis of the length.

    Returns
    -------
    Tensor like `x`
        This process's two blocks, one after the other. Gradients flow to `x`.

    Raises
    ------
    TypeError
        If `x` is not a tensor.
    ValueError
        If there is no such axis, no group was made, or this process is not in it.

    References
    ----------
    W. Brandon, A. Nrusimha, K. Qian et al. (2023). Striped attention: faster ring
    attention for causal transformers. https://arxiv.org/abs/2311.09431 (the imbalance;
    its cure there is another layout).

    Examples
    --------
    One process holds both blocks, and so all:

    >>> import torch
    >>> from torch import distributed
    >>> distributed.init_process_group(
    ...     "gloo", store=distributed.HashStore(), rank=0, world_size=1
    ... )
    >>> zigzag(torch.arange(5), dim=0)
    tensor([0, 1, 2, 3, 4])
    >>> distributed.destroy_process_group()
    """
    x, dim = _tensor_with(x, dim)
    rank, size = rank_and_size(group)
    pair = _blocks(x.shape[dim], size)[rank]
    return torch.cat([x.narrow(dim, a, b - a) for a, b in pair], dim)


def unzigzag(x, *, group=None, dim=-2):
    r"""Gather what `zigzag` cut, and put it back in order.

    .. math:: \operatorname{unzigzag}(\operatorname{zigzag}(x)) = x

    Parameters
    ----------
    x : Tensor
        This process's two blocks, one after the other.
    group : ProcessGroup, optional
        The processes; all of them if None. Each must call it.
    dim : int, default -2
        The axis of the length.

    Returns
    -------
    Tensor like `x`
        The whole, on every process, without a gradient.

    Raises
    ------
    TypeError, ValueError
        As `zigzag`; or if the shards have not the lengths of a zigzag.

    References
    ----------
    That of `zigzag`.

    Examples
    --------
    >>> import torch
    >>> from torch import distributed
    >>> distributed.init_process_group(
    ...     "gloo", store=distributed.HashStore(), rank=0, world_size=1
    ... )
    >>> unzigzag(zigzag(torch.arange(5), dim=0), dim=0)
    tensor([0, 1, 2, 3, 4])
    >>> distributed.destroy_process_group()
    """
    x, dim = _tensor_with(x, dim)
    _, size = rank_and_size(group)
    shards = [None] * size
    # A copy of its own: a view would bring along all that it is a view of.
    mine = x.detach().cpu().clone(memory_format=torch.contiguous_format)
    dist.all_gather_object(shards, mine, group=group)
    given = [shard.shape[dim] for shard in shards]
    wanted = lengths_of(sum(given), size)
    if given != wanted:
        raise ValueError(f"a zigzag has shards of {wanted}; got {given}")
    whole = [None] * (2 * size)
    for rank, (shard, pair) in enumerate(
        zip(shards, _blocks(sum(given), size), strict=True)
    ):
        cut = [stop - start for start, stop in pair]
        whole[rank], whole[2 * size - 1 - rank] = shard.split(cut, dim)
    return torch.cat(whole, dim).to(x.device)


def _blocks(n, size):
    """Give each process's two blocks of a length, as (start, stop)."""
    edges = [i * n // (2 * size) for i in range(2 * size + 1)]
    pairs = list(pairwise(edges))
    return [(pairs[r], pairs[2 * size - 1 - r]) for r in range(size)]


def _tensor_with(x, dim):
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x must be a tensor; got a {type(x).__name__}")
    return x, _check.axis_of(x, dim)
