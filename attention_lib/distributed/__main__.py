"""Check that attention over several processes gives what one process gives.

torchrun --nproc-per-node 2 -m attention_lib.distributed
"""

import os
import sys

import torch
import torch.distributed as dist

from attention_lib import scaled_dot_product_attention
from attention_lib.distributed import ring_attention, tree_attention, unzigzag, zigzag

__all__ = ["main"]

WEIGHTINGS = ("softmax", "softmax1", "normalized_sigmoid", "sigmoid", "sparsemax")
LENGTH, HEADS, FEATURES = 1000, 2, 16
BOUND = 1e-12  # of the largest entry, in float64


def main():
    """Compare, print what was seen, and give the number of differences."""
    if "RANK" not in os.environ:
        sys.exit(__doc__.strip())
    dist.init_process_group("gloo")
    rank, size, wrong = dist.get_rank(), dist.get_world_size(), 0
    if rank == 0:
        print(f"{size} processes, {LENGTH} tokens, {HEADS} heads, float64")
    for weighting in WEIGHTINGS:
        errors = _errors(weighting)
        wrong += not max(errors.values()) <= BOUND
        if rank == 0:
            seen = ", ".join(f"{name} {error:.0e}" for name, error in errors.items())
            print(f"{weighting}, off by: {seen}")
    if rank == 0:
        print("all as on one process" if not wrong else f"{wrong} WRONG")
    dist.destroy_process_group()
    return wrong


def _errors(weighting):
    """Give the largest error on any process, beside the largest entry."""
    torch.manual_seed(0)
    shape = 3, HEADS, LENGTH, FEATURES
    whole = torch.randn(shape, dtype=torch.float64).unbind()
    like_one = [a.clone().requires_grad_() for a in whole]
    wanted = scaled_dot_product_attention(
        *like_one, is_causal=True, weighting=weighting
    )
    wanted.sum().backward()
    mine = [zigzag(a).requires_grad_() for a in whole]
    options = {"is_causal": True, "layout": "zigzag", "weighting": weighting}
    out = ring_attention(*mine, **options)
    out.sum().backward()
    query, key, value = whole
    last, here = query[:, -1:], (zigzag(a) for a in (key, value))
    decoded = tree_attention(last, *here, weighting=weighting)
    pairs = {
        "ring": (unzigzag(out), wanted.detach()),
        "its gradients": (
            torch.stack([unzigzag(a.grad) for a in mine]),
            torch.stack([a.grad for a in like_one]),
        ),
        "tree": (decoded, wanted[:, -1:].detach()),
    }
    found = {name: _largest(*pair) for name, pair in pairs.items()}
    errors = torch.tensor(list(found.values()), dtype=torch.float64)
    errors = errors.nan_to_num(torch.inf)  # which a maximum keeps
    dist.all_reduce(errors, dist.ReduceOp.MAX)
    return dict(zip(found, errors.tolist(), strict=True))


def _largest(found, wanted):
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


if __name__ == "__main__":
    sys.exit(main())
