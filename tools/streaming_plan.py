"""Which calls launch every kernel of streaming attention, with every tile."""

import torch
from triton.runtime import driver

import attention_lib as al
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import streaming_operators
from attention_lib.torch_backend.kernels.streaming_launches import TILES, chosen

__all__ = ["calls"]

DTYPES = {2: torch.bfloat16, 4: torch.float32}
ROOM = {80: 166_912, 86: 101_376, 90: 232_448}  # shared memory of one program
N = 512
A_HEAD = torch.full((2, 1, 1), 0.5)
EACH = (  # at one size: every family, then what else a kernel is compiled for
    (al.Softmax1(0.5), {}),
    (al.Sigmoid(), {}),
    (al.NormalizedSigmoid(), {}),
    (al.ReLU(2), {}),
    (al.NormalizedReLU(), {}),
    (al.Softpick(), {}),
    (al.Softmax(A_HEAD), {"attn_mask": torch.ones(N, N, dtype=torch.bool)}),
    (al.Sigmoid(A_HEAD), {"attn_mask": torch.zeros(N, N, dtype=torch.bfloat16)}),
    (al.Softmax1(A_HEAD), {"is_causal": True, "softcap": 20.0}),
)


def calls():
    """Give each size with the tiles of a card; then, at one size, each sort of call."""
    sizes = {(itemsize, width) for _, itemsize, width in TILES}
    for itemsize, width in sorted(sizes):
        dtype = DTYPES[itemsize]
        label = f"softpick causal {width} {str(dtype)[6:]}"
        yield label, _call(al.Softpick(), dtype, width, is_causal=True)
    for weighting, options in EACH:
        label = f"{type(weighting).__name__} {' '.join(options)} 64"
        yield label, _call(weighting, torch.bfloat16, 64, **options)
    where = torch.ones(N, N, dtype=torch.bool)
    for width in (128, 256):
        call = _call(al.Softmax(A_HEAD), torch.bfloat16, width, attn_mask=where)
        yield f"Softmax attn_mask {width}", call


def _tile_for(part, like, size, more=False):
    """Choose the tile that the card would get for which is compiled."""
    target = driver.active.get_current_target().arch
    return chosen(part, like.element_size(), size, more, target // 10, ROOM[target])


def _call(weighting, dtype, width, **options):
    """Call a weighting forward and backward."""

    def call():
        given = {
            k: a.clone().requires_grad_() for k, a in weighting.parameters().items()
        }
        learned = type(weighting)(**(vars(weighting) | given))
        arrays = [torch.zeros(1, 2, N, width, dtype=dtype, requires_grad=True)
                  for _ in range(3)]  # fmt: skip
        right = streaming_operators.tile_for
        streaming_operators.tile_for = _tile_for
        try:
            out = attend(*arrays, weighting=learned, method="triton", **options)
            out.sum().backward()
        finally:
            streaming_operators.tile_for = right

    return call
