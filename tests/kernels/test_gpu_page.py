"""The page on GPUs says of each weighting which way it takes, and says what is so."""

import re
from pathlib import Path

import pytest
import torch

from attention_lib import _call
from attention_lib.torch_backend.attention import WAYS
from attention_lib.torch_backend.by_kernel import ByKernel
from attention_lib.torch_backend.kernels import rows
from attention_lib.weightings import REGISTRY
from tests.user_weightings import Squares

PAGE = Path(__file__).parents[2] / "api" / "gpu.md"
ROW = re.compile(r"^\| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
TABLE = {name: said for name, *said in ROW.findall(PAGE.read_text("utf-8"))[2:]}
EXAMPLES = [(entry, params) for entry in REGISTRY for params in entry.examples]


def row_of(weighting):
    """Name the row of the table in which a weighting stands."""
    name = f"`{type(weighting).__name__}`"
    alpha = getattr(weighting, "alpha", None)
    if alpha is None or name in TABLE:
        return name
    known = bool(torch.as_tensor((alpha > 1) & (alpha <= 2)).all())
    return f"{name} with {'1 < alpha ≤ 2' if known else 'another alpha'}"


def made(entry, params):
    """Make a weighting; a parameter that may be an array is one number a head."""
    several = {
        name: torch.full((2, 1, 1), 1.5) if hasattr(value, "low") else value
        for name, value in params.items()
    }
    return entry.make(**several)


def ways_of(weighting):
    """Name the kernels that take a call, and tell whether one weighs its rows."""
    query = torch.ones(1, 2, 4, 8)
    plain = (None, False, None, False, None)
    call = _call.attention(query, query, query, *plain, weighting, method="triton")
    stream = weighting.stream(4 if weighting.uses_n else None)
    kernels = [way for way in WAYS if isinstance(way, ByKernel)]
    taking = [way.name for way in kernels if way.refuses(call, stream) is None]
    scores = query @ query.mT
    weighed = stream is not None and rows.weigh(stream, scores, None) is not None
    return taking, weighed


@pytest.mark.parametrize(
    ("entry", "params"), EXAMPLES, ids=lambda x: getattr(x, "name", "")
)
def test_each_weighting_takes_the_way_that_the_page_says(entry, params):
    weighting = made(entry, params)
    attention, of_rows = TABLE[row_of(weighting)]
    taking, weighed = ways_of(weighting)
    if params.get("alpha") == 1:
        assert weighed  # by softmax's kernel, which the page need not say
        return
    assert taking == [k for k in ("streaming", "sparse") if k in attention]
    assert weighed == (of_rows == "kernel")


def test_one_of_your_own_takes_the_eager_way():
    assert TABLE["one of your own"] == ["eager", "eager"]
    assert ways_of(Squares()) == ([], False)


def test_no_row_is_of_nothing():
    of_all = {row_of(made(entry, params)) for entry, params in EXAMPLES}
    assert set(TABLE) == of_all | {"one of your own"}
