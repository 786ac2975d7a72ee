"""What the tests of sparse attention share: weightings, and a look at who served."""

import pytest
import torch

from attention_lib import Entmax, Sparsemax
from attention_lib.torch_backend.kernels import sparse
from tests.in_turn import in_turn
from tests.kernels.streaming_cases import exact, outcome, same

WEIGHTINGS = {
    "sparsemax": Sparsemax(),
    "squares": Entmax(1.5),
    "one alpha": Entmax(1.3),
    "near one": Entmax(1.01),
}
every_weighting = pytest.mark.parametrize("name", WEIGHTINGS)
in_turns = in_turn("name", list(WEIGHTINGS))


def alphas(*values):
    """Give one alpha a head, with a gradient."""
    return torch.tensor(values).view(-1, 1, 1).requires_grad_()


def by_kernel(given, weighting, learned=(), **options):
    """Give output and gradients, after a look that the kernel made them."""
    calls, right = [], sparse.attend

    def looked(*arguments):
        calls.append(arguments)
        return right(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "attend", looked)
        made = outcome(given, weighting, learned, method="triton", **options)
    assert len(calls) == 1, "another way served"
    return made


def agree(given, weighting, learned=(), error=2e-6, **options):
    """Compare the kernel's output and gradients with exact ones."""
    made = by_kernel(given, weighting, learned, **options)
    same(made, exact(given, weighting, learned, **options), error)
    return made
