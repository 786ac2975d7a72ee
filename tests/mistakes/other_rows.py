"""Mistakes in the rows of the other weightings: sparse, normalised, chosen."""

from attention_lib._dispatch import full, largest, masked, namespace
from attention_lib._threshold import powers
from attention_lib.torch_backend import descent as in_torch
from tests.mutation import mistake

ENTMAX = "tests/weightings/test_entmax.py::"
ONLY_TAKING = ENTMAX + "test_masked_keys_do_not_count_in_the_threshold"
DERIVED = ENTMAX + "test_derivatives_are_those_of_the_definition"
CONDITIONS = ENTMAX + "test_the_conditions_hold_before_the_power_is_taken"
BY_DTYPE = (
    "tests/weightings/test_every_weighting.py::"
    "test_each_dtype_agrees_with_the_definition"
)
TIES = "tests/weightings/test_every_edge.py::test_ties_are_shared_or_go_to_the_first"


@mistake("numpy_backend.entmax.entmax", f"{ONLY_TAKING}[numpy]")
@mistake("torch_backend.entmax.entmax", f"{ONLY_TAKING}[torch]")
def a_threshold_of_all_keys(right, scores, alpha, where=None):
    """Let masked keys raise the threshold, and clear their weights afterwards."""
    return masked(right(scores, alpha), where)


@mistake("torch_backend.entmax._general_block", f"{ONLY_TAKING}[torch]")
def a_general_threshold_of_all_keys(right, x, c, where, out):
    """Let masked keys raise the threshold, and clear their weights afterwards."""
    right(x, c, None, out)
    if where is not None:
        out.masked_fill_(~where, 0)


@mistake("torch_backend.entmax.gradient_in_scores", f"{DERIVED}[2.0]")
def a_gradient_of_entmax_in_every_key(weights, c, direction):
    """Move the keys without weight as well."""
    slopes = weights ** (1 - c)
    mean = (slopes * direction).sum(-1, keepdim=True) / slopes.sum(-1, keepdim=True)
    return slopes * (direction - mean)


@mistake("torch_backend.entmax.gradient_in_alpha", f"{DERIVED}[1.3]")
def the_other_sign_of_the_gradient_in_alpha(right, weights, c):
    """Turn the gradient around."""
    return -right(weights, c)


@mistake("_threshold.entmax_by_newton", f"{CONDITIONS}[6]")
def plain_newton_above_alpha_two(z, c, taking):
    """Follow the slope wherever it leads: no bracket is kept."""
    xp, t = namespace(z), 0 * c
    for _ in range(in_torch.STEPS):
        weights = powers(z, c, t)
        total = weights.sum(-1)[..., None]
        slope = masked(weights ** (1 - c), weights > 0).sum(-1)[..., None]
        t = t - total * xp.expm1(-c * xp.log(total)) / c / slope
    weights = powers(z, c, t)
    return weights / weights.sum(-1)[..., None]


@mistake("_threshold._settled", f"{CONDITIONS}[6]")
def what_is_too_much_is_taken_from_all_alike(z, c, t, low, close):
    """Leave the weights as the threshold makes them, to be divided by their sum."""
    return powers(z, c, t)


@mistake("numpy_backend.rows.logsumexp", f"{BY_DTYPE}[softmax1()]")
@mistake("torch_backend.rows.logsumexp", f"{BY_DTYPE}[softmax1()]")
def the_one_more_is_not_shifted_with_the_maximum(right, scores, where=None):
    """Give the logarithm of a sum relative to the largest."""
    return right(scores, where) - largest(scores, where)


@mistake("weightings.sums.Softpick.relative", f"{BY_DTYPE}[softpick()]")
def softpick_forgets_negative_scores_in_the_sum(right, self, scores, peak):
    """Leave the sizes of negative scores out of the sum."""
    return right(self, scores, peak).clip(0)


@mistake(
    "weightings.streams.Stream.finish",
    f"{BY_DTYPE}[softpick(eps=0.5)]",
)
def softpick_s_eps_is_not_shifted(right, self, shares, peak, total):
    """Add the eps to a sum that is relative to the largest."""
    if self.growth == "exp":
        return shares / (total + self.eps)
    return right(self, shares, peak, total)


@mistake("weightings.selection.TopK._largest", f"{TIES}[numpy]", f"{TIES}[torch]")
def top_k_keeps_all_that_tie(right, self, scores, where):
    """Keep more than k where several tie for the last place."""
    xp, kept = namespace(scores), right(self, scores, where)
    infinite = full((), float("inf"), scores)
    return scores >= xp.amin(xp.where(kept, scores, infinite), -1)[..., None]
