"""Which calls launch every kernel, with every entry of the tables of launches."""

import torch

import attention_lib as al
from attention_lib.torch_backend import rows
from tools import sparse_plan, streaming_plan

__all__ = ["PARTS"]

HALF, WHOLE = torch.bfloat16, torch.float32
SHAPES = ((4096, WHOLE, True), (40_000, HALF, False))  # of every weighting
# Of one of each sort, every entry of the table of launches.
LENGTHS = [(n, t, False) for n in (64, 1024, 8192, 32_768) for t in (HALF, WHOLE)]
A_ROW = torch.linspace(1.25, 1.75, 8)[:, None]
ROWS = (
    al.Softmax(),
    al.Softmax(A_ROW),
    al.Softmax1(A_ROW),
    al.ScalableSoftmax(),
    al.Softpick(),
    al.NormalizedSigmoid(A_ROW),
    al.NormalizedTanh(),
    al.NormalizedReLU(2, 0.1),
    al.Sigmoid(A_ROW),
    al.ReLU(2.5, mean=True),
    al.Sparsemax(),
    al.Entmax(1.5),
    al.Entmax(1.25),
    al.Entmax(A_ROW),
)


def _rows():
    """Call each weighting of rows forward and backward."""
    for weighting in ROWS:
        one_of_a_sort = weighting in (ROWS[0], ROWS[4], ROWS[11])
        for n, dtype, masked in (*SHAPES, *(LENGTHS if one_of_a_sort else ())):
            label = f"{_name(weighting)} {n} {str(dtype)[6:]}{' masked' * masked}"
            yield label, _row(weighting, n, dtype, masked)


def _row(weighting, n, dtype, masked):
    def call():
        x = torch.zeros(8, n, dtype=dtype, requires_grad=True)
        where = torch.ones(8, n, dtype=torch.bool) if masked else None
        given = {
            k: a.clone().requires_grad_() for k, a in weighting.parameters().items()
        }
        learned = type(weighting)(**(vars(weighting) | given))
        rows.by_kernel(learned, x, where).sum().backward()

    return call


def _name(weighting):
    given = [
        "one a row" if isinstance(v, torch.Tensor) else str(v)
        for v in vars(weighting).values()
    ]
    return f"{type(weighting).__name__}({', '.join(given)})"


PARTS = {
    "rows": _rows,
    "streaming": streaming_plan.calls,
    "sparse": sparse_plan.calls,
}
