"""Modules made without memory: shapes at once, and the values once there is room."""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from attention_lib import Entmax, ScalableSoftmax, Sigmoid, Softmax, Softmax1
from attention_lib.nn import Attention, LearnedWeighting, MultiHeadAttention

LEARNED = {
    "temperature": Softmax(0.7),
    "alpha": Entmax(1.3),
    "offset": Softmax1(-0.4),
    "scale": ScalableSoftmax(0.9),
    "bias": Sigmoid(0.2),
}
every_one = pytest.mark.parametrize(("name", "weighting"), LEARNED.items(), ids=LEARNED)
OFFSETS = np.array([[[0.5]], [[-0.5]], [[1.5]]])


def emptied(module):
    """Give memory to a module, with numbers that mean nothing."""
    module = module.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.fill_(torch.nan)
    return module


def same_numbers(module, other):
    """Refuse two modules of which a tensor differs."""
    pairs = [m.state_dict() for m in (module, other)]
    assert pairs[0]
    assert pairs[0].keys() == pairs[1].keys()
    for name, tensor in pairs[0].items():
        assert torch.equal(tensor, pairs[1][name]), name


@every_one
@pytest.mark.parametrize("num_heads", [None, 3])
def test_learned_parameters_start_where_they_would_have(name, weighting, num_heads):
    options = {"learned": (name,), "num_heads": num_heads}
    with torch.device("meta"):
        module = LearnedWeighting(weighting, **options)
    assert all(p.is_meta for p in module.parameters())
    assert getattr(module.weighting, name).is_meta
    for default in ("cpu", "meta"):
        module = emptied(module)
        with torch.device(default):
            module.reset_parameters()
        same_numbers(module, LearnedWeighting(weighting, **options))


def test_a_wrong_start_is_refused_without_memory_too():
    with torch.device("meta"), pytest.raises(ValueError, match="start at a finite num"):
        LearnedWeighting(Softmax1(-np.inf), learned=("offset",))


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize(
    "offset",
    [OFFSETS, torch.tensor(OFFSETS), torch.tensor(0.5)],
    ids=["NumPy", "torch", "one"],
)
def test_fixed_parameters_come_back(moved, offset):
    if moved:  # made where there is memory, and sent away
        module = Attention(Softmax1(offset)).to("meta")
    else:
        with torch.device("meta"):
            module = Attention(Softmax1(offset))
    module = emptied(module)
    module.reset_parameters()
    assert torch.equal(module.weighting.offset, torch.as_tensor(offset))
    same_numbers(module, Attention(Softmax1(offset)))


def test_fixed_parameters_stay_as_they_were_given():
    given = torch.zeros(3, 1, 1)
    module = LearnedWeighting(Softmax1(given))
    given.fill_(7.0)
    module.reset_parameters()
    assert (module.weighting.offset == 0).all()


def test_every_fixed_tensor_moves_with_the_module():
    for offset in (torch.zeros(3, 1, 1), torch.zeros(())):
        module = Attention(Softmax1(offset)).double()
        assert module.weighting.offset.dtype == torch.float64
        assert module.to("meta").weighting.offset.is_meta


def test_multi_head_attention_is_drawn_as_it_would_have_been():
    options = {"weighting": Softmax1(OFFSETS), "num_kv_heads": 1}
    expected = MultiHeadAttention(12, 3, **options)
    with torch.device("meta"):
        module = MultiHeadAttention(12, 3, **options)
    assert all(tensor.is_meta for tensor in module.state_dict().values())
    module = emptied(module)
    for one in (module, expected):
        torch.manual_seed(0)
        one.reset_parameters()
    same_numbers(module, expected)


@pytest.mark.parametrize("name", ["offset", "scale", "bias"])
def test_shapes_are_known_without_memory(name):
    options = {"learned": (name,), "num_heads": 3}
    with torch.device("meta"):
        rule = LearnedWeighting(LEARNED[name], **options)
        module = MultiHeadAttention(12, 3, weighting=LEARNED[name], learned=(name,))
        scores, x = torch.empty(2, 3, 5, 7), torch.empty(2, 5, 12)
        assert rule(scores).shape == scores.shape
        assert module(x, is_causal=True).shape == x.shape
    with FakeTensorMode():
        rule = LearnedWeighting(LEARNED[name], **options)
        assert rule(torch.empty(2, 3, 5, 7)).shape == scores.shape


def test_a_start_without_numbers_cannot_come_back():
    with torch.device("meta"):
        module = LearnedWeighting(Softmax1(torch.zeros(3, 1, 1)), learned=("offset",))
    module = emptied(module)
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        module.reset_parameters()
