"""Gradients of linear attention in torch: derivatives, transforms, masks and memory."""

import pytest
import torch

from attention_lib import PositiveRandomFeatures, linear, linear_attention
from tests.derivatives import gradcheck, gradgradcheck

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
MAPS = ["elu_plus_one", "relu", None, "random"]
every_map = pytest.mark.parametrize("feature_map", MAPS)
causal_or_not = pytest.mark.parametrize("is_causal", [True, False])
both_at_once = pytest.mark.parametrize("is_causal", [(True, False)])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(linear, "CHUNK", 2)


@pytest.fixture
def three(rng, device):
    def made(n, features):
        a = torch.tensor(rng.normal(size=(2, n, features)), device=device)
        return a.requires_grad_()

    return made(3, 2), made(5, 2), made(5, 2)


@pytest.fixture
def options(feature_map, is_causal, rng, device):
    """Give a feature map, causal or not, and a mask that leaves nothing to one head."""
    if feature_map == "random":
        like = torch.zeros((), dtype=torch.float64, device=device)
        feature_map = PositiveRandomFeatures.draw(2, 3, rng, like=like)
    where = torch.tensor([[True, False, True, True, True], [False] * 5], device=device)
    normalize = feature_map is not None
    named = {"feature_map": feature_map, "normalize": normalize, "where": where}
    return {**named, "is_causal": is_causal}


@every_map
@causal_or_not
def test_first_and_second_derivatives(options, three):
    def attend(*qkv):
        return linear_attention(*qkv, **options)

    assert gradcheck(attend, three, check_forward_ad=True)
    assert gradgradcheck(attend, three)


@every_map
@causal_or_not
def test_derivatives_through_a_state(options, three):
    del options["where"]

    def attend(query, key, value):
        _, state = linear_attention(
            query[:, :0], key[:, :3], value[:, :3], return_state=True, **options
        )
        rest = (query, key[:, 3:], value[:, 3:])
        out, state = linear_attention(*rest, state=state, return_state=True, **options)
        return out, state.products, state.total

    if options["feature_map"] in MAPS:
        assert gradcheck(attend, three)
    else:  # the sums are relative to a maximum, taken as a constant; the output is not
        assert gradcheck(lambda *qkv: attend(*qkv)[0], three)


@every_map
@causal_or_not
def test_batches_and_jacobians_of_functions(options, three):
    query, key, value = (a.detach() for a in three)

    def ask(query):
        return linear_attention(query, key, value, **options)

    stack = torch.stack([query, 2 * query, -query])
    expected = torch.stack([ask(q) for q in stack])
    torch.testing.assert_close(torch.vmap(ask)(stack), expected)
    expected = torch.autograd.functional.jacobian(ask, query)
    torch.testing.assert_close(torch.func.jacrev(ask)(query), expected)
    torch.testing.assert_close(torch.func.jacfwd(ask)(query), expected)

    def hear(key):
        return linear_attention(query, key, value, **options)

    expected = torch.autograd.functional.jacobian(hear, key)
    torch.testing.assert_close(torch.func.jacrev(hear)(key), expected)
    stack = torch.stack([key, key * torch.nan])
    torch.testing.assert_close(
        torch.vmap(hear)(stack), torch.stack([hear(k) for k in stack]), equal_nan=True
    )


@every_map
@causal_or_not
@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
def test_what_is_masked_reaches_no_gradient(options, poison, three):
    def slopes():
        out = linear_attention(*three, **options)
        return torch.autograd.grad(out.square().sum(), three)

    expected = slopes()
    with torch.no_grad():
        for a in three[1:]:
            a[~options["where"]] = poison
    torch.testing.assert_close(slopes(), expected)
    assert all((slope[1] == 0).all() for slope in slopes())


@every_map
@pytest.mark.parametrize("is_causal", [True])
@pytest.mark.parametrize("place", [1, 2])
def test_queries_before_a_nan_keep_their_gradient(options, place, three):
    def slopes():
        out = linear_attention(*three, **options)
        slopes = torch.autograd.grad(out[:, :place].square().sum(), three)
        return [slope[:, :place] for slope in slopes]

    options["where"] = torch.ones_like(options["where"])
    expected = slopes()
    with torch.no_grad():
        three[1][:, place], three[2][:, place] = torch.nan, torch.inf
    torch.testing.assert_close(slopes(), expected)


@causal_or_not
@pytest.mark.parametrize("feature_map", ["relu"])
def test_a_query_without_weights_has_no_gradient(options, three):
    with torch.no_grad():
        three[0].copy_(-three[0].abs())
    slopes = torch.autograd.grad(linear_attention(*three, **options).sum(), three)
    assert all((slope == 0).all() for slope in slopes)


@pytest.mark.parametrize("feature_map", ["elu_plus_one", "random"])
def test_memory_grows_with_the_length_and_not_its_square(feature_map, monkeypatch, rng):
    monkeypatch.setattr(linear, "CHUNK", 32)
    if feature_map == "random":
        like = torch.zeros(())
        feature_map = PositiveRandomFeatures.draw(4, 8, rng, like=like)

    def kept(n):
        saved = {}
        given = [torch.randn(n, 4, requires_grad=True) for _ in range(3)]

        def note(tensor):
            saved[tensor.data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            out = linear_attention(*given, True, feature_map=feature_map)
        out.sum().backward()
        return sum(saved.values())

    assert kept(2048) < 2.2 * kept(1024)


def test_the_projection_can_be_learned(three):
    given = [a.detach() for a in three]
    projection = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)

    def attend(w):
        features = PositiveRandomFeatures(w.to(given[0].device))
        return linear_attention(*given, True, feature_map=features)

    assert gradcheck(attend, projection)


@pytest.mark.parametrize("feature_map", ["elu_plus_one", "random"])
@both_at_once
def test_it_compiles_whole(options, three):
    given = [a.detach() for a in three]
    options = [options | {"is_causal": is_causal} for is_causal in options["is_causal"]]

    # As one graph, for to begin one takes longer than to trace a call.
    def attend(*qkv):
        return [linear_attention(*qkv, **each) for each in options]

    torch._dynamo.reset()
    compiled = torch.compile(attend, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*given), attend(*given))


@every_map
@causal_or_not
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_autocast_rounds_nothing(options, dtype, three):
    given = [a.detach().to(dtype) for a in three]
    expected, sums = linear_attention(*given, return_state=True, **options)
    with torch.autocast(given[0].device.type, dtype=torch.bfloat16):
        actual, state = linear_attention(*given, return_state=True, **options)
    assert actual.dtype == dtype
    assert state.products.dtype == state.total.dtype == sums.products.dtype
    assert torch.equal(actual, expected)
    assert torch.equal(state.products, sums.products)
    assert torch.equal(state.total, sums.total)


def test_autocast_counts_many_keys(device):
    ones = torch.ones(5_000, 1, device=device)
    options = {"feature_map": None, "normalize": False, "return_state": True}
    for is_causal in (False, True):
        with torch.autocast(device, dtype=torch.bfloat16):
            out, state = linear_attention(ones, ones, ones, is_causal, **options)
        assert out.dtype == state.products.dtype == torch.float32
        assert out[-1].item() == state.products.item() == 5_000


@pytest.mark.parametrize("feature_map", ["relu"])
@both_at_once
def test_autocast_rounds_nothing_where_it_is_compiled(options, three):
    given = [a.detach().float() for a in three]
    options = [options | {"is_causal": is_causal} for is_causal in options["is_causal"]]

    def attend(*qkv):
        return [linear_attention(*qkv, **each) for each in options]

    expected = attend(*given)
    torch._dynamo.reset()
    compiled = torch.compile(attend, backend="eager", fullgraph=True)
    with torch.autocast(given[0].device.type, dtype=torch.bfloat16):
        assert all(map(torch.equal, compiled(*given), expected))
