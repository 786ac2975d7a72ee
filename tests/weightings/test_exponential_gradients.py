"""Derivatives of softmax and its logarithm in torch: every mode, and the edges."""

import pytest
import torch

from attention_lib import Softmax, jacobian, log_softmax, logsumexp, softmax
from tests.derivatives import gradcheck, gradgradcheck

# torch itself calls this when forward mode is used for the first time.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

ROW_RULES = [softmax, log_softmax, logsumexp]
every_rule = pytest.mark.parametrize("rule", ROW_RULES)


@pytest.fixture
def scores(rng, device):
    return torch.tensor(rng.normal(size=(3, 5)), device=device, requires_grad=True)


@pytest.fixture
def where(scores):
    mask = torch.rand(3, 5, generator=torch.Generator().manual_seed(0)) < 0.6
    mask[0], mask[1] = True, False
    return mask.to(scores.device)


@every_rule
@pytest.mark.parametrize("axis", [0, -1])
def test_first_and_second_derivatives(rule, axis, scores):
    assert gradcheck(lambda x: rule(x, axis), scores, check_forward_ad=True)
    assert gradgradcheck(lambda x: rule(x, axis), scores, check_fwd_over_rev=True)


@every_rule
def test_derivatives_where_some_keys_take_part(rule, scores, where):
    def kept(x):
        out = rule(x, where=where)
        return out.masked_fill(out == -torch.inf, 0)

    assert gradcheck(kept, scores, check_forward_ad=True)
    assert gradgradcheck(kept, scores, check_fwd_over_rev=True)


@pytest.mark.parametrize("rule", [softmax, log_softmax])
@pytest.mark.parametrize("shape", [(), (1,), (3, 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_derivatives_with_a_temperature(rule, shape, masked, scores, where):
    temperature = torch.full(shape, 0.7, dtype=torch.float64, device=scores.device)
    temperature.requires_grad_()

    def warm(x, t):
        out = rule(x, where=where if masked else None, temperature=t)
        return out.masked_fill(out == -torch.inf, 0)

    assert gradcheck(warm, (scores, temperature), check_forward_ad=True)
    assert gradgradcheck(warm, (scores, temperature))


@every_rule
@pytest.mark.parametrize("poison", [0.0, torch.nan, torch.inf, -torch.inf])
def test_rows_without_keys_and_masked_keys_get_no_gradient(rule, poison, scores, where):
    with torch.no_grad():
        scores[~where] = poison
    out = rule(scores, where=where)
    out.masked_fill(out == -torch.inf, 0).square().sum().backward()
    assert (scores.grad[~where] == 0).all()
    assert scores.grad.isfinite().all()
    assert scores.grad[0].abs().max() > 0


def test_masked_keys_do_not_spoil_the_gradient_of_a_temperature(scores, where):
    temperature = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    for poison in (0.0, torch.nan, torch.inf):
        with torch.no_grad():
            scores[~where] = poison
        weights = softmax(scores, where=where, temperature=temperature)
        (slope,) = torch.autograd.grad(weights.square().sum(), temperature)
        assert slope.isfinite()
        assert slope != 0


def test_no_nan_appears_on_the_way_back(scores, where):
    loss = softmax(scores, where=where).square().sum()
    steps, seen = [loss.grad_fn], []
    while steps:
        step = steps.pop()
        step.register_hook(lambda ins, _: seen.extend(ins))
        steps += [deeper for deeper, _ in step.next_functions if deeper]
    loss.backward()
    assert len(seen) > 3
    assert all(grad.isfinite().all() for grad in seen if grad is not None)


@every_rule
def test_batches_and_jacobians_of_functions(rule, scores, where):
    x = scores.detach()

    def kept(x):
        return rule(x, where=where[2])

    torch.testing.assert_close(torch.vmap(rule)(x), rule(x))
    torch.testing.assert_close(torch.vmap(kept)(x), kept(x))
    backward = torch.func.jacrev(rule)(x[0])
    torch.testing.assert_close(torch.func.jacfwd(rule)(x[0]), backward)
    expected = torch.autograd.functional.jacobian(rule, x[0])
    torch.testing.assert_close(backward, expected)
    ahead = torch.func.jvp(rule, (x[0],), (x[1],))[1]
    torch.testing.assert_close(ahead, expected @ x[1])


def test_a_batch_of_temperatures(scores):
    x = scores.detach()
    temperatures = torch.tensor([0.5, 1.0, 2.0], dtype=x.dtype, device=x.device)
    actual = torch.vmap(lambda t: softmax(x, temperature=t))(temperatures)
    expected = [softmax(x, temperature=float(t)) for t in temperatures]
    torch.testing.assert_close(actual, torch.stack(expected))


def test_the_jacobian_is_the_closed_form(scores):
    x = scores.detach()
    for weighting in (Softmax(), Softmax(0.3)):
        expected = torch.vmap(torch.func.jacrev(weighting))(x)
        torch.testing.assert_close(jacobian(weighting, x), expected)


@every_rule
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_gradients_have_the_dtype_of_their_scores(rule, dtype, scores):
    x = scores.detach().to(dtype).requires_grad_()
    (slope,) = torch.autograd.grad(rule(x).square().sum(), x)
    wide = x.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad(rule(wide).square().sum(), wide)
    assert slope.dtype == dtype
    torch.testing.assert_close(slope, expected.to(dtype), rtol=0.05, atol=0.02)
