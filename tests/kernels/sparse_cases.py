"""What the tests of sparse attention share: weightings, and a look at who served."""

from contextlib import contextmanager

import pytest
import torch

from attention_lib import Entmax, Sparsemax
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import sparse
from tests.in_turn import in_turn
from tests.kernels import streaming_cases
from tests.kernels.streaming_cases import exact, outcome, same

WEIGHTINGS = {
    "sparsemax": Sparsemax(),
    "squares": Entmax(1.5),
    "one alpha": Entmax(1.3),
    "near one": Entmax(1.01),
}
LENGTH, KEYS = 7, 19  # a tile by two
EDGES = ["sparsemax", "near one"]  # powers are cut at zero in two ways
in_turns = in_turn("name", EDGES)


def three(rng, length=LENGTH, n_keys=KEYS, **options):
    """Give query, key and value that require gradients."""
    return streaming_cases.three(rng, length=length, n_keys=n_keys, **options)


def mask_of(kind, rng, length=LENGTH, n_keys=KEYS):
    """Give the options of a mask, in which the third query sees no key."""
    return streaming_cases.mask_of(kind, rng, length, n_keys)


def alphas(*values):
    """Give one alpha a head, with a gradient."""
    return torch.tensor(values).view(-1, 1, 1).requires_grad_()


@contextmanager
def served_once():
    """Look that the kernel is started once: another way may serve as well."""
    calls, right = [], sparse.attend

    def looked(*arguments):
        calls.append(arguments)
        return right(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "attend", looked)
        yield
    assert len(calls) == 1, "another way served"


def by_kernel(given, weighting, learned=(), **options):
    """Give the kernel's output and gradients."""
    with served_once():
        return outcome(given, weighting, learned, method="triton", **options)


def output(given, weighting, **options):
    """Give the kernel's output alone."""
    with served_once(), torch.no_grad():
        return attend(*given, weighting=weighting, method="triton", **options)


def agree(given, weighting, learned=(), error=2e-6, **options):
    """Compare the kernel's output and gradients with exact ones."""
    made = by_kernel(given, weighting, learned, **options)
    same(made, exact(given, weighting, learned, **options), error)
    return made
