"""Streaming attention by kernels gives what one matrix gives, and the gradients."""

import numpy as np
import pytest
import torch

from attention_lib import scaled_dot_product_attention as attend
from tests.kernels.streaming_cases import (
    LONG,
    SERVED,
    both,
    every_case,
    mask_of,
    one_of_each,
    three,
    weighting_of,
)

KINDS = [
    "no mask",
    "causal",
    "bool",
    "additive",
    "causal and bool",
    "causal and additive",
    "padding",
    "window",
]
# A mask for each case, and each with a few of them.
NEXT = {str(case): KINDS[i % len(KINDS)] for i, case in enumerate(SERVED)}


@every_case
def test_outputs_and_gradients_are_those_of_one_matrix(case, rng):
    weighting, learned = weighting_of(case, rng, (1, 1, 1))
    both(three(rng), weighting, learned, **mask_of(NEXT[str(case)], rng))


@pytest.mark.parametrize("kind", KINDS)
def test_every_mask_hides_what_it_says_in_tiles_of_every_place(kind, rng):
    both(three(rng, **LONG), "softpick", **mask_of(kind, rng, **LONG))


@pytest.mark.parametrize("name", ["softmax1", "sigmoid", "normalized_relu"])
def test_every_sort_of_rule_goes_over_the_causal_edge(name, rng):
    both(three(rng, **LONG), name, is_causal=True)


@one_of_each
def test_weights_are_those_of_the_definition(case, rng):
    query, key, value = three(rng, heads=1, length=3, n_keys=17)
    params = case.drawn(rng, ())
    out = attend(
        query, key, value, weighting=case.make(**params), scale=0.7, method="triton"
    )
    scores = (query.detach().double() @ key.detach().double().mT * 0.7).numpy()
    expected = case.expected(scores, **params) @ value.detach().double().numpy()
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=2e-6, atol=2e-6)


@one_of_each
def test_halves_are_as_exact_as_they_are_wide(case, rng):
    given = three(rng, dtype=torch.float16)
    weighting, _ = weighting_of(case, rng)
    both(given, weighting, error=4e-3, **mask_of("causal and bool", rng))
