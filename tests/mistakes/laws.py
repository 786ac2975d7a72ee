"""Mistakes against a law of all weightings: layout, scale, finite numbers, absence."""

import contextlib

import numpy as np

from attention_lib._dispatch import factor_for, is_tensor
from attention_lib.torch_backend import sdpa
from attention_lib.weightings.streams import Stream
from tests.mutation import mistake

LAW = "tests/test_every_path.py::test_"
FAULT = "tests/test_named_faults.py::test_"
OWN = "tests/test_own_weightings.py::test_own_weighting_law"


@mistake(
    "numpy_backend.rows.softmax",
    "tests/weightings/test_exponential_edges.py::"
    "test_how_an_array_lies_in_memory_does_not_matter[5-0]",
)
def rows_are_read_in_the_order_of_memory(right, scores, where=None, multiplier=1.0):
    """Take the numbers as they lie, whatever the strides are."""
    lying = scores.ravel("K").reshape(scores.shape)
    return right(lying, where, multiplier)


@mistake(
    "torch_backend.sdpa._in_four_axes",
    f"{LAW}layout_law[softmax1]",
    f"{FAULT}a_transposed_query_of_softmax1_is_read_as_it_lies",
)
def the_kernel_reads_the_last_axis_as_if_its_numbers_lay_side_by_side(
    right, call, query
):
    """Give it the tensors in their order in memory, whatever their strides are."""
    return [
        a if a.stride(-1) == 1 else a.as_strided(a.shape, (*a.stride()[:-1], 1))
        for a in right(call, query)
    ]


@mistake(
    "torch_backend.sdpa._softmax",
    f"{LAW}scale_law[softmax]",
    f"{FAULT}causal_softmax_takes_a_scale_that_is_not_positive[-1.0]",
)
def the_kernel_is_given_a_negative_scale_with_causal(right, call, stream):
    """Hand the scale over as it is: what is hidden comes out at plus infinity."""
    if not (call.is_causal and call.scale < 0):
        return right(call, stream)
    query, key, value = sdpa._in_four_axes(call, call.query)
    out = sdpa.sdpa(query, key, value, is_causal=True, scale=call.scale)
    return out.reshape(*call.lead, *out.shape[-2:])


@mistake("numpy_backend.scores.scaled_product", f"{LAW}scale_law[softmax]")
@mistake("torch_backend.scores._scaled_product", f"{LAW}scale_law[softpick]")
def the_sign_of_the_scale_is_lost(right, query, key, scale, *given, **options):
    """Take the root of the scale's size on both sides, and forget its sign."""
    return right(query, key, abs(scale), *given, **options)


@mistake(
    "_dispatch.product",
    f"{LAW}finite_law[scalable_softmax]",
)
def scores_are_multiplied_before_the_largest_is_taken_off(x, base, multiplier):
    """Multiply first, so that large scores overflow."""
    factor = factor_for(x, multiplier)
    return x * factor - base * factor


@mistake(
    "torch_backend.block_rules.Entmax._odd",
    f"{LAW}finite_law[sparsemax]",
    f"{FAULT}scores_of_sparsemax_beyond_24_bits_have_a_threshold",
)
def the_threshold_by_blocks_has_no_look_at_large_scores(self, top, n):
    """Take rows whose threshold is lost beside their largest score."""
    odd = top == -float("inf")
    return odd if bool(odd.any()) else None


@mistake(
    "_dispatch.present",
    f"{LAW}absence_law[scalable_softmax]",
    f"{LAW}absence_law[softpick]",
)
def a_key_of_score_minus_infinity_is_there(scores, where, whole=True):
    """Leave no key out."""
    return where


@mistake(
    "_dispatch.quiet",
    f"{LAW}autocast_law[sparsemax]",
    f"{LAW}autocast_law[softmax1]",
)
def autocast_goes_on(x=None):
    """Let autocast recast what is computed."""
    return contextlib.nullcontext() if is_tensor(x) else np.errstate(all="ignore")


@mistake(
    "weightings.base.Weighting.stream",
    f"{OWN}[numpy-softmax, halved]",
    f"{OWN}[torch-softmax, other_exponent]",
)
def the_nearest_record_is_trusted_whatever_a_subclass_changed(self, n=None):
    """Stream as a base class does, also where another rule weighs."""
    owner = next((c for c in type(self).__mro__ if "record" in vars(c)), None)
    return None if owner is None else self.record(n)


@mistake(
    "weightings.base.Weighting.stream",
    f"{FAULT}a_threshold_of_one_s_own_is_not_taken_for_ours[torch]",
)
def a_class_with_an_alpha_is_taken_for_entmax(right, self, n=None):
    """Know a weighting by the name of its parameter."""
    if self.kind == "threshold" and hasattr(self, "alpha"):
        return Stream(self.kind, "entmax", power=self.alpha)
    return right(self, n)
