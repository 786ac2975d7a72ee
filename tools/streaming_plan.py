"""Which calls launch every kernel of streaming attention, with every tile."""

import torch

import attention_lib as al
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import streaming_operators
from attention_lib.torch_backend.kernels.streaming_launches import TILES, choices_for

__all__ = ["calls"]

DTYPES = {2: torch.bfloat16, 4: torch.float32}
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
    """Give every entry of the table of tiles; then, at one size, each sort of call."""
    sizes = {(itemsize, width) for _, itemsize, width in TILES}
    for itemsize, width in sorted(sizes):
        most = max(len(TILES[k]) for k in TILES if k[1:] == (itemsize, width))
        for i in range(most):
            label = f"softpick causal {width} {str(DTYPES[itemsize])[6:]} tile {i + 1}"
            call = _call(al.Softpick(), DTYPES[itemsize], width, i, is_causal=True)
            yield label, call
    for weighting, options in EACH:
        names = " ".join(options)
        yield (
            f"{type(weighting).__name__} {names} 64",
            _call(weighting, torch.bfloat16, 64, 0, **options),
        )


def _call(weighting, dtype, width, choice, **options):
    """Call a weighting forward and backward, with one of the tiles of each part."""

    def tile_for(part, like, size, more=False):
        choices = choices_for(part, like.element_size(), max(size, 64), more)
        return choices[min(choice, len(choices) - 1)]

    def call():
        given = {
            k: a.clone().requires_grad_() for k, a in weighting.parameters().items()
        }
        learned = type(weighting)(**(vars(weighting) | given))
        arrays = [torch.zeros(1, 2, N, width, dtype=dtype, requires_grad=True)
                  for _ in range(3)]  # fmt: skip
        right = streaming_operators.tile_for
        streaming_operators.tile_for = tile_for
        try:
            out = attend(*arrays, weighting=learned, method="triton", **options)
            out.sum().backward()
        finally:
            streaming_operators.tile_for = right

    return call
