"""Mistakes in rows of softmax: the axis, the maximum, the base."""

import math

from attention_lib._dispatch import factor_for, masked, namespace
from tests.mutation import mistake

NUMPY, TORCH = "numpy_backend.rows", "torch_backend.rows"
ROWS = "tests/weightings/test_exponential.py::"
EDGES = "tests/weightings/test_exponential_edges.py::"
BY_AXIS = ROWS + "test_each_dtype_agrees_with_the_definition_along_each_axis"
LARGE = EDGES + "test_large_scores_do_not_overflow"
SHIFTED = (
    "tests/numpy_backend/test_rows.py::"
    "test_a_shift_never_costs_digits[10000.0-float64-101]"
)
UNDONE = ROWS + "test_softmax_undoes_the_logarithm"
LOG_2 = math.log(2)  # e to its multiples is two to them


def exponentials(scores, where=None, multiplier=1.0):
    """Give e to the power of the scores as they are, zero where nothing takes part."""
    return masked(namespace(scores).exp(scores * factor_for(scores, multiplier)), where)


@mistake(f"{NUMPY}.softmax", f"{BY_AXIS}[numpy-float32-softmax-1]")
@mistake(f"{TORCH}.softmax", f"{BY_AXIS}[torch-float32-softmax-1]")
def the_wrong_axis(right, scores, where=None, multiplier=1.0):
    """Weigh along the first axis in place of the last."""
    return right(scores.swapaxes(0, -1), where, multiplier).swapaxes(0, -1)


@mistake(
    "_check.axis_of",
    f"{BY_AXIS}[numpy-float64-softmax--1]",
    f"{BY_AXIS}[torch-float64-log_softmax--1]",
)
def a_negative_axis_counted_from_the_start(x, axis, name="x"):
    """Forget the sign of the axis."""
    return abs(axis) % x.ndim


@mistake(f"{NUMPY}.softmax", SHIFTED, f"{LARGE}[numpy-float32]")
@mistake(f"{TORCH}.softmax", f"{LARGE}[torch-float32]")
def no_maximum(scores, where=None, multiplier=1.0):
    """Divide the exponentials of the scores as they are by their sum."""
    shares = exponentials(scores, where, multiplier)
    return shares / shares.sum(-1)[..., None]


@mistake(f"{NUMPY}._safe_block", SHIFTED)
def no_maximum_in_extreme_rows(x, where, multiplier, work, out, axis):
    """Divide the exponentials of the scores as they are by their sum."""
    shares = exponentials(x, where, multiplier)
    out[:] = shares / shares.sum(axis, keepdims=True)


@mistake(f"{NUMPY}._plain_block", f"{LARGE}[numpy-float32]")
def no_look_at_the_sum_without_a_maximum(x, multiplier, out, ones):
    """Take a row without a maximum, and say that it was safe whatever its sum is."""
    shares = exponentials(x, None, multiplier)
    out[:] = shares / shares.sum(-1, keepdims=True)
    return True


@mistake(f"{NUMPY}.softmax", f"{UNDONE}[numpy]")
@mistake(f"{TORCH}.softmax", f"{UNDONE}[torch]")
def base_two(right, scores, where=None, multiplier=1.0):
    """Take powers of two in place of exponentials."""
    return right(scores, where, multiplier * LOG_2)


@mistake(f"{NUMPY}._plain_block", f"{UNDONE}[numpy]")
def base_two_in_ordinary_rows(right, x, multiplier, out, ones):
    """Take powers of two in place of exponentials."""
    return right(x, multiplier * LOG_2, out, ones)


@mistake(f"{NUMPY}._safe_block", SHIFTED)
def base_two_in_extreme_rows(right, x, where, multiplier, work, out, axis):
    """Take powers of two in place of exponentials."""
    right(x, where, multiplier * LOG_2, work, out, axis)


@mistake(f"{NUMPY}.log_softmax", f"{BY_AXIS}[numpy-float64-log_softmax-0]")
@mistake(f"{TORCH}.log_softmax", f"{BY_AXIS}[torch-float64-log_softmax-0]")
def base_two_in_the_logarithms(right, scores, where=None, multiplier=1.0):
    """Take the logarithm of powers of two."""
    return right(scores, where, multiplier * LOG_2)


@mistake(
    "weightings.logarithms._absorb",
    "tests/weightings/test_online_softmax.py::test_the_state_is_given_after_each_block",
)
def the_running_sum_is_not_rescaled(right, block, peak, total):
    """Add to the sum so far what is relative to another maximum."""
    top, fresh = right(block, peak, 0 * total)
    return top, total + fresh
