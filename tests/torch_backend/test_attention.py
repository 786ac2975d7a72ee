"""What torch's attention chooses: its own kernel where that is right."""

import pytest
import torch

from attention_lib import (
    Entmax,
    NormalizedSigmoid,
    Sigmoid,
    Softmax,
    Softmax1,
    scaled_dot_product_attention,
)
from attention_lib.torch_backend import attention as in_torch
from tests.user_weightings import OffByOne

LOWEST = torch.finfo(torch.float32).min


@pytest.fixture
def taken(monkeypatch):
    """Note which methods are used."""
    names = []
    for name in ("by_sdpa", "_dense", "by_blocks", "_streaming"):
        original = getattr(in_torch, name)

        def noted(*args, name=name, original=original):
            out = original(*args)
            if out is not None:  # blocks leave to the general way what they cannot do
                names.append(name)
            return out

        monkeypatch.setattr(in_torch, name, noted)
    return names


def three(n_keys=7, d_value=4, dtype=torch.float32):
    seeded = torch.Generator().manual_seed(0)
    shapes = [(2, 5, 4), (2, n_keys, 4), (2, n_keys, d_value)]
    return [torch.randn(s, generator=seeded).to(dtype) for s in shapes]


@pytest.fixture
def large(monkeypatch):
    """Make every call too large for one matrix."""
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"attn_mask": torch.ones(5, 7, dtype=torch.bool)},
        {"attn_mask": torch.zeros(5, 7), "is_causal": True},
        {"weighting": Softmax(0.3)},
        {"weighting": Softmax(torch.tensor([[[0.5]], [[2.0]]]))},
        {"weighting": "scalable_softmax"},
        {"weighting": Softmax1(torch.tensor([[[-torch.inf]], [[2.0]]]))},
        {"scale": 2.0},
        {"dropout_p": 0.5},
    ],
)
def test_softmax_is_left_to_torch_s_kernel(options, large, taken):
    scaled_dot_product_attention(*three(), **options)
    assert taken == ["by_sdpa"]


@pytest.mark.parametrize(
    "options",
    [
        {"softcap": 2.0},
        {"weighting": Softmax(torch.full((2, 1, 1), 1e-7))},
        {"weighting": Softmax(1e-7)},
        {"weighting": OffByOne()},
        {"weighting": Entmax(3)},
        {"weighting": Entmax(torch.full((2, 1, 1), 1.5))},
        {"weighting": "hardmax"},
        {"weighting": "sigmoid", "attn_mask": torch.zeros(5, 7)},
        {"weighting": Softmax1(torch.inf), "attn_mask": torch.zeros(5, 7)},
        {"weighting": "normalized_sigmoid", "scale": 60.0},
        {"weighting": "normalized_relu", "scale": 1e-32},
        {"weighting": "sparsemax", "scale": 2.0**10},
        {"weighting": "entmax15", "attn_mask": torch.full((5, 7), -1e9)},
        {"weighting": Entmax(1.2), "attn_mask": torch.full((5, 7), LOWEST)},
    ],
)
def test_what_blocks_cannot_do_is_streamed(options, large, taken, monkeypatch):
    scaled_dot_product_attention(*three(), **options)
    assert taken == ["_streaming"]
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 2 * 5 * 7)
    scaled_dot_product_attention(*three(), **options)
    assert taken == ["_streaming", "_dense"]


@pytest.mark.parametrize(
    "options",
    [
        {"rng": torch.Generator()},
        {"weighting": "softmax1", "attn_mask": torch.ones(5, 7, dtype=torch.bool)},
        {"weighting": "softmax1", "attn_mask": torch.zeros(5, 7)},
        {"weighting": "sparsemax"},
        {"weighting": Entmax(1.25), "attn_mask": torch.zeros(5, 7)},
        {"weighting": "entmax15", "attn_mask": LOWEST * torch.eye(5, 7)},
        {"weighting": "entmax15", "attn_mask": torch.full((5, 7), -torch.inf)},
        {"weighting": "softpick", "is_causal": True},
        {"weighting": NormalizedSigmoid(torch.ones(2, 1, 1))},
        {"weighting": "normalized_tanh"},
        {"weighting": "relu_mean", "is_causal": True},
        {"weighting": Sigmoid("-log n"), "attn_mask": torch.ones(7).bool()},
    ],
)
def test_other_weightings_are_taken_by_blocks(options, large, taken):
    scaled_dot_product_attention(*three(), **options)
    assert taken == ["by_blocks"]


def test_values_of_another_width_are_streamed_where_no_kernel_is_fused(large, taken):
    scaled_dot_product_attention(*three(d_value=3))
    assert taken == ["by_blocks"]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
@pytest.mark.parametrize("method", ["auto", "sdpa"])
def test_the_kernel_is_given_numbers_only(place, poison, method, large, taken):
    given = three()
    given[place][0, 1, 2] = poison
    scaled_dot_product_attention(*given, method=method)
    assert taken == ["_streaming"]


def test_numbers_whose_sum_overflows_are_numbers(taken):
    given = three(dtype=torch.float16)
    given[2] += 6e4
    out = scaled_dot_product_attention(*given)
    assert taken == ["by_sdpa"]
    assert out.isfinite().all()


def test_a_wider_mask_than_the_query_is_not_narrowed(large, taken):
    given = three(dtype=torch.float16)
    scaled_dot_product_attention(*given, torch.zeros(5, 7))
    assert taken == ["by_blocks"]
    scaled_dot_product_attention(*given, torch.zeros(5, 7, dtype=torch.float16))
    assert taken == ["by_blocks", "by_sdpa"]


def test_transforms_are_dense(large, taken):
    query, key, value = three()
    torch.vmap(scaled_dot_product_attention)(query, key, value)
    torch.func.grad(lambda q: scaled_dot_product_attention(q, key, value).sum())(query)
    torch.func.grad(lambda v: scaled_dot_product_attention(query, key, v).sum())(value)
    assert taken == 3 * ["_dense"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_call_gives_the_same(large, taken):
    query, key, value = three()
    compiled = torch.compile(scaled_dot_product_attention, backend="eager")
    torch.testing.assert_close(
        compiled(query, key, value, is_causal=True),
        scaled_dot_product_attention(query, key, value, is_causal=True),
    )
    assert set(taken) == {"by_sdpa"}
