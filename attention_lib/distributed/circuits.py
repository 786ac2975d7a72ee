"""How a process meets all keys: they come round to it, or all meet in a reduction."""

import math
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Ring", "Tree", "no_nan"]


@dataclass(frozen=True, eq=False)
class Ring:
    """Keys and values go round; each process has queries of its own.

    `segments` are those of every process's keys, in order.
    """

    line: Any
    segments: list

    def visit(self, shard, step):
        """Take a step on the shard of every process, our own first."""
        for _, here in self._round(shard):
            step(here)

    def visit_back(self, shard, step):
        """Take a step on every shard that gives its gradients; bring ours home.

        What a process adds to a shard's gradients is sent while the next is computed.
        """
        line = self.line
        mine, arriving = None, None
        for turn, here in self._round(shard):
            found = step(here)
            if turn == 0:
                mine = found
                continue
            if turn > 1:
                _add(found, _like(found, arriving()))
            coming = self._n_keys(line.rank - turn - 1)
            wire = torch.cat([a.reshape(-1) for a in found])
            width = sum(_per_key(a) for a in found)
            arriving = line.start(wire, wire.new_empty(width * coming), lane=1)
        if arriving is not None:
            _add(mine, _like(mine, arriving()))
        return mine

    def _round(self, shard):
        """Bring each shard, and send it on while it is used."""
        line = self.line
        here, wire = shard, shard.packed() if line.size > 1 else None
        for turn in range(line.size):
            arrived, next_one = None, (line.rank - turn - 1) % line.size
            if turn < line.size - 1:
                into = wire.new_empty(shard.n_bytes(self._n_keys(next_one)))
                arrived = line.start(wire, into)
            yield turn, here
            if arrived is not None:
                wire = arrived()
                here = shard.unpacked(
                    wire, self._n_keys(next_one), self.segments[next_one]
                )

    def _n_keys(self, rank):
        return sum(segment.length for segment in self.segments[rank % self.line.size])

    def largest(self, x):
        """Give the largest over all keys, which this process has met."""
        return x

    def summed(self, *arrays):
        """Give the sums over all keys, which this process has met."""
        return arrays

    def shared(self, *arrays):
        """Give the gradients of what is this process's alone."""
        return arrays

    def any(self, flag):
        """Tell whether any process needs one more round: all take it together."""
        flag = flag.any().to(torch.uint8).reshape(1)
        return bool(self.line.reduced(flag, "max"))


@dataclass(frozen=True, eq=False)
class Tree:
    """Every process has all queries and some of the keys, which stay."""

    line: Any

    def visit(self, shard, step):
        """Take a step on our own shard."""
        step(shard)

    def visit_back(self, shard, step):
        """Take a step on our own shard that gives its gradients."""
        return step(shard)

    def largest(self, x):
        """Give the largest of all processes; a NaN, which a maximum loses, is inf."""
        return self.line.reduced(no_nan(x), "max")

    def summed(self, *arrays):
        """Give the sums over all processes, in one reduction.

        With them the number of the call and its square, which tell whether all are at
        the same one: a reduction has no tag.
        """
        mark = arrays[0].new_tensor([self.line.mark, self.line.mark**2])
        flat = torch.cat([*(a.reshape(-1) for a in arrays), mark])
        sums = self.line.reduced(flat, "sum")
        if not torch.equal(sums[-2:], mark * self.line.size):
            message = f"{self.line.name}: other processes are at another call"
            raise RuntimeError(f"{message}: go back through all in one order")
        return _like(arrays, sums[:-2])

    shared = summed

    def any(self, flag):
        """Tell it from reduced numbers, which are the same on every process."""
        return bool(flag.any())


def no_nan(x):
    """Give infinity for NaN, which not every maximum keeps."""
    return torch.where(x.isnan(), torch.inf, x)


def _like(arrays, flat):
    """Cut one row of numbers into arrays of these shapes."""
    parts = flat.split([a.numel() for a in arrays])
    return [part.view(a.shape) for part, a in zip(parts, arrays, strict=True)]


def _add(sums, more):
    for a, b in zip(sums, more, strict=True):
        a += b


def _per_key(a):
    """Give how many numbers an array (..., S, E) holds for each key."""
    return math.prod(a.shape[:-2]) * a.shape[-1]
