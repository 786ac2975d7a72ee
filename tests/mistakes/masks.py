"""Mistakes with keys that take no part: in rows, and in attention's masks."""

from attention_lib._dispatch import cast, full, masked, namespace
from attention_lib.numpy_backend import attention as in_numpy
from tests.mutation import mistake

NUMPY, TORCH = "numpy_backend.rows.softmax", "torch_backend.rows.softmax"
EDGES = "tests/weightings/test_exponential_edges.py::"
NEVER_READ = EDGES + "test_what_does_not_take_part_is_never_read"
LOWEST = EDGES + "test_a_mask_beats_the_lowest_score"
MASKED = "tests/test_attention_edges.py::"
ATTENTION = "tests/test_attention.py::"
AGREES = ATTENTION + "test_every_method_agrees_with_the_textbook"
EVERY_EDGE = "tests/weightings/test_every_edge.py::"


@mistake(NUMPY, f"{NEVER_READ}[numpy-5-0.0]")
@mistake(TORCH, f"{NEVER_READ}[torch-5-0.0]")
def a_mask_after_the_rows(right, scores, where=None, multiplier=1.0):
    """Clear what takes no part from weights that were shared among all keys."""
    return masked(right(scores, None, multiplier), where)


def filled(right, scores, where, multiplier, fill):
    """Weigh with a low score where nothing takes part, and clear it afterwards."""
    if where is None:
        return right(scores, None, multiplier)
    known = namespace(scores).where(where, scores, full((), fill, scores))
    return masked(right(known, None, multiplier), where)


@mistake(NUMPY, f"{LOWEST}[numpy-float32]")
@mistake(TORCH, f"{LOWEST}[torch-float32]")
def minus_a_billion_for_a_mask(right, scores, where=None, multiplier=1.0):
    """Hide keys by a score that others can have."""
    return filled(right, scores, where, multiplier, -1e9)


@mistake(NUMPY, f"{LOWEST}[numpy-float16]")
@mistake(TORCH, f"{LOWEST}[torch-float16]")
def the_lowest_float16_for_a_mask(right, scores, where=None, multiplier=1.0):
    """Hide keys by a score that others can have."""
    return filled(right, scores, where, multiplier, -65504.0)


@mistake(
    "_call._attn_mask",
    f"{MASKED}test_a_fully_masked_row_is_zero[float16-numpy-dense]",
    f"{MASKED}test_a_fully_masked_row_is_zero[float16-torch-auto]",
)
def minus_a_billion_for_a_mask_in_attention(right, attn_mask, query, shape):
    """Hide keys by a large number that is added, or the lowest that there is."""
    xp, (bias, mask) = namespace(query), right(attn_mask, query, shape)
    if mask is None:
        return bias, None
    low = max(-1e9, float(xp.finfo(query.dtype).min))
    return xp.where(mask, full((), 0.0, query), full((), low, query)), None


@mistake(NUMPY, f"{NEVER_READ}[numpy-5-0.0]")
@mistake(TORCH, f"{NEVER_READ}[torch-5-0.0]")
def a_row_without_keys_is_divided_by_zero(right, scores, where=None, multiplier=1.0):
    """Divide nothing by nothing, which gives NaN."""
    weights = right(scores, where, multiplier)
    if where is None:
        return weights
    return weights / cast(where.any(-1)[..., None], weights.dtype)


@mistake(NUMPY, f"{NEVER_READ}[numpy-5-0.0]")
@mistake(TORCH, f"{NEVER_READ}[torch-5-0.0]")
def a_row_without_keys_gives_equal_shares(right, scores, where=None, multiplier=1.0):
    """Weigh all keys alike where none takes part, as softmax of equal fills does."""
    weights = right(scores, where, multiplier)
    if where is None:
        return weights
    share = full((), 1 / scores.shape[-1], weights)
    return namespace(weights).where(where.any(-1)[..., None], weights, share)


@mistake(
    TORCH,
    "tests/weightings/test_exponential_gradients.py::"
    "test_no_nan_appears_on_the_way_back[cpu]",
)
def nan_on_the_way_back_from_a_row_without_keys(
    right, scores, where=None, multiplier=1.0
):
    """Fill whole rows with minus infinity, and clear their weights afterwards."""
    if where is None:
        return right(scores, None, multiplier)
    low = scores.masked_fill(~where, -float("inf"))
    return right(low, None, multiplier).masked_fill(~where, 0)


@mistake(
    "numpy_backend.scores.causal",
    f"{AGREES}[small blocks-numpy-float64-streaming]",
)
def a_causal_mask_without_its_own_place(right, block, stop, start=0, offsets=(0, 0)):
    """Let a query see only the keys before its own place."""
    return right(block, stop, start, (offsets[0] - 1, offsets[1]))


@mistake(
    "torch_backend.masking.where_of", f"{AGREES}[small blocks-torch-float64-dense]"
)
def a_causal_mask_without_its_own_place_in_torch(
    right, call, block=slice(None), stop=None, offsets=(0, 0)
):
    """Let a query see only the keys before its own place."""
    return right(call, block, stop, (offsets[0] - 1, offsets[1]))


@mistake("numpy_backend.scores.scores", f"{AGREES}[small blocks-numpy-float64-dense]")
@mistake("torch_backend.scores.scores", f"{AGREES}[small blocks-torch-float64-dense]")
def a_causal_mask_aligned_at_the_end(right, call, offsets=(0, 0), *block, **stop):
    """Let the last query see the last key, whatever the numbers of both are."""
    more = call.shape[-1] - call.shape[-2]
    return right(call, (offsets[0] + more, offsets[1]), *block, **stop)


@mistake(
    "numpy_backend.attention._sum_exponentials",
    f"{MASKED}test_a_fully_masked_row_is_zero[float32-numpy-streaming]",
)
def nan_on_a_row_without_keys_of_attention(
    right, call, stream, head, query, block, stop, buffer
):
    """Divide nothing by nothing, which gives NaN."""
    out = right(call, stream, head, query, block, stop, buffer)
    where = in_numpy._block_where(call, head, block, slice(0, stop))
    if where is not None:
        out[~where.any(-1)] = float("nan")
    return out


@mistake(
    "_dispatch.count",
    f"{EVERY_EDGE}test_a_pointwise_count_is_of_those_that_take_part[numpy]",
    f"{EVERY_EDGE}test_a_pointwise_count_is_of_those_that_take_part[torch]",
)
def masked_keys_are_counted(scores, where):
    """Count all keys of a row."""
    return scores.shape[-1]
