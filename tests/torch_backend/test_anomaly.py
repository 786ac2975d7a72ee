"""Torch's search for NaN on the way back finds none where nothing takes part."""

import pytest
import torch

import attention_lib as al
from attention_lib.torch_backend import general as in_torch
from tests.anomaly import every_step_searched
from tests.in_turn import in_turn
from tests.weightings.every import CASES

WHERE = torch.tensor([[True, False, True], [False] * 3, [True] * 3])
OBJECTS = [case for case in CASES if case.make is not None]
PLAIN = [case for case in OBJECTS if case.name not in ("hardmax", "top_k_softmax")]
LOGS = {
    "log_softmax": lambda x: al.log_softmax(x, where=WHERE)[WHERE],
    "logsumexp": lambda x: al.logsumexp(x, where=WHERE)[WHERE.any(-1)],
}


def search(call, shape=(3, 3)):
    """Go back through a call while torch looks at every gradient on the way."""
    seeded = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=seeded).requires_grad_()
    with every_step_searched():
        call(x).sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad[..., 1, :] == 0).all()


@pytest.mark.parametrize("name", LOGS)
def test_logarithms_of_rows_in_which_nothing_takes_part_give_no_nan(name):
    search(LOGS[name])


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_rows_in_which_nothing_takes_part_give_no_nan(case):
    search(lambda x: case.make()(x, where=WHERE))


@pytest.mark.parametrize("case", PLAIN, ids=str)
@in_turn("method", ["dense", "streaming", "auto"])
def test_queries_that_see_no_key_give_no_nan(case, method, monkeypatch):
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)
    still = torch.linspace(-1, 1, 9).reshape(1, 3, 3)
    options = {"weighting": case.make(), "method": method}

    def call(x, mask):
        return al.scaled_dot_product_attention(x, still, still, mask, **options)

    search(lambda x: call(x, WHERE), (1, 3, 3))
    bias = torch.zeros(3, 3).masked_fill(~WHERE, -torch.inf)
    search(lambda x: call(x, bias), (1, 3, 3))
