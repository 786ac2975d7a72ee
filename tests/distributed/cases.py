"""Cases of attention over several processes: a whole, and how it is cut."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from attention_lib.distributed.layouts import lengths_of
from tests.paths import EVERY

__all__ = ["SHARDED", "Case", "Whole"]

# Every weighting of the library and of a user that several processes can share.
SHARDED = {
    name: weighting
    for name, weighting in EVERY.items()
    if (stream := weighting.stream(1)) is not None
    and (stream.merges or stream.formula == "entmax")
}


class Whole(NamedTuple):
    """All queries, keys and values, the output's gradient, and which keys take part."""

    query: Any
    key: Any
    value: Any
    pull: Any
    where: Any


@dataclass(frozen=True)
class Case:
    """One whole and one way to cut it; `learned` are parameters with a gradient.

    `cuts` are the lengths of the shards, of the queries and of the keys, if given.
    """

    name: str = "softmax"
    queries: int = 9
    keys: int = 11
    layout: str = "contiguous"
    is_causal: bool = False
    masked: bool = False
    uneven: bool = False
    enable_gqa: bool = False
    learned: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    seed: int = 0
    spread: float = 1.0
    cuts: tuple = ()

    def whole(self):
        """Draw the whole, the same on every process."""
        draw = torch.Generator().manual_seed(self.seed)

        def normal(*shape):
            return torch.randn(shape, generator=draw, dtype=torch.float64)

        heads = 1 if self.enable_gqa else 2
        query = self.spread * normal(2, 2, self.queries, 3)
        key, value = normal(2, heads, self.keys, 3), normal(2, heads, self.keys, 3)
        where = None
        if self.masked:
            where = torch.rand((2, 1, 1, self.keys), generator=draw) < 0.7
        return Whole(query, key, value, normal(2, 2, self.queries, 3), where)

    def lengths(self, size):
        """Give the lengths of the shards, of the queries and of the keys."""
        if self.cuts:
            return self.cuts
        return [self._cut(n, size) for n in (self.queries, self.keys)]

    def _cut(self, n, size):
        if self.layout == "zigzag":
            return lengths_of(n, size)
        if self.uneven:  # the second process has none
            rest = n // 3
            return [n - rest, 0, rest, *[0] * size][:size] if size > 2 else [n, 0]
        return [(i + 1) * n // size - i * n // size for i in range(size)]

    def weighting(self):
        """Give the weighting, and its parameters with a gradient."""
        made = SHARDED[self.name]
        tensors = {
            name: torch.tensor(number, dtype=torch.float64).requires_grad_()
            for name, number in self.learned.items()
        }
        if tensors:
            made = dataclasses.replace(made, **tensors)
        return made, list(tensors.values())
