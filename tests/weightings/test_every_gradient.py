"""Derivatives of every weighting in torch, in every mode, and of its parameters."""

import pytest
import torch

from attention_lib import Entmax, Softmax1, entmax, softmax
from tests.derivatives import gradcheck, gradgradcheck
from tests.in_rotation import WHOLE
from tests.in_turn import in_turn
from tests.weightings.every import A_WAY_EACH, CASES, FEWER

# torch itself calls this when forward mode is used for the first time.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

FLAT = ("hardmax",)  # its derivatives are zero
SMOOTH = [case for case in FEWER if case.name not in FLAT]
LEARNED = [
    case for case in SMOOTH if any(hasattr(v, "low") for v in case.params.values())
]
COMPILED = ("softmax", "softmax1", "scalable_softmax", "sigmoid", "relu")
every_smooth = pytest.mark.parametrize("case", SMOOTH, ids=str)
every_learned = pytest.mark.parametrize("case", LEARNED, ids=str)
alphas = pytest.mark.parametrize("alpha", [0.5, 1, 1.0001, 1.3, 1.5, 2, 3])


@pytest.fixture
def scores(rng, device):
    """Give scores away from zero, where some weightings have a kink."""
    x = rng.normal(size=(4, 5))
    x += 0.1 * (2 * (x > 0) - 1)
    return torch.tensor(x, device=device, requires_grad=True)


@pytest.fixture
def where(scores):
    mask = torch.tensor(
        [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [1, 0, 1, 1, 0], [0, 0, 0, 1, 0]]
    )
    return mask.bool().to(scores.device)


@pytest.fixture
def learned(rng, device):
    """Give the parameters of a case as tensors, one a row, that ask for a gradient."""

    def draw(case, rows=(4, 1)):
        def tensor(a):
            return torch.tensor(a, device=device, requires_grad=True)

        return case.drawn(rng, rows, tensor)

    return draw


def slope(weigh, at, step=1e-5):
    """Differentiate by central differences."""
    return (weigh(at + step) - weigh(at - step)) / (2 * step)


def agree(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-11)


@every_smooth
@pytest.mark.parametrize(("masked", "axis"), [(False, -1), (True, 0)])
def test_first_and_second_derivatives(case, masked, axis, scores, where, learned):
    params = learned(case)
    names = [name for name, a in params.items() if isinstance(a, torch.Tensor)]
    given = [scores, *(params[name] for name in names)]
    if axis == 0:
        given, where = [a.detach().mT.requires_grad_() for a in given], where.mT

    def weigh(x, *arrays):
        now = params | dict(zip(names, arrays, strict=True))
        return case.weigh(x, axis, where if masked else None, **now)

    assert gradcheck(weigh, given, check_forward_ad=True)
    if masked or WHOLE:
        assert gradgradcheck(weigh, given)


# The first row of the mask is whole; one alpha a row has all that others have.
SHAPES = [((), False), ((1,), False), ((4, 1), True)]


@alphas
@pytest.mark.parametrize(("shape", "masked"), SHAPES)
def test_derivatives_in_alpha(alpha, shape, masked, scores, where):
    at = torch.full(shape, alpha, dtype=scores.dtype, device=scores.device)

    def weigh(x, alpha):
        return entmax(x, alpha, where=where if masked else None)

    given = (scores, at.clone().requires_grad_())
    assert gradcheck(weigh, given, check_forward_ad=masked)
    if masked:
        assert gradgradcheck(weigh, given)
    expected = slope(lambda a: weigh(scores, a), at)
    (actual,) = torch.autograd.grad(weigh(*given)[2, 3], given[1])
    torch.testing.assert_close(actual.sum(), expected[2, 3], rtol=1e-6, atol=1e-9)


@every_smooth
@pytest.mark.parametrize("masked", [False, True])
def test_transforms_of_functions(case, masked, scores, where, learned):
    x, v = scores.detach(), scores.detach().flip(1).contiguous()
    params = {
        name: a.detach() if isinstance(a, torch.Tensor) else a
        for name, a in learned(case, (1,)).items()
    }
    whole = case.weigh(x, where=where if masked else None, **params)
    masks = where if masked else torch.ones_like(where)

    def weigh(x, mask):
        return case.weigh(x, where=mask if masked else None, **params)

    agree(torch.vmap(weigh)(x, masks), whole)
    for row in range(len(x) if masked or WHOLE else 1):

        def one(x, mask=masks[row]):
            return weigh(x, mask)

        expected = torch.autograd.functional.jacobian(one, x[row])
        agree(torch.func.jacrev(one)(x[row]), expected)
        agree(torch.func.jacfwd(one)(x[row]), expected)
        value, ahead = torch.func.jvp(one, (x[row],), (v[row],))
        agree(value, whole[row])
        agree(ahead, expected @ v[row])
    batched = torch.vmap(torch.func.jacrev(weigh))(x, masks)
    agree(batched[row], expected)
    agree(torch.vmap(torch.func.jacfwd(weigh))(x, masks), batched)


@every_learned
def test_transforms_over_a_parameter(case, scores, learned):
    x = scores.detach()
    ((name, values),) = learned(case).items()
    values = values.detach()[:, 0]

    def weigh(value):
        return case.weigh(x, **{name: value})

    actual = torch.vmap(weigh)(values)
    agree(actual, torch.stack([case.weigh(x, **{name: float(a)}) for a in values]))
    expected = torch.autograd.functional.jacobian(weigh, values[0])
    agree(torch.func.jacrev(weigh)(values[0]), expected)
    agree(torch.func.jacfwd(weigh)(values[0]), expected)
    assert expected.abs().max() > 1e-3


@every_smooth
@in_turn("poison", [0.0, torch.nan, torch.inf, -torch.inf])
def test_what_takes_no_part_gets_and_gives_no_gradient(
    case, poison, scores, where, learned
):
    scores = scores.detach().clone().requires_grad_()
    params = learned(case)
    given = [a for a in params.values() if isinstance(a, torch.Tensor)]

    def slopes():
        weights = case.weigh(scores, where=where, **params)
        return torch.autograd.grad(weights.square().sum(), [scores, *given])

    clean = slopes()
    with torch.no_grad():
        scores[~where] = poison
    spoilt = slopes()
    assert (spoilt[0][~where] == 0).all()
    for one, other in zip(spoilt, clean, strict=True):
        assert one.isfinite().all()
        agree(one, other)
    for of_row in spoilt[1:]:
        assert (of_row[1] == 0).all()
        assert (of_row[0] != 0).all()


@every_smooth
@in_turn("poison", [torch.nan, torch.inf, -torch.inf])
def test_a_row_without_weights_spoils_no_other_gradient(case, poison, scores, learned):
    scores = scores.detach().clone().requires_grad_()
    params = learned(case)
    given = [a for a in params.values() if isinstance(a, torch.Tensor)]

    def slopes():
        weights = case.weigh(scores, **params)
        return torch.autograd.grad(weights.square().sum(), [scores, *given])

    clean = slopes()
    with torch.no_grad():
        scores[2] = poison
    rest = [0, 1, 3]
    for one, other in zip(slopes(), clean, strict=True):
        agree(one[rest], other[rest])


def test_hardmax_has_a_gradient_of_zero(scores, where):
    (case,) = (case for case in CASES if case.name in FLAT)
    for mask in (None, where):
        moves = torch.func.jacrev(lambda x, mask=mask: case.weigh(x, where=mask))
        assert (moves(scores.detach()) == 0).all()


@pytest.mark.parametrize("offset", [-torch.inf, -800.0, 800.0])
def test_a_far_offset_leaves_finite_gradients(offset, scores):
    offset = torch.tensor(offset, dtype=scores.dtype, device=scores.device)
    offset.requires_grad_()
    weights = Softmax1(offset)(scores)
    loss = weights.square().sum()
    slopes = torch.autograd.grad(loss, [scores, offset])
    assert all(a.isfinite().all() for a in slopes)
    expected = softmax(scores) if offset < 0 else 0 * scores
    agree(weights, expected)


def test_a_gradient_near_alpha_one_has_no_plateau(scores):
    x, slopes = scores.detach()[0], []
    for alpha in (1 - 1e-6, 1.0, 1 + 1e-6):
        at = torch.tensor(alpha, dtype=x.dtype, device=x.device, requires_grad=True)
        slopes.append(torch.autograd.grad(Entmax(at)(x)[0], at)[0])
    w = softmax(x)
    squares = w * w.log() ** 2
    expected = -(squares - w * squares.sum())[0] / 2
    for actual in slopes:
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=0)


def test_compiled_without_a_break_they_give_the_same(scores, where, learned):
    # The value of a number changes no step that is traced.
    drawn = [(case, learned(case)) for case in A_WAY_EACH if case.name in COMPILED]
    calls = [(case, mask, given) for case, given in drawn for mask in (None, where)]

    # As one graph, for to begin a graph takes longer than to trace a weighting.
    def weigh(x):
        return torch.stack(
            [case.weigh(x, where=mask, **given) for case, mask, given in calls]
        )

    sizes = torch.arange(1.0, len(calls) + 1, device=scores.device)[:, None, None]
    torch.compiler.reset()
    compiled = torch.compile(weigh, fullgraph=True, backend="eager")
    results = []
    for call in (compiled, weigh):
        weights = call(scores)
        total = (sizes * weights.square()).sum()
        results.append((weights, *torch.autograd.grad(total, scores)))
    agree(*results)
