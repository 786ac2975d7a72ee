"""What attention refuses, before any work, and what it says."""

import re

import numpy as np
import pytest
import torch

from attention_lib import Softmax, scaled_dot_product_attention
from tests.engines import ENGINES

NAN, INF = np.nan, np.inf


def refusals():
    """Yield the arguments, the options, the error and a part of its message."""
    q, k, v = np.ones((2, 5, 3)), np.ones((2, 7, 3)), np.ones((2, 7, 4))
    m = np.ones((5, 7), bool)
    yield (q, k, v[:, :3]), {}, ValueError, "key and value lengths differ: 7 and 3"
    yield (
        (q, k[:, :5], v[:, :3]),
        {},
        ValueError,
        "key and value lengths differ: 5 and 3",
    )
    yield (
        (q, k[..., :2], v),
        {},
        ValueError,
        "query and key feature sizes differ: 3 and 2",
    )
    yield (q[0, 0], k, v), {}, ValueError, "query needs at least the axes (length, feat"
    yield (q, k, v[0, 0]), {}, ValueError, "value needs at least the axes"
    yield (
        (np.ones((3, 5, 3)), k, v),
        {},
        ValueError,
        "the leading axes of query, key, value do not broadcast",
    )
    yield (np.ones((6, 5, 3)), k, v), {}, ValueError, "enable_gqa=True shares key heads"
    gqa = {"enable_gqa": True}
    three_heads = np.ones((3, 5, 3))
    yield (
        (three_heads, k, v),
        gqa,
        ValueError,
        "3 query heads are not a multiple of 2 key heads",
    )
    yield (q, k, v[:1]), gqa, ValueError, "key and value heads differ: 2 and 1"
    yield (q[0], k[0], v[0]), gqa, ValueError, "the axes (heads, length, features)"
    yield (q, k, v, m[:, :5]), {}, ValueError, "attn_mask of shape (5, 5) does not"
    yield (
        (q, k, v, np.ones((3, 5, 7), bool)),
        {},
        ValueError,
        "does not broadcast to the scores, (2, 5, 7)",
    )
    yield (q, k, v, m.astype(int)), {}, TypeError, "attn_mask must be bool or"
    yield (
        (q, k, v, m.astype(np.float32)),
        {},
        TypeError,
        "attn_mask must be bool or",
    )
    yield (q > 0, k, v), {}, TypeError, "query must hold real numbers; got dtype"
    yield (q, k + 0j, v), {}, TypeError, "key must hold real numbers; got dtype"
    yield (q, k, v.astype(np.float32)), {}, TypeError, "pass all arrays in one dtype: "
    options = [
        ({"scale": INF}, ValueError, "scale must be finite; got inf"),
        ({"scale": "big"}, TypeError, "scale must be a number; got a str"),
        ({"softcap": 0}, ValueError, "softcap must be positive"),
        ({"softcap": NAN}, ValueError, "softcap must be finite; got nan"),
        ({"method": "fast"}, ValueError, "method must be one of auto, dense, stream"),
        ({"dropout_p": 1.5}, ValueError, "dropout_p must lie between 0 and 1; got 1.5"),
        ({"dropout_p": -0.1}, ValueError, "dropout_p must lie between 0 and 1"),
        (
            {"dropout_p": 0.5, "method": "streaming"},
            ValueError,
            "dropout_p needs method 'dense' or 'sdpa'; got 'streaming'",
        ),
        (
            {"dropout_p": 0.5, "method": "triton"},
            ValueError,
            "dropout_p needs method 'dense' or 'sdpa'; got 'triton'",
        ),
        ({"method": "triton"}, ValueError, "method 'triton' is unavailable: "),
        ({"weighting": "sofmax"}, ValueError, "unknown weighting 'sofmax'; known are"),
        ({"weighting": Softmax}, TypeError, "weighting must be a name or a Weighting"),
    ]
    for option, error, message in options:
        yield (q, k, v), option, error, message


@pytest.mark.quick
@pytest.mark.parametrize("engine", ENGINES, ids=str)
@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [pytest.param(*case, id=case[-1]) for case in refusals()],
)
def test_what_does_not_fit_is_refused(engine, given, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        scaled_dot_product_attention(*map(engine.array, given), **options)


def test_the_lengths_of_key_and_value_are_named_exactly(engine):
    given = [engine.array(np.ones((n, 2))) for n in (4, 5, 3)]
    with pytest.raises(ValueError, match=r"^key and value lengths differ: 5 and 3$"):
        scaled_dot_product_attention(*given)


def test_a_mixture_of_libraries_is_refused():
    one, other = np.ones((2, 3)), torch.ones(2, 3, dtype=torch.float64)
    message = "query is a NumPy array, key is a torch Tensor, value is a NumPy array"
    with pytest.raises(TypeError, match=message):
        scaled_dot_product_attention(one, other, one)
    with pytest.raises(TypeError, match="attn_mask is a NumPy array"):
        scaled_dot_product_attention(other, other, other, np.ones((2, 2), bool))
    weighting = Softmax(torch.ones(1))
    with pytest.raises(TypeError, match="temperature is a torch Tensor"):
        scaled_dot_product_attention(one, one, one, weighting=weighting)


def test_tensors_on_two_devices_are_refused():
    here, there = torch.ones(2, 3), torch.ones(2, 3, device="meta")
    with pytest.raises(ValueError, match="query on cpu, key on meta, value on cpu"):
        scaled_dot_product_attention(here, there, here)


def test_sdpa_says_why_it_is_unavailable(rng):
    one = np.ones((2, 3))
    with pytest.raises(ValueError, match="'sdpa' is unavailable: it is torch's; got N"):
        scaled_dot_product_attention(one, one, one, method="sdpa")
    given = [torch.ones(2, 3)] * 3
    for options, reason in [
        ({"softcap": 2.0}, "softcap is set"),
        ({"rng": torch.Generator()}, "it draws from torch's global generator; got rng"),
        (
            {"weighting": "sigmoid"},
            "it takes softmax of a multiple of the scores; got Sigmoid",
        ),
        (
            {"weighting": "softmax1", "attn_mask": torch.ones(2) > 0},
            "Softmax1 takes no mask and no dropout there",
        ),
        (
            {"weighting": "scalable_softmax", "attn_mask": torch.ones(2)},
            "it takes softmax of a multiple of the scores; got ScalableSoftmax",
        ),
    ]:
        with pytest.raises(ValueError, match=f"'sdpa' is unavailable: .*{reason}"):
            scaled_dot_product_attention(*given, method="sdpa", **options)
    half = [torch.ones(2, 3, dtype=torch.float16)] * 3
    with pytest.raises(ValueError, match=r"attn_mask is torch.float32; got a query of"):
        scaled_dot_product_attention(*half, torch.zeros(2, 2), method="sdpa")
