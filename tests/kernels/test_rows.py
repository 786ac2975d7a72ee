"""Rows by the kernel against the definitions, and gradients against torch's own."""

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib.torch_backend import rows
from attention_lib.torch_backend.kernels import row_operators
from tests.engines import TORCH, tolerance
from tests.in_turn import in_turn
from tests.weightings.every import CASES

N = 37
NEVER = ("hardmax", "top_k_softmax", "normalize")  # what no kernel knows


def _taken(case):
    alpha = case.params.get("alpha", 1.5)
    return case.name not in NEVER and (not isinstance(alpha, float | int) or (
        1 <= alpha <= 2))  # fmt: skip


TAKEN = [case for case in CASES if _taken(case)]
every_case = pytest.mark.parametrize("case", TAKEN, ids=str)
# With what is one a row, where anything is: that has the gradients of the others too.
FAMILIES = {(c.name, str(c.params.get("alpha"))): c for c in TAKEN}
FAMILIES = {key: c for key, c in FAMILIES.items() if key[1] not in ("1", "1.01")}
one_of_a_family = pytest.mark.parametrize("case", FAMILIES.values(), ids=str)


@pytest.fixture(autouse=True)
def by_kernel(monkeypatch):
    """Note what came by the kernel."""
    came, right = [], rows.by_kernel

    def noted(weighting, scores, where):
        weights = right(weighting, scores, where)
        came.append(weights is not None)
        return weights

    monkeypatch.setattr(rows, "by_kernel", noted)
    return came


@pytest.fixture
def long_rows(monkeypatch):
    """Let rows be long: they are read again for each pass."""
    monkeypatch.setattr(row_operators, "IN_REGISTERS", 8)
    monkeypatch.setattr(row_operators, "TILE", 32)


def drawn(case, rng, rows=(5, 1), grad=False):
    """Give the parameters of a case, those of a row as tensors in float32."""

    def tensor(a):
        low = 1.01 if case.name == "entmax" else a  # the kernel's alphas
        return torch.tensor(np.maximum(a, low), dtype=torch.float32, requires_grad=grad)

    return case.drawn(rng, rows, tensor)


def mask(rng, shape=(5, N)):
    """Give a mask with one row of which nothing takes part."""
    where = rng.random(shape) < 0.7
    where[..., -1, :] = False
    return where


def checked(case, scores, where, dtype, params):
    """Weigh, and compare with the definition over what takes part."""
    given = TORCH.array(scores, dtype)
    exact = TORCH.numpy(given)
    kept = None if where is None else torch.tensor(where)
    actual = TORCH.numpy(case.weigh(given, where=kept, **params), dtype)
    plain = {k: v.numpy().astype(float) if isinstance(v, torch.Tensor) else v
             for k, v in params.items()}  # fmt: skip
    for i, row in enumerate(exact):
        taking = slice(None) if where is None else where[i]
        expected = np.zeros_like(row)
        if row[taking].size:
            mine = {k: v[i] if np.ndim(v) else v for k, v in plain.items()}
            expected[taking] = case.expected(row[taking], **mine)
        np.testing.assert_allclose(
            actual[i], expected, tolerance(dtype, 64), 8 * tolerance("float32"), str(i)
        )


@every_case
@in_turn(("dtype", "masked"), [("float32", True), ("float16", False)])
def test_the_weights_are_those_of_the_definition(case, masked, dtype, rng, by_kernel):
    scores, params = 2 * rng.normal(size=(5, N)), drawn(case, rng)
    checked(case, scores, mask(rng) if masked else None, dtype, params)
    assert all(by_kernel)


@one_of_a_family
def test_a_row_read_again_is_the_same(case, rng, long_rows, by_kernel):
    scores, params = 2 * rng.normal(size=(2, 59)), drawn(case, rng, (2, 1))
    checked(case, scores, mask(rng, (2, 59)), "float32", params)
    assert all(by_kernel)


def gradients(case, scores, where, params, pull, order=1):
    """Give the weights and the gradients in the scores and in what is one a row."""
    x = scores.detach().clone().requires_grad_()
    given = {k: v.detach().clone().requires_grad_() if isinstance(v, torch.Tensor)
             else v for k, v in params.items()}  # fmt: skip
    inputs = [x, *(v for v in given.values() if isinstance(v, torch.Tensor))]
    weights = case.weigh(x, where=where, **given)
    graph = order == 2
    slopes = torch.autograd.grad((weights * pull).sum(), inputs, create_graph=graph)
    if graph and any(a.requires_grad for a in slopes):
        total = sum((a * a).sum() for a in slopes)
        slopes = (*slopes, *torch.autograd.grad(total, inputs))
    return [weights.detach(), *(a.detach() for a in slopes)]


def compared(case, rng, eagerly, where, order=1, shape=(5, N)):
    params = drawn(case, rng, (*shape[:-1], 1))
    scores = torch.tensor(2 * rng.normal(size=shape), dtype=torch.float32)
    pull = torch.tensor(rng.normal(size=shape), dtype=torch.float32)
    given = (case, scores, where, params, pull, order)
    actual, expected = gradients(*given), eagerly(gradients, *given)
    for one, other in zip(actual, expected, strict=True):
        scale = float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=2e-5, atol=2e-5 * scale + 1e-6)


@every_case
def test_the_gradients_are_those_of_torch(case, rng, eagerly, by_kernel):
    compared(case, rng, eagerly, None)
    assert all(by_kernel)


@one_of_a_family
def test_the_gradients_with_a_mask(case, rng, eagerly, by_kernel):
    compared(case, rng, eagerly, torch.tensor(mask(rng)))
    assert all(by_kernel)


@one_of_a_family
def test_the_gradients_of_a_row_read_again(case, rng, eagerly, long_rows):
    compared(case, rng, eagerly, torch.tensor(mask(rng, (2, 59))), shape=(2, 59))


@one_of_a_family
def test_second_derivatives_are_those_of_torch(case, rng, eagerly):
    compared(case, rng, eagerly, torch.tensor(mask(rng)), order=2)


@pytest.mark.parametrize("n", [1, 64, 300, 2000])
def test_thresholds_start_from_the_maxima_of_parts(n, rng, by_kernel):
    scores = 3 * rng.normal(size=(2, n))
    for case in TAKEN:
        if case.name in ("sparsemax", "entmax"):
            checked(case, scores, None, "float32", drawn(case, rng, (2, 1)))
    assert all(by_kernel)


def test_a_mask_broadcasts_without_a_copy_of_it(rng, monkeypatch):
    scores = torch.tensor(rng.normal(size=(2, 3, 5, N)), dtype=torch.float32)
    shapes = [(5, N), (2, 1, 1, N), (3, 1, N), (2, 3, 5, 1), (2, 1, 5, N)]
    for shape in shapes:
        where = torch.tensor(rng.random(shape) < 0.6)
        whole = where.expand(scores.shape).contiguous()
        monkeypatch.setattr(torch.Tensor, "contiguous", None)
        actual = al.softmax1(scores, where=where)
        monkeypatch.undo()
        torch.testing.assert_close(actual, al.softmax1(scores, where=whole))
        assert (actual[~whole] == 0).all()


def test_any_axis_and_any_strides(rng, eagerly):
    scores = torch.tensor(rng.normal(size=(4, N, 6)), dtype=torch.float32)
    for given in (scores, scores.mT, scores[:, ::2], scores[:1].expand(3, -1, -1)):
        for axis in (0, 1, -1):
            actual = al.softmax1(given, axis)
            torch.testing.assert_close(actual, eagerly(al.softmax1, given, axis))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_what_is_not_the_kernels_takes_the_eager_way(rng, by_kernel):
    scores = torch.tensor(rng.normal(size=(3, 5)))
    al.softmax(scores)  # in double precision
    single = scores.float()
    for weigh in (al.hardmax, al.normalize, lambda x: al.entmax(x, 0.5)):
        weigh(single)
    al.entmax(single, torch.tensor([[1.5], [3.0], [1.2]]))
    al.softmax(single[:0])
    torch.vmap(al.softmax)(single)
    torch.func.jvp(al.softmax, (single,), (single,))
    assert not any(by_kernel)


def test_the_kernel_is_kept_whole_by_a_compiler(rng):
    def step(x, offset):
        return al.softmax1(x, offset=offset).square().sum()

    scores = torch.tensor(rng.normal(size=(3, 7)), dtype=torch.float32)
    offset = torch.zeros(3, 1)
    compiled = torch.compile(step, backend="aot_eager", fullgraph=True)
    slopes = []
    for function in (step, compiled):
        given = [a.clone().requires_grad_() for a in (scores, offset)]
        slopes.append(torch.autograd.grad(function(*given), given))
    torch.testing.assert_close(*slopes)


def test_autocast_recasts_nothing(rng):
    scores = torch.tensor(rng.normal(size=(3, 7)), dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        weights = al.softmax(scores)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights, al.softmax(scores), rtol=0, atol=0)
