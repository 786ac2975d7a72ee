"""Linear attention and the modules, exported and compiled for inputs of any size."""

import pytest
import torch
from torch.export import Dim, export

from attention_lib import PositiveRandomFeatures, linear_attention
from attention_lib.nn import Attention, MultiHeadAttention

STRICT = [False]  # each way in which torch traces
RANDOM = PositiveRandomFeatures(torch.linspace(-1, 1, 15).reshape(5, 3))
every_map = pytest.mark.parametrize(
    "feature_map", ["elu_plus_one", RANDOM], ids=["elu_plus_one", "random"]
)


class Linear(torch.nn.Module):
    """Linear attention, causal and not, as one module, which is what torch exports."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, query, key, value):
        return [
            linear_attention(query, key, value, is_causal, **self.options)
            for is_causal in (False, True)
        ]


def three(n_batches, length=5, n_keys=7):
    return tuple(torch.randn(n_batches, 2, n, 3) for n in (length, n_keys, n_keys))


def export_for_any_batch(module, given, strict):
    """Export a module whose inputs all have batches first."""
    batches = {0: Dim("batches", min=2, max=64)}
    shapes = tuple(batches for _ in given)
    return export(module, given, dynamic_shapes=shapes, strict=strict).module()


@every_map
@pytest.mark.parametrize("strict", STRICT)
def test_linear_attention_is_exported_for_any_batch(feature_map, strict):
    module = Linear(feature_map=feature_map)
    exported = export_for_any_batch(module, three(4), strict)
    for n_batches in (4, 6):
        given = three(n_batches)
        torch.testing.assert_close(exported(*given), module(*given))


@pytest.mark.parametrize(("feature_map", "is_causal"), [("elu_plus_one", True)])
def test_linear_attention_is_compiled_whole_for_any_size(feature_map, is_causal):
    def decode(query, key, value, more):
        options = {"feature_map": feature_map, "return_state": True}
        _, state = linear_attention(query, key, value, is_causal, **options)
        return linear_attention(query, more, more, is_causal, state=state, **options)

    torch._dynamo.reset()
    whole = torch.compile(decode, backend="eager", fullgraph=True, dynamic=True)
    # One key more than queries would be a case of its own, which broadcasts; else no
    # size makes a second graph.
    for sizes, stance in [((4, 5, 7), "default"), ((6, 8, 11), "fail_on_recompile")]:
        given = three(*sizes)
        more = torch.randn_like(given[1])
        with torch.compiler.set_stance(stance):
            out, state = whole(*given, more)
        expected, sums = decode(*given, more)
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(state.products, sums.products)


def modules():
    """Give a module of each kind, and what makes its input from the batches."""

    def tokens(n_batches, length=5):
        return (torch.randn(n_batches, length, 12),)

    learned = {"weighting": "softmax1", "learned": ("offset",)}
    return {
        "softmax": (Attention(), three),
        "softmax1": (Attention(**learned, num_heads=2), three),
        "heads": (MultiHeadAttention(12, 3), tokens),
        "learned heads": (MultiHeadAttention(12, 3, num_kv_heads=1, **learned), tokens),
    }


@pytest.mark.parametrize("name", modules())
@pytest.mark.parametrize("strict", STRICT)
def test_modules_are_exported_for_any_batch(name, strict):
    module, made = modules()[name]
    exported = export_for_any_batch(module, made(4), strict)
    for n_batches in (4, 6):
        given = made(n_batches)
        torch.testing.assert_close(exported(*given), module(*given))
