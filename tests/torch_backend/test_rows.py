"""Rows so long that torch's sum is mended are differentiated as short ones are."""

import pytest
import torch
from torch.func import jvp, vmap

import attention_lib as al
from attention_lib.torch_backend import rows
from tests.derivatives import gradcheck, gradgradcheck


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own
@pytest.mark.parametrize("axis", [0, 1])
def test_mended_rows_have_softmax_s_derivatives(axis, monkeypatch):
    seeded = torch.Generator().manual_seed(0)
    x = torch.randn(5, 4, generator=seeded, dtype=torch.float64).requires_grad_()

    def weigh(x):
        return al.softmax(x, axis)

    plain = weigh(x), jvp(weigh, (x,), (x,))[1]
    monkeypatch.setattr(rows, "LONG", 3)
    mended = weigh(x), jvp(weigh, (x,), (x,))[1]
    torch.testing.assert_close(mended, plain)
    assert gradcheck(weigh, x, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(weigh, x)
    each = vmap(lambda row: al.softmax(row, 0))(x if axis else x.T)
    torch.testing.assert_close(each if axis else each.T, plain[0])
    whole = torch.compile(weigh, backend="eager", fullgraph=True)(x)
    torch.testing.assert_close(whole, plain[0])
