"""What one call sends to the other processes, and how it ends where that fails."""

import contextlib

import torch
import torch.distributed as dist

from attention_lib.distributed.groups import (
    mark_broken,
    rank_and_size,
    refuse_broken,
)

__all__ = ["Line"]

TAGS = 2**31 - 1  # a tag is a number of 32 bits
MARKS = 1000


class Line:
    """The exchanges of one call on a group, under a number that no other call has.

    Used as a context: a call that leaves it by an error waits for what it has under
    way, and marks the group as broken, so that no later call reads its bytes.
    """

    def __init__(self, group, name, number):
        self.group, self.name = group, name
        self.rank, self.size = rank_and_size(group)
        self.tag = number * 2 % TAGS
        self.mark = float(number % MARKS)  # whose square float32 still holds
        self.staged = dist.get_backend(group) == "gloo"  # through host memory
        self._under_way = []

    def __enter__(self):
        """Begin, unless an earlier exchange was cut short."""
        refuse_broken(self.group, self.name)
        return self

    def __exit__(self, kind, problem, trace):
        """End in order, or mark the group."""
        if problem is not None:
            self._settle()
            mark_broken(self.group, f"{type(problem).__name__}: {problem}")

    def start(self, out, into, *, lane=0):
        """Begin to send to the next process and to receive from the one before.

        Gives a function that waits, and gives what came. What is empty is not sent.
        """
        there = [("send", self._staged(out)), ("receive", self._staged(into))]
        peers = {"send": self._at(1), "receive": self._at(-1)}
        verbs = {"send": dist.isend, "receive": dist.irecv}
        ops = [
            dist.P2POp(
                verbs[verb],
                wire,
                group=self.group,
                tag=self.tag + lane,
                group_peer=peers[verb],
            )
            for verb, wire in there
            if wire.numel()
        ]
        with self._named(sorted(set(peers.values()))):
            works = dist.batch_isend_irecv(ops) if ops else []
        self._under_way += works

        def arrived():
            with self._named(sorted(set(peers.values()))):
                for work in works:
                    work.wait()
            self._under_way = [w for w in self._under_way if w not in works]
            return there[1][1].to(into.device)

        return arrived

    def reduced(self, x, op):
        """Combine a tensor of all processes by "sum" or "max", the same on each."""
        if self.size == 1:
            return x
        wire = self._staged(x.clone(memory_format=torch.contiguous_format))
        others = [rank for rank in range(self.size) if rank != self.rank]
        with self._named(others):
            how = {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX}[op]
            dist.all_reduce(wire, how, group=self.group)
        return wire.to(x.device)

    def _at(self, steps):
        return (self.rank + steps) % self.size

    def _staged(self, x):
        return x.cpu() if self.staged else x

    @contextlib.contextmanager
    def _named(self, ranks):
        """Say with whom an exchange failed."""
        try:
            yield
        except RuntimeError as problem:
            self._under_way = []
            whom = ", ".join(map(str, ranks))
            message = f"{self.name}: the exchange with process {whom} of the group"
            raise RuntimeError(f"{message} failed") from problem

    def _settle(self):
        """Wait for what is under way, at most as long as the group allows."""
        for work in self._under_way:
            with contextlib.suppress(RuntimeError):
                work.wait()
        self._under_way = []
