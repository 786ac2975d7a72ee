"""The extremes of tensors: by hand, at the ends, and of nothing."""

import math

import pytest
import torch

from attention_lib.torch_backend.extremes import largest, within


def test_the_largest_size_may_be_below_zero():
    assert largest(torch.tensor([[1.0, -3.0], [2.0, 0.0]])) == 3
    assert largest(torch.tensor([1.0, -math.inf])) == math.inf
    assert largest(torch.tensor([1.0, math.nan])).isnan()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([-1.0, 2.0], True),  # the ends belong to it
        ([-1.5, 0.0], False),
        ([0.0, 2.5], False),
        ([0.0, math.nan], False),
        ([0.0, math.inf], False),
        ([], True),
    ],
)
def test_within_takes_the_ends_and_no_nan(numbers, expected, dtype):
    assert within(torch.tensor(numbers, dtype=dtype), -1, 2) is expected
