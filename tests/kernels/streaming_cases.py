"""What the tests of streaming attention share: weightings, arrays, masks, an oracle."""

import numpy as np
import pytest
import torch

from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import streaming
from attention_lib.weightings import get_weighting
from tests.kernels.quick_interpreter import quicken
from tests.weightings.every import CASES

quicken()

SERVED = [
    case
    for case in CASES
    if case.make is not None
    and (stream := case.make(**case.drawn(np.random.default_rng(0), ())).stream(2))
    and streaming._family(stream) is not None
]
ONE_OF_EACH = [
    case
    for i, case in enumerate(SERVED)
    if case.name not in [before.name for before in SERVED[:i]]
]
every_case = pytest.mark.parametrize("case", SERVED, ids=str)
one_of_each = pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
LENGTH, KEYS, WIDTH, WIDTH_OF_VALUES = 7, 19, 5, 3  # a tile by two
LONG = {"length": 19, "n_keys": 23}  # two tiles by two


def three(rng, heads=1, kv_heads=None, length=LENGTH, n_keys=KEYS, width=WIDTH,
          width_of_values=WIDTH_OF_VALUES, dtype=torch.float32):  # fmt: skip
    """Give query, key and value that require gradients."""
    kv_heads = kv_heads or heads
    shapes = (heads, length, width), (kv_heads, n_keys, width)
    shapes = (*shapes, (kv_heads, n_keys, width_of_values))
    return [
        torch.tensor(rng.normal(size=shape)).to(dtype).requires_grad_()
        for shape in shapes
    ]


def mask_of(kind, rng, length=LENGTH, n_keys=KEYS):
    """Give the options of a mask, in which the third query sees no key."""
    where = torch.tensor(rng.random((length, n_keys)) < 0.6)
    where[2 % length] = False
    bias = torch.tensor(rng.normal(size=(length, n_keys))).float()
    return {
        "no mask": {},
        "bool": {"attn_mask": where},
        "additive": {"attn_mask": bias.masked_fill(~where, -torch.inf)},
        "causal": {"is_causal": True},
        "causal and bool": {"attn_mask": where, "is_causal": True},
        "causal and additive": {
            "attn_mask": bias.masked_fill(~where, -torch.inf),
            "is_causal": True,
        },
        "padding": {"attn_mask": torch.arange(n_keys) < 9},
        "window": {
            "attn_mask": (
                torch.arange(length)[:, None] - torch.arange(n_keys) + 3
            ).abs()
            < 3
        },
    }[kind]


def weighting_of(case, rng, rows=()):
    """Give a case's weighting in float32, and its parameters that are tensors."""
    params = case.drawn(rng, rows, lambda a: torch.tensor(a).float().requires_grad_())
    learned = [a for a in params.values() if isinstance(a, torch.Tensor)]
    return case.make(**params), learned


def in_double(weighting, learned):
    """Give the same weighting with parameters in float64, and these."""
    weighting = get_weighting(weighting)
    wide = [a.detach().double().requires_grad_() for a in learned]
    names = weighting.parameters()
    twin = dict(zip(names, wide, strict=True))
    fields = {name: getattr(weighting, name) for name in _fields(weighting)}
    return type(weighting)(**fields | twin), wide


def _fields(weighting):
    return getattr(weighting, "__dataclass_fields__", {})


def outcome(given, weighting, learned=(), **options):
    """Give output and gradients, of what a fixed sum of the output pulls at."""
    out = attend(*given, weighting=weighting, **options)
    pull = torch.linspace(-1, 1, out.numel()).reshape(out.shape).to(out)
    slopes = torch.autograd.grad(
        out, [*given, *learned], pull, materialize_grads=True, allow_unused=True
    )
    return out, *slopes


def exact(given, weighting, learned=(), **options):
    """Give the same by the eager engine's one matrix, in float64."""
    wide = [a.detach().double().requires_grad_() for a in given]
    weighting, learned = in_double(weighting, learned)
    mask = options.get("attn_mask")
    if mask is not None and mask.is_floating_point():
        options["attn_mask"] = mask.double()
    return outcome(wide, weighting, learned, **options | {"method": "dense"})


def same(actual, expected, error=2e-6):
    """Compare each of some tensors with its exact twin, relative to the largest."""
    for ours, theirs in zip(actual, expected, strict=True):
        size = theirs.abs().nan_to_num().amax().item() if theirs.numel() else 0
        torch.testing.assert_close(
            ours.double(), theirs.double(), rtol=error, atol=error * max(size, 0.1),
            equal_nan=True,
        )  # fmt: skip


def both(given, weighting, learned=(), error=2e-6, **options):
    """Compare the kernel's output and gradients with the exact ones."""
    actual = outcome(given, weighting, learned, method="triton", **options)
    same(actual, exact(given, weighting, learned, **options), error)
    return actual
