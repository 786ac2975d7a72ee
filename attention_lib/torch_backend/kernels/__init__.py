"""Kernels for a GPU, written in Triton; each is imported where it first serves a call.

Under ``TRITON_INTERPRET=1`` they run on the tensors of a processor, number by number,
for tests. `device` says, without Triton, why they cannot serve a tensor.
"""

__all__ = []
