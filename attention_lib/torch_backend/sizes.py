"""How much is worked on at a time: what stays in a cache, or much of a GPU.

A processor's sizes stand where they are used. A GPU is busy with large pieces only, and
waits for the end of each where its numbers are looked at.
"""

import torch

__all__ = ["at_once", "free_memory", "on_a_gpu"]

SCORES = 2**27  # on a GPU
SHARE = 16  # of the free memory, for one buffer of scores


def at_once(like, cached):
    """Give how many scores like these to take at a time; `cached`: a processor's."""
    free = free_memory(like)
    return cached if free is None else max(cached, on_a_gpu(free, like.itemsize))


def on_a_gpu(free, itemsize):
    """Give how many scores a GPU with so many free bytes takes at a time."""
    return min(SCORES, free // (SHARE * itemsize))


def free_memory(like):
    """Give the bytes that are free where a tensor is; None: not on a GPU."""
    if not like.is_cuda:
        return None
    if torch.compiler.is_compiling():  # which could not go on after a look
        return SCORES * SHARE * like.itemsize
    free, _ = torch.cuda.mem_get_info(like.device)
    held = torch.cuda.memory_reserved(like.device)
    return free + held - torch.cuda.memory_allocated(like.device)
