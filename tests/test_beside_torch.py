"""Attention among torch's other things: its modes, its defaults, and its files."""

import subprocess
import sys

import pytest
import torch

import attention_lib as al
from attention_lib import finalize, masks, partial_attention
from attention_lib import scaled_dot_product_attention as attend
from tests.anomaly import every_step_searched
from tests.in_rotation import in_rotation
from tests.in_turn import in_turn
from tests.weightings.every import A_WAY_EACH

OBJECTS = [case for case in A_WAY_EACH if case.make is not None]
every_object = pytest.mark.parametrize("case", OBJECTS, ids=str)
METHODS = ("auto", "dense", "streaming", "sdpa")


def made(case, rng, rows=(1, 1)):
    return case.make(**case.drawn(rng, rows, torch.tensor))


def three(dtype=torch.float64, shape=(2,), length=4, n_keys=6, widths=(3, 3)):
    sizes = [(length, widths[0]), (n_keys, widths[0]), (n_keys, widths[1])]
    return [torch.randn(*shape, *s, dtype=dtype, requires_grad=True) for s in sizes]


def unless_unavailable(*given, **options):
    """Attend, or give None where the method asked for cannot."""
    try:
        return attend(*given, **options)
    except ValueError as error:
        if "is unavailable" in str(error):
            return None
        raise


def finite_slopes(out, given):
    """Refuse a gradient that is not finite; hardmax has none at all in its scores."""
    out.square().sum().backward()
    for a in given:
        assert a.grad is None or bool(a.grad.isfinite().all())
    assert given[-1].grad is not None


def test_numpy_calls_work_while_another_thread_imports_torch():
    code = (
        "import sys, types\n"
        "sys.modules['torch'] = types.ModuleType('torch')  # without a Tensor yet\n"
        "import numpy as np, attention_lib as al\n"
        "x = np.ones((3, 3))\n"
        "al.scaled_dot_product_attention(x, x, x, weighting=al.Softmax1([1.0]))\n"
        "al.finalize(al.partial_attention(x, x, x))\n"
        "al.linear_attention(x, x, x, return_state=True)\n"
        "al.entropy(al.entmax(x)), al.jacobian('softmax', x)\n"
        "al.masks.alibi(2, 3, 3), al.masks.padding([1], 2)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


SHAPES = {
    "no batch": {"shape": (0, 2)},
    "no query": {"length": 0},
    "no key": {"n_keys": 0},
    "no feature": {"widths": (0, 3)},
    "no value": {"widths": (3, 0)},
    "nothing": {"shape": (0,), "length": 0, "n_keys": 0, "widths": (0, 0)},
}


@in_rotation(
    "case", OBJECTS, {"is_causal": [False, True], "method": METHODS, "name": SHAPES}
)
def test_what_has_no_size_is_attended_to(case, is_causal, method, name, rng):
    given = three(**SHAPES[name])
    options = {"method": method, "is_causal": is_causal}
    out = unless_unavailable(*given, weighting=made(case, rng), **options)
    if out is None:
        return
    assert out.shape == (*given[0].shape[:-1], given[2].shape[-1])
    finite_slopes(out, given)
    if name == "no key":
        assert bool((out == 0).all())
    if method != "sdpa":
        options["weighting"] = case.make(**case.drawn(rng, (1, 1)))
        arrays = [a.detach().numpy() for a in given]
        assert attend(*arrays, **options).shape == tuple(out.shape)


@pytest.mark.parametrize("n_keys", [0, 1])
@pytest.mark.parametrize("method", METHODS[:3])
def test_scores_that_are_multiplied_by_zero_have_a_gradient_of_zero(n_keys, method):
    given = three(n_keys=n_keys)
    attend(*given, weighting="scalable_softmax", method=method).sum().backward()
    assert bool((given[0].grad == 0).all())


@every_object
def test_what_is_all_dropped_is_zero(case, rng):
    weighting, where = made(case, rng), torch.rand(4, 6) < 0.7
    for method in ("auto", "dense", "sdpa"):
        for mask in (None, where):
            given = three()
            options = {"weighting": weighting, "method": method, "dropout_p": 1.0}
            out = unless_unavailable(*given, mask, **options)
            if out is not None:
                assert bool((out == 0).all())
                finite_slopes(out + 5.0, given)


@in_rotation(
    "case",
    OBJECTS,
    {
        "additive": [False, True],
        "dtype": [torch.float32, torch.float16],
        "method": METHODS,
    },
)
def test_no_step_back_is_nan_where_nothing_takes_part(
    case, additive, dtype, method, rng
):
    weighting, mask = made(case, rng), torch.rand(4, 6) < 0.5
    mask[1] = False
    if additive:
        mask = torch.zeros(4, 6, dtype=dtype).masked_fill(~mask, -torch.inf)
    given = three(dtype)
    with every_step_searched():
        out = unless_unavailable(*given, mask, weighting=weighting, method=method)
        if out is not None:
            finite_slopes(out, given)


@every_object
def test_defaults_of_torch_change_nothing(case, rng):
    weighting = made(case, rng)
    query, key, value = (a.detach() for a in three(torch.float32))
    where, bias = torch.rand(4, 6) < 0.7, torch.zeros(4, 6)

    def results():
        yield weighting(query)
        for method in METHODS[:3]:
            options = {"weighting": weighting, "method": method}
            yield attend(query, key, value, where, **options)
            yield attend(query, key, value, bias, **options)
            yield attend(query, key, value, is_causal=True, **options)
        yield al.linear_attention(query, key, value, is_causal=True)
        yield al.entropy(query.abs())
        yield masks.alibi(2, 4, 6, like=query)

    expected = list(results())
    try:
        torch.set_default_device("meta")
        torch.set_default_dtype(torch.float64)
        actual = list(results())
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_float8_is_attended_to_as_by_dense():
    given = [torch.randn(2, 3, 4).to(torch.float8_e4m3fn) for _ in range(3)]
    dense, auto, streaming = (
        attend(*given, method=method) for method in ("dense", "auto", "streaming")
    )
    assert dense.dtype == torch.float8_e4m3fn
    assert torch.equal(auto.float(), dense.float())
    assert torch.equal(streaming.float(), dense.float())
    with pytest.raises(ValueError, match=r"it takes no torch\.float8"):
        attend(*given, method="sdpa")


MIXED = [(0, 1, 1), (1, 0, 0), (0, 0, 1)]


@pytest.mark.parametrize("weighting", ["softmax", "softmax1", "sigmoid", "entmax15"])
@in_turn("places", MIXED)
def test_autocast_casts_what_is_mixed(weighting, places):
    wide = [a.detach() for a in three(torch.float32)]
    given = [a.bfloat16() if narrow else a for a, narrow in zip(wide, places, strict=1)]
    halves = [a.bfloat16() for a in given]
    for bias in (None, torch.zeros(4, 6), torch.zeros(4, 6).bfloat16()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = attend(*given, bias, weighting=weighting)
        small = None if bias is None else bias.bfloat16()
        assert torch.equal(out, attend(*halves, small, weighting=weighting))
    if weighting != "entmax15":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            state = partial_attention(*given, weighting=weighting)
        assert finalize(state).dtype == torch.bfloat16


def test_autocast_casts_to_a_narrower_mask_and_to_no_float64():
    wide = [a.detach() for a in three(torch.float32)]
    bias = torch.zeros(4, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert attend(*wide).dtype == torch.float32
        assert attend(*wide, bias.bfloat16()).dtype == torch.bfloat16
        with pytest.raises(TypeError, match="pass all arrays in one dtype"):
            attend(wide[0].double(), wide[1].bfloat16(), wide[2].bfloat16())
        tokens, matrix = torch.ones(3, 4), torch.eye(4)
        heads = al.multi_head_attention(
            tokens, matrix.bfloat16(), matrix, matrix, matrix, 2
        )
    assert heads.dtype == torch.bfloat16


@pytest.mark.parametrize(("rule", "factor"), [("sigmoid", 1), ("tanh", 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@in_turn("row", [[0.0, 0, 0], [0, 800, -800], [800, 801, 800], [-800, -800, -801]])
def test_nested_transforms_give_the_second_derivative(rule, factor, dtype, row):
    weighting = al.get_weighting(f"normalized_{rule}")
    x = torch.tensor(row, dtype=torch.float64)
    # The weights are softmax of l, the logarithm of the sigmoid of the factor's times.
    s, weights = torch.sigmoid(-factor * x), weighting(x)
    first, second = torch.diag(factor * s), -(factor**2) * s * (1 - s)
    jacobian = (torch.diag(weights) - torch.outer(weights, weights)) @ first
    mean = weights @ first
    moves = first - mean
    hessian = weights[:, None, None] * moves[:, :, None] * moves[:, None, :]
    curved = torch.diag_embed(torch.diag(second)) - torch.diag(weights * second)
    hessian = hessian + weights[:, None, None] * (
        curved - torch.einsum("jq,j->jq", jacobian, factor * s).T
    )
    rows = x.to(dtype).expand(2, 2, 3)
    slope = torch.func.jacrev(weighting)
    vmap = torch.func.vmap
    actual = vmap(vmap(slope))(rows), vmap(vmap(torch.func.jacrev(slope)))(rows)
    for a, b in zip(actual, (jacobian, hessian), strict=True):
        torch.testing.assert_close(a[1, 1].double(), b, rtol=1e-5, atol=1e-6)
