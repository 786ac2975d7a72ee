"""What people pass by mistake, or at the edge of sense, to any function here."""

import warnings

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib import masks
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.nn import Attention, MultiHeadAttention
from tests.in_turn import in_turn
from tests.weightings.every import CASES, every_case

ONES = np.ones((3, 3))
HIDDEN = np.ma.array(ONES, mask=np.eye(3, dtype=bool))
OBJECTS = [case for case in CASES if case.make is not None]
NUMBERS = [case for case in OBJECTS if case.numbers]
every_object = pytest.mark.parametrize("case", OBJECTS, ids=str)
PARAMETERS = {
    "temperature": al.Softmax,
    "offset": al.Softmax1,
    "scale": al.ScalableSoftmax,
    "alpha": al.Entmax,
    "bias": al.Sigmoid,
}
every_parameter = pytest.mark.parametrize("name", PARAMETERS)
DIAGNOSTICS = {
    "entropy": al.entropy,
    "effective_support": al.effective_support,
    "support_size": al.support_size,
    "top_k_mass": lambda weights: al.top_k_mass(weights, 2),
    "max_weight": al.max_weight,
    "sink_mass": lambda weights: al.sink_mass(weights, 2),
    "rollout": lambda weights: al.attention_rollout([weights]),
    "jacobian": lambda weights: al.jacobian("softmax", weights),
    "jacobian_norm": lambda weights: al.jacobian_norm("softmax", weights),
    "logsumexp": al.logsumexp,
    "log_softmax": al.log_softmax,
}
ATTENTION = [attend, al.partial_attention, al.linear_attention]
LIKE = [
    lambda like: masks.causal(2, 2, like=like),
    lambda like: masks.sliding_window(2, 2, 1, like=like),
    lambda like: masks.padding([1], 2, like=like),
    lambda like: masks.alibi(1, 2, 2, like=like),
    lambda like: masks.padding(like.astype(int), 3),
]


@every_case
def test_a_masked_array_of_scores_points_to_where(case, rng):
    params = case.drawn(rng, (3, 1))
    with pytest.raises(TypeError, match="where="):
        case.weigh(HIDDEN, **params)
    with pytest.raises(TypeError, match="where="):
        case.weigh(ONES, where=HIDDEN > 0, **params)


@in_turn("function", [*DIAGNOSTICS.values(), *LIKE])
def test_a_masked_array_of_weights_or_beside_a_mask_points_to_where(function):
    with pytest.raises(TypeError, match="where="):
        function(HIDDEN)


@pytest.mark.parametrize("function", ATTENTION)
@pytest.mark.parametrize("place", range(3))
def test_masked_arrays_in_attention_point_to_where(function, place):
    given = [ONES] * 3
    given[place] = HIDDEN
    with pytest.raises(TypeError, match="where="):
        function(*given)


def test_a_masked_array_as_a_mask_points_to_where():
    for function in (attend, al.partial_attention):
        with pytest.raises(TypeError, match="where="):
            function(ONES, ONES, ONES, HIDDEN > 0)
    with pytest.raises(TypeError, match="where="):
        al.linear_attention(ONES, ONES, ONES, where=HIDDEN[0] > 0)


@every_parameter
def test_a_parameter_of_the_other_library_is_refused_by_both_names(name):
    make, tensor = PARAMETERS[name], torch.tensor(2.0)
    message = f"is a NumPy array, {name} is a torch Tensor"
    for weigh in (make(tensor), lambda x: attend(x, x, x, weighting=make(tensor))):
        with pytest.raises(TypeError, match=message):
            weigh(ONES)
    for given, kind in [(np.array(2.0), "NumPy array"), ([2.0], "list")]:
        weigh = make(given)
        with pytest.raises(TypeError, match=f"torch Tensor, {name} is a {kind}"):
            weigh(torch.ones(3, 3))
        with pytest.raises(TypeError, match=f"torch Tensor, {name} is a {kind}"):
            attend(*[torch.ones(3, 3)] * 3, weighting=weigh)


@every_parameter
def test_one_number_in_an_array_is_that_number(name, device):
    make = PARAMETERS[name]
    scores = np.arange(9.0).reshape(3, 3)
    for given in ([2.0], np.array(2.0)):
        np.testing.assert_allclose(make(given)(scores), make(2.0)(scores))
    tensor = torch.tensor(scores, device=device)
    torch.testing.assert_close(make(torch.tensor(2.0))(tensor), make(2.0)(tensor))


@in_turn("kind", ["to_sparse", "to_mkldnn", "nested"])
def test_sparse_and_nested_tensors_are_named(kind):
    dense = torch.ones(3, 3)
    bad = torch.nested.nested_tensor([dense, dense], layout=torch.jagged)
    bad = bad if kind == "nested" else getattr(dense, kind)()
    for place, name in enumerate(("query", "key", "value")):
        given = [dense] * 3
        given[place] = bad
        for function in ATTENTION:
            with pytest.raises(TypeError, match=f"{name} must be a dense tensor; got"):
                function(*given)
    for function in DIAGNOSTICS.values():
        with pytest.raises(TypeError, match="must be a dense tensor; got"):
            function(bad)


NO_FLAGS = ["False", 1, 0, None, np.array(True), torch.tensor(True), [True]]
FLAGS = [
    ("is_causal", lambda bad: attend(ONES, ONES, ONES, is_causal=bad)),
    ("enable_gqa", lambda bad: attend(ONES, ONES, ONES, enable_gqa=bad)),
    ("enable_gqa", lambda bad: al.attention_scores(ONES, ONES, enable_gqa=bad)),
    ("is_causal", lambda bad: al.linear_attention(ONES, ONES, ONES, bad)),
    ("keepdims", lambda bad: al.logsumexp(ONES, keepdims=bad)),
    ("mean", lambda bad: al.ReLU(mean=bad)),
    ("enable_gqa", lambda bad: Attention(enable_gqa=bad)),
    ("bias", lambda bad: MultiHeadAttention(4, 2, bias=bad)),
    ("per_head", lambda bad: MultiHeadAttention(4, 2, per_head=bad)),
]


@pytest.mark.parametrize(("name", "call"), FLAGS)
def test_what_is_no_bool_is_no_flag(name, call):
    for bad in NO_FLAGS:
        with pytest.raises(TypeError, match=f"{name} must be True or False; got"):
            call(bad)


def test_a_bool_of_numpy_is_a_bool():
    for name in ("is_causal", "enable_gqa"):
        given = {name: np.bool_(False)}
        np.testing.assert_array_equal(attend(ONES, ONES, ONES, **given), ONES)
    assert al.logsumexp(ONES, keepdims=np.True_).shape == (3, 1)


SIZES = [
    lambda bad: al.multi_head_attention(*[ONES] * 5, bad),
    lambda bad: al.TopK(bad),
    lambda bad: al.partial_attention(ONES, ONES, ONES, query_offset=bad),
    lambda bad: al.partial_attention(ONES, ONES, ONES, n_keys=bad),
    lambda bad: al.softmax(ONES, axis=bad),
    *(lambda bad, name=name: attend(ONES, ONES, ONES, **{name: bad})
      for name in ("dropout_p", "scale", "softcap")),
    *(lambda bad, name=name: PARAMETERS[name](bad) for name in PARAMETERS),
    lambda bad: al.Softpick(eps=bad),
    lambda bad: al.ReLU(power=bad),
]  # fmt: skip


@in_turn("call", SIZES)
def test_a_bool_is_no_number(call):
    for bad in (True, False, np.True_):
        with pytest.raises(TypeError, match="must"):
            call(bad)


def test_linear_attention_hints_at_no_argument_that_it_has_not():
    query, key = np.ones((4, 3, 2)), np.ones((2, 3, 2))
    with pytest.raises(ValueError, match="enable_gqa=True"):
        attend(query, key, key)
    with pytest.raises(ValueError, match="do not broadcast") as refused:
        al.linear_attention(query, key, key)
    assert "enable_gqa" not in str(refused.value)


@pytest.fixture
def strict():
    """Make an error of every warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


LARGE = np.array([[6e4, -6e4, 6e4], [1, 2, 3], [-6e4, -6e4, -6e4]], np.float16)
ODD = np.array([[6e4, np.inf, 1], [-np.inf, 2, 3], [np.nan, 0, 1]], np.float16)


@every_object
def test_float16_never_warns_in_attention(case, rng, strict):
    weighting = case.make(**case.drawn(rng, (3, 1)))
    n_keys = 3 if weighting.uses_n else None
    for x in (LARGE, ODD):
        weighting(x)
        weighting(x, where=x > 0)
        for method in ("dense", "streaming"):
            options = {"weighting": weighting, "scale": 1e4}
            attend(x, LARGE, x, method=method, **options)
        if weighting.stream(1) is not None and weighting.stream(1).merges:
            state = al.partial_attention(x, LARGE, x, n_keys=n_keys, **options)
            al.finalize(al.merge(state, state))


@in_turn("function", DIAGNOSTICS.values())
def test_float16_never_warns_in_a_measure(function, strict):
    for x in (LARGE, ODD, abs(LARGE)):
        function(x)


def test_float16_never_warns_where_a_number_is_beyond_it(strict):
    assert (al.support_size(LARGE, tol=1e300) == 0).all()
    al.jacobian(al.ReLU(power=3), LARGE)
    al.linear_attention(LARGE, LARGE, LARGE, is_causal=True, scale=1e4)
    al.multi_head_attention(*[LARGE] * 5, 1)
