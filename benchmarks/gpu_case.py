"""One comparison on a GPU, and what those of rows and of attention share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

import attention_lib as al

__all__ = ["HALF", "SLACK", "WHOLE", "Case", "normal", "weighting_of"]

WHOLE, HALF = torch.float32, torch.bfloat16
SLACK = 0.05


@dataclass(frozen=True)
class Case:
    """One comparison.

    `make` takes a device, a size and a seed, and gives calls of both sides, and of what
    is exact where errors are compared. The size is "whole", "few" of the same rows, for
    which the same kernels are compiled, or "tiny".
    """

    name: str
    peer: str
    measure: str
    goal: float
    make: Callable
    best_of: int = 1


def weighting_of(name):
    """Give a weighting by its name; entmax with an alpha of no special form."""
    return al.Entmax(1.25) if name == "entmax" else al.get_weighting(name)


def normal(shape, device, dtype, seed):
    """Give random numbers that a seed fixes."""
    generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(shape, generator=generator, device=device, dtype=WHOLE).to(dtype)
