"""Which calls launch every kernel of sparse attention, with every tile."""

import torch

import attention_lib as al
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import sparse_launches, sparse_operators
from attention_lib.torch_backend.kernels.sparse_launches import TILES

__all__ = ["calls"]

DTYPES = {2: torch.bfloat16, 4: torch.float32}
N = 512
A_HEAD = torch.full((2, 1, 1), 1.25)
EACH = (  # at one size: every family, then what else a kernel is compiled for
    (al.Sparsemax(), {}),
    (al.Entmax(1.25), {}),
    (al.Entmax(1.05), {}),
    (al.Entmax(A_HEAD), {"attn_mask": torch.ones(N, N, dtype=torch.bool)}),
    (al.Entmax(A_HEAD), {"attn_mask": torch.zeros(N, N, dtype=torch.bfloat16)}),
    (al.Sparsemax(), {"is_causal": True, "softcap": 20.0}),
)


def calls():
    """Give every entry of the table of tiles; then, at one size, each sort of call."""
    for itemsize, width in TILES:
        for i, tiles in enumerate(TILES[itemsize, width], 1):
            label = f"entmax 1.5 causal {width} {str(DTYPES[itemsize])[6:]} tiles {i}"
            call = _call(al.Entmax(1.5), DTYPES[itemsize], width, tiles, is_causal=True)
            yield label, call
    for weighting, options in EACH:
        label = f"{type(weighting).__name__} {' '.join(options)} 64"
        yield label, _call(weighting, torch.bfloat16, 64, TILES[2, 64][0], **options)


def _call(weighting, dtype, width, tiles, **options):
    """Call a weighting forward and backward, with some tiles."""

    def call():
        given = {
            k: a.clone().requires_grad_() for k, a in weighting.parameters().items()
        }
        learned = type(weighting)(**(vars(weighting) | given))
        arrays = [torch.zeros(1, 2, N, width, dtype=dtype, requires_grad=True)
                  for _ in range(3)]  # fmt: skip
        modules, right = (sparse_launches, sparse_operators), sparse_launches.tiles_of
        for module in modules:
            module.tiles_of = lambda like, size: tiles
        try:
            out = attend(*arrays, weighting=learned, method="triton", **options)
            out.sum().backward()
        finally:
            for module in modules:
                module.tiles_of = right

    return call
