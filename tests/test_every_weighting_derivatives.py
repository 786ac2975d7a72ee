"""Second derivatives, forward mode and transforms of attention with every weighting."""

import pytest
import torch

from attention_lib import scaled_dot_product_attention as attend
from tests.derivatives import gradcheck, gradgradcheck
from tests.weightings.every import FEWER

SMOOTH = [c for c in FEWER if c.make is not None and c.name != "hardmax"]
every_smooth = pytest.mark.parametrize("case", SMOOTH, ids=str)
# torch itself calls this when forward mode is used for the first time.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


@pytest.fixture
def three(rng, device):
    def made(n):
        a = torch.tensor(rng.normal(size=(2, n, 2)), device=device)
        return a.requires_grad_()

    return made(2), made(3), made(3)


def weighting_of(case, rng, device):
    params = case.drawn(rng, (2, 1, 1), lambda a: torch.tensor(a, device=device))
    return case.make(**params)


@every_smooth
def test_second_derivatives_and_forward_mode_of_dense(case, three, rng, device):
    options = {"weighting": weighting_of(case, rng, device), "method": "dense"}

    def dense(*qkv):
        return attend(*qkv, **options)

    assert gradcheck(dense, three, check_forward_ad=True)
    assert gradgradcheck(dense, three)


@every_smooth
@pytest.mark.parametrize("method", ["auto", "dense", "streaming"])
def test_transforms_agree_with_autograd(case, method, three, rng, device):
    query, key, value = (a.detach() for a in three)
    options = {"weighting": weighting_of(case, rng, device), "method": method}

    def ask(query):
        return attend(query, key, value, **options)

    stack = torch.stack([query, 2 * query])
    expected = torch.stack([ask(q) for q in stack])
    torch.testing.assert_close(torch.vmap(ask)(stack), expected)
    expected = torch.autograd.functional.jacobian(ask, query)
    torch.testing.assert_close(torch.func.jacrev(ask)(query), expected)
    if method != "streaming":
        torch.testing.assert_close(torch.func.jacfwd(ask)(query), expected)
