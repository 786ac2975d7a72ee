"""Attention as a module: the function, with parameters, dropout and a mode."""

import copy
import pickle

import pytest
import torch

from attention_lib import (
    Entmax,
    ScalableSoftmax,
    Sigmoid,
    Softmax,
    Softmax1,
    scaled_dot_product_attention,
)
from attention_lib.nn import Attention
from tests.in_rotation import WHOLE

RULES = {
    "temperature": Softmax,
    "offset": Softmax1,
    "scale": ScalableSoftmax,
    "bias": Sigmoid,
    "alpha": Entmax,
}
every_rule = pytest.mark.parametrize(("name", "rule"), RULES.items())


@pytest.fixture
def three(rng, device):
    sizes = [(5, 3), (7, 3), (7, 2)]
    return [torch.tensor(rng.normal(size=(2, 2, *s)), device=device) for s in sizes]


@pytest.mark.quick
def test_it_is_the_function(three):
    for options in ({}, {"scale": 0.3}, {"softcap": 0.5}, {"method": "dense"}):
        for weighting in ("softmax", "sigmoid", Entmax(1.2)):
            module = Attention(weighting, **options)
            mask = torch.ones(5, 7, dtype=torch.bool, device=three[0].device).tril(1)
            for masked in ({}, {"is_causal": True}, {"attn_mask": mask}):
                expected = scaled_dot_product_attention(
                    *three, **masked, **options, weighting=weighting
                )
                assert torch.equal(module(*three, **masked), expected)


def test_key_heads_can_be_shared(three):
    query, key, value = three
    query = torch.cat([query, 2 * query], 1)
    module = Attention("softmax1", learned=("offset",), num_heads=4, enable_gqa=True)
    alone = Attention("softmax1", learned=("offset",), num_heads=4).to(query)
    repeated = (a.repeat_interleave(2, 1) for a in (key, value))
    actual = module.to(query)(query, key, value)
    torch.testing.assert_close(actual, alone(query, *repeated))


@every_rule
@pytest.mark.parametrize("method", ["auto", "dense", "streaming"])
def test_each_head_has_its_own_parameter(name, rule, method, three):
    query, key, value = three
    module = Attention(rule(), learned=(name,), num_heads=2, method=method).to(query)
    (stored,) = module.parameters()
    with torch.no_grad():
        stored[1] += 0.3
    out = module(query, key, value)
    values = getattr(module.weighting, name)
    for head in range(2):
        alone = rule(values[head].item())
        expected = scaled_dot_product_attention(
            query[:, head], key[:, head], value[:, head], weighting=alone
        )
        torch.testing.assert_close(out[:, head], expected)
    out[:, 1].square().sum().backward()
    assert stored.grad[0] == 0
    assert stored.grad[1] != 0


@every_rule
def test_one_parameter_serves_all_heads_and_needs_none(name, rule, three):
    module = Attention(rule(), learned=(name,)).to(three[0])
    out = module(*three)
    torch.testing.assert_close(
        out, scaled_dot_product_attention(*three, weighting=rule())
    )
    torch.testing.assert_close(module(*(a[0, 0] for a in three)), out[0, 0])


@pytest.mark.parametrize("name", ["softmax", "entmax15"])
def test_weights_are_dropped_in_training_only(name, three):
    module, plain = Attention(name, dropout=0.5), Attention(name)
    dropped = module(*three)
    assert not torch.equal(dropped, plain(*three))
    assert not torch.equal(dropped, module(*three))
    assert torch.equal(module.eval()(*three), plain(*three))
    assert torch.equal(Attention(name, dropout=1.0)(*three), 0 * dropped)


@every_rule
def test_it_can_be_copied_saved_and_cast(name, rule, three):
    module = Attention(rule(), learned=(name,), num_heads=2).to(three[0])
    with torch.no_grad():
        next(module.parameters()).add_(0.2)
    expected = module(*three)
    fresh = Attention(rule(), learned=(name,), num_heads=2).to(three[0])
    fresh.load_state_dict(module.state_dict())
    for again in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), fresh):
        assert torch.equal(again(*three), expected)
    for dtype in (torch.float32, torch.bfloat16):
        out = module.to(dtype)(*(a.to(dtype) for a in three))
        assert out.dtype == dtype
        torch.testing.assert_close(out.double(), expected, rtol=0.05, atol=0.05)
    module.reset_parameters()
    assert getattr(module.weighting, name).eq(getattr(rule(), name)).all()


@pytest.mark.parametrize("name", ["temperature", "offset", "alpha"])
# torch looks at what comes out of one graph as it goes on with the next.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_it_compiles(name, three):
    rule = RULES[name]
    whole = rule is not Entmax  # a function of its own with forward mode: no graph
    # Of pieces by blocks there are fewer than of a matrix.
    options = {} if whole or WHOLE else {"method": "streaming"}
    module = Attention(rule(), learned=(name,), num_heads=2, **options).to(three[0])
    expected = module(*three, is_causal=True)
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=whole)
    torch.testing.assert_close(compiled(*three, is_causal=True), expected)


@every_rule
def test_it_works_under_autocast(name, rule, three):
    module = Attention(rule(), learned=(name,), num_heads=2).to(three[0].device)
    given = [a.float() for a in three]
    with torch.autocast(given[0].device.type, dtype=torch.bfloat16):
        out = module(*given)
        half = module(*(a.bfloat16() for a in given))
    assert out.dtype == torch.float32
    assert half.dtype == torch.bfloat16
    for actual in (out, half.float()):
        torch.testing.assert_close(actual, module(*given), rtol=0.05, atol=0.05)


def test_what_does_not_fit_is_refused(three):
    for dropout in (-0.1, 1.1):
        with pytest.raises(ValueError, match="dropout must lie between 0 and 1; got"):
            Attention(dropout=dropout)
    with pytest.raises(TypeError, match="enable_gqa must be True or False; got 'no'"):
        Attention(enable_gqa="no")
    with pytest.raises(ValueError, match="method must be one of"):
        Attention(method="fast")(*three)
    with pytest.raises(ValueError, match="offset of shape"):
        Attention("softmax1", learned=("offset",), num_heads=3).to(three[0])(*three)


def test_it_says_what_it_is():
    module = Attention("softmax1", scale=0.5, dropout=0.1, method="dense")
    lines = repr(module).splitlines()
    assert lines[1].strip() == "scale=0.5, dropout=0.1, method='dense'"
    assert lines[2].strip() == "(rule): LearnedWeighting(Softmax1(offset=0.0))"
