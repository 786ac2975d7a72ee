"""Shapes where there are no numbers, and graphs recorded for other numbers."""

from contextlib import nullcontext

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim, export
from torch.fx.experimental.proxy_tensor import make_fx

import attention_lib as al
from attention_lib import finalize, masks, merge, partial_attention
from attention_lib import scaled_dot_product_attention as attend
from tests.in_rotation import WHOLE, in_rotation, rotated
from tests.in_turn import in_turn
from tests.weightings.every import A_WAY_EACH

OBJECTS = [case for case in A_WAY_EACH if case.make is not None]
# The others look at numbers to find their threshold, but for alpha = 1, softmax.
TRACED = [c for c in OBJECTS if c.make.kind != "threshold" or c.params == {"alpha": 1}]
every_traced = pytest.mark.parametrize("case", TRACED, ids=str)
# The table of the reference tries all in one form; in all forms, one of each kind.
KINDS = ("softmax1", "softpick", "normalized_sigmoid", "relu", "top_k_softmax")
FEW = [next(c for c in TRACED if c.name == name) for name in KINDS]
few_traced = pytest.mark.parametrize("case", FEW, ids=str)
METHODS = ("auto", "dense", "streaming")
EACH_FORM = {"method": METHODS, "form": ("plain", "causal", "masked")}
MASK = torch.tensor([[True, False, True, True, False]] * 3 + [[False] * 5])


def three(n_batches=2, length=4, n_keys=5):
    return tuple(torch.randn(n_batches, 2, n, 3) for n in (length, n_keys, n_keys))


def made(case, rng):
    """Give a function that makes the weighting of tensors, and these."""
    params = case.drawn(rng, (4, 1), lambda a: torch.tensor(a, dtype=torch.float32))
    names = [name for name, a in params.items() if isinstance(a, torch.Tensor)]

    def make(*given):
        return case.make(**params | dict(zip(names, given, strict=True)))

    return make, [params[name] for name in names]


def name_of(module):
    return type(module.options["weighting"]).__name__


def folded(query, key, value, weighting):
    parts = [
        partial_attention(
            query,
            key[..., block, :],
            value[..., block, :],
            weighting=weighting,
            n_keys=key.shape[-2] if weighting.uses_n else None,
        )
        for block in (slice(2), slice(2, None))
    ]
    return finalize(merge(*parts))


def rule(make):
    """Give a function of query, key, value and parameters that weighs the query."""
    return lambda query, key, value, *given: make(*given)(query)


def attention(make, method, form):
    """Give attention in a form, and the mask that it takes before the parameters."""
    options = {"is_causal": True, "softcap": 2.0} if form == "causal" else {}
    options["method"] = method

    def unmasked(query, key, value, *given):
        return attend(query, key, value, weighting=make(*given), **options)

    def masked(query, key, value, mask, *given):
        return attend(query, key, value, mask, weighting=make(*given), **options)

    return (masked, [MASK]) if form == "masked" else (unmasked, [])


OTHERS = [
    lambda q, k, v: al.linear_attention(q, k, v, is_causal=True),
    lambda q, k, v: al.linear_attention(q, k, v, feature_map=None),
    lambda q, k, v: al.entropy(q.abs()),
    lambda q, k, v: al.effective_support(q.abs()),
    lambda q, k, v: al.top_k_mass(q, 2),
    lambda q, k, v: al.max_weight(q),
    lambda q, k, v: al.support_size(q),
    lambda q, k, v: al.sink_mass(q),
    lambda q, k, v: al.jacobian("softmax", q),
    lambda q, k, v: al.jacobian_norm("softmax1", q),
    lambda q, k, v: al.logsumexp(q),
    lambda q, k, v: al.log_softmax(q, temperature=2.0),
    lambda q, k, v: attend(q, k, v, masks.alibi(2, 4, 5, like=q)),
    lambda q, k, v: attend(q, k, v, masks.sliding_window(4, 5, 2, like=q)),
]


def same_shapes(actual, expected):
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype


PLACES = ["meta", "inside a fake mode", "outside it"]


def placed(place):
    """Give what takes the numbers of tensors away, and where to compute then."""
    if place == "meta":
        return lambda a: a.to("meta"), nullcontext()
    mode = FakeTensorMode()
    return mode.from_tensor, mode if place == "inside a fake mode" else nullcontext()


@in_rotation("case", OBJECTS, {"place": PLACES, **EACH_FORM})
def test_every_weighting_has_a_shape_without_numbers(case, place, method, form, rng):
    make, params = made(case, rng)
    call, mask = attention(make, method, form)
    for function, more in ((rule(make), params), (call, [*mask, *params])):
        arrays = (*three(), *more)
        away, where = placed(place)
        with where:
            actual = function(*map(away, arrays))
        same_shapes(actual, function(*arrays))


@in_turn("place", PLACES)
def test_the_other_functions_have_a_shape_without_numbers(place):
    given = three()
    for function in OTHERS:
        away, where = placed(place)
        with where:
            actual = function(*map(away, given))
        same_shapes(actual, function(*given))
    for weighting in ("softmax", "softmax1", "softpick", "sigmoid", "relu_mean"):
        away, where = placed(place)
        whole = al.get_weighting(weighting)
        with where:
            actual = folded(*map(away, given), whole)
        same_shapes(actual, folded(*given, whole))


def recorded(function, arrays, mode):
    """Record a function, and try the graph on other numbers."""
    graph = make_fx(function, tracing_mode=mode)(*arrays)
    others = [torch.randn_like(a) for a in arrays[:3]] + list(arrays[3:])
    for given in (arrays, others):
        actual, expected = graph(*given), function(*given)
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@few_traced
def test_make_fx_records_a_weighting_of_each_kind_for_other_numbers(case, rng):
    make, params = made(case, rng)
    recorded(rule(make), (*three(), *params), "real")


@in_rotation("case", FEW, EACH_FORM)
def test_make_fx_records_attention_for_other_numbers(case, method, form, rng):
    make, params = made(case, rng)
    function, mask = attention(make, method, form)
    recorded(function, (*three(), *mask, *params), "real")


FOLDED = [
    lambda *a, rule=rule: folded(*a, al.get_weighting(rule))
    for rule in ("softmax", "softpick", "relu_mean")
]


@in_turn(("function", "mode"), rotated(1, [OTHERS + FOLDED, ["real", "fake"]])[0])
def test_make_fx_records_the_other_functions(function, mode):
    recorded(function, three(), mode)


@pytest.mark.parametrize("rule", [al.Sparsemax(), al.Entmax(), al.Entmax(1.01)])
def test_make_fx_says_why_it_cannot_record_a_threshold(rule):
    with pytest.raises(RuntimeError, match="looks at numbers to find its threshold"):
        make_fx(rule)(torch.randn(3, 4))


class Attend(torch.nn.Module):
    """Attention in some of its forms as one module, which is what torch exports."""

    def __init__(self, forms, **options):
        super().__init__()
        self.forms, self.options = forms, options

    def forward(self, query, key, value, mask, bias):
        whole, few = (query, key, value), (query, key[:, :1], value[:, :1])
        calls = {
            "plain": (whole, {}),
            "causal": (whole, {"is_causal": True}),
            "bool": ((*whole, mask), {}),
            "additive": ((*whole, bias), {}),
            "shared heads": (few, {"enable_gqa": True}),
        }
        some = [calls[form] for form in self.forms]
        return [attend(*given, **more, **self.options) for given, more in some]


# One that torch's kernel serves, and one that counts its keys: each takes seconds.
NAMES = ("plain", "causal", "bool", "additive", "shared heads")
SOME, REST = (NAMES, NAMES) if WHOLE else (NAMES[::2], NAMES[1::2])
FORMS = [Attend(SOME), Attend(REST, weighting=al.Sigmoid("-log n"))]
every_form = pytest.mark.parametrize("module", FORMS, ids=["softmax", "sigmoid"])


def inputs(n_batches):
    return (*three(n_batches), MASK, torch.linspace(-1, 1, 20).reshape(4, 5))


@every_form
def test_attention_is_exported_for_any_batch(module):
    batches = {0: Dim("batches", min=2, max=64)}
    shapes = (batches, batches, batches, None, None)
    exported = export(module, inputs(4), dynamic_shapes=shapes, strict=True).module()
    for n_batches in (4, 6):
        given = inputs(n_batches)
        torch.testing.assert_close(exported(*given), module(*given))


def test_attention_is_compiled_whole_for_any_size():
    module = Attend(SOME, weighting=al.Sigmoid("-log n"))
    torch._dynamo.reset()
    whole = torch.compile(module, backend="eager", fullgraph=True, dynamic=True)
    # As many batches as queries would be taken for one size; the second time no graph
    # is made.
    for n_batches, stance in [(6, "default"), (7, "fail_on_recompile")]:
        given = inputs(n_batches)
        with torch.compiler.set_stance(stance):
            actual = whole(*given)
        torch.testing.assert_close(actual, module(*given))
