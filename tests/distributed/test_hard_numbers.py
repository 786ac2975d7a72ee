"""Large scores, equal ones and those that overflow: as on one process, in float32."""

import pytest
import torch

from attention_lib import Softmax, scaled_dot_product_attention

FUNCTIONS = ["ring", "tree"]
CUTS = [slice(0, 4), slice(4, 12)]


def shards(query, key, value):
    """Cut keys and values unevenly; each process asks the same."""
    return [[query, key[cut], value[cut]] for cut in CUTS]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [1.0, 300.0, 3000.0])
@pytest.mark.parametrize("name", ["softmax", "softmax1", "sparsemax", "entmax15"])
def test_equal_keys_get_the_mean(two, function, dtype, size, name):
    query, key = (torch.full((n, 1), size).to(dtype) for n in (2, 12))
    value = torch.arange(12.0)[:, None].to(dtype)
    options = {"weighting": name, "scale": 1.0}
    wanted = scaled_dot_product_attention(query, key, value, **options)
    for (out,) in two.run("attention", function, shards(query, key, value), options):
        torch.testing.assert_close(out, wanted)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("weighting", ["softmax", "softmax1"])
def test_scores_that_overflow_downwards_are_absent(two, function, weighting):
    query = torch.full((1, 1), 1e20)
    key = torch.tensor([-1e20] * 5 + [1e-20, 2e-20] + [-1e20] * 5)[:, None]
    value = torch.arange(12.0)[:, None]
    options = {"weighting": weighting, "scale": 1.0}
    wanted = scaled_dot_product_attention(query, key, value, method="dense", **options)
    assert wanted.isfinite().all()
    for (out,) in two.run("attention", function, shards(query, key, value), options):
        torch.testing.assert_close(out, wanted)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("temperature", [1e-2, 1e-4, 1e-5])
def test_cold_softmax_shares_among_equal_keys(two, function, temperature):
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(3, 4, generator=draw)
    key = torch.randn(3, 4, generator=draw).repeat(4, 1)
    value = torch.randn(12, 4, generator=draw)
    options = {"weighting": Softmax(temperature)}
    exact = (query.double(), key.double(), value.double())
    wanted = scaled_dot_product_attention(*exact, **options).float()
    for (out,) in two.run("attention", function, shards(query, key, value), options):
        torch.testing.assert_close(out, wanted, atol=1e-5, rtol=1e-5)
