"""Mistakes in linear attention, in its features and in rollout."""

import dataclasses

import numpy as np

from attention_lib import linear
from attention_lib._dispatch import masked, namespace
from attention_lib.linear import LinearState
from tests.mutation import mistake

LINEAR = "tests/test_linear.py::"
EDGES = "tests/test_linear_edges.py::"
FEATURES = "tests/test_features.py::"
ROLLOUT = "tests/test_rollout.py::"
AGREES = LINEAR + "test_every_length_agrees_with_the_definition"
LATER = EDGES + "test_a_later_key_is_never_read"
AVERAGE = FEATURES + "test_features_that_vanish_or_overflow_still_average"
PUT_BACK = FEATURES + "test_what_is_subtracted_is_put_back_without_the_division"
BY_HAND = ROLLOUT + "test_two_layers_by_hand"


def in_both(test, case=None):
    """Give a test's ids for the two engines."""
    rest = "" if case is None else f"-{case}"
    return [f"{test}[{engine}{rest}]" for engine in ("numpy", "torch")]


@mistake("linear._step", *in_both(AGREES, "chunks of 4-elu_plus_one"))
def a_causal_state_that_includes_its_own_chunk(
    right, query, key, value, state, phi, normalize, is_causal
):
    """Add the chunk's keys to the state before its queries read it."""
    _, _, after = linear._absorbed(key, value, state, phi)
    start = after if is_causal else state
    out, _ = right(query, key, value, start, phi, normalize, is_causal)
    return out, after


@mistake("linear._step", *in_both(AGREES, "one chunk-elu_plus_one"))
def a_chunk_that_sees_its_own_future(
    right, query, key, value, state, phi, normalize, is_causal
):
    """Let the queries of a chunk see all its keys."""
    return right(query, key, value, state, phi, normalize, False)


@mistake("linear._chunks", *in_both(AGREES, "chunks of 4-none"))
def a_ragged_last_chunk_is_forgotten(right, x, count=1):
    """Leave out of a sequence what does not fill a chunk."""
    *chunks, last = right(x, count)
    whole = not chunks or last.shape[-2] == linear.CHUNK
    return [*chunks, last if whole else 0 * last]


@mistake(
    "linear._start",
    f"{LINEAR}test_one_token_at_a_time_gives_what_all_at_once_gives[numpy-elu_plus_one]",
    f"{LINEAR}test_one_token_at_a_time_gives_what_all_at_once_gives[torch-random]",
)
def it_does_not_go_on_from_the_state(right, state, *given):
    """Start from no keys at all."""
    return right(None, *given)


@mistake(
    "linear._folded",
    f"{LINEAR}test_the_state_is_two_sums_over_the_keys[numpy-one chunk]",
)
def the_state_forgets_the_keys_after_the_last_query(
    right, query, key, value, state, call, *given
):
    """Keep of the keys only those that a query sees."""
    if call.is_causal:
        length = query.shape[-2]
        key, value = key[..., :length, :], value[..., :length, :]
    return right(query, key, value, state, call, *given)


@mistake(
    "linear._absorbed",
    *in_both(LINEAR + "test_any_split_goes_on_from_the_state", "random"),
)
def the_sums_are_not_brought_to_one_level(right, key, value, state, phi):
    """Add what is relative to two maxima as it is."""
    _, features, after = right(key, value, state, phi)
    products = state.products + features @ value
    total = state.total + features.sum(-1)[..., None]
    before = dataclasses.replace(state, max=after.max)
    return before, features, LinearState(products, total, after.max)


@mistake("linear._base", *in_both(AVERAGE, "40.0-False"))
def the_largest_feature_is_not_subtracted(right, peak):
    """Take the exponentials of the features' logarithms as they are."""
    return 0 * right(peak)


@mistake("linear._step", *in_both(PUT_BACK))
def what_was_subtracted_is_not_put_back(
    right, query, key, value, state, phi, normalize, is_causal
):
    """Leave the output relative to the largest features."""
    out, after = right(query, key, value, state, phi, normalize, is_causal)
    if phi.in_logs and not normalize:
        xp = namespace(query)
        out = out * xp.exp(-xp.amax(query, -1)[..., None] - after.max)
    return out, after


@mistake("linear._prepared", *in_both(AGREES, "one chunk-elu_plus_one"))
def the_denominator_counts_masked_keys(right, call, phi, where):
    """Clear the values of masked keys, and let their features stay."""
    query, _, value, seen = right(call, phi, where)
    _, key, _, _ = right(call, phi, None)
    return query, key, masked(value, where), seen


@mistake("linear._finite", *in_both(LATER, "one chunk-elu_plus_one"))
def a_nan_to_come_reaches_linear_attention(x):
    """Take all numbers for finite."""
    return True


@mistake(
    "linear._step", f"{EDGES}test_no_key_and_no_weight_give_zeros[torch-one chunk]"
)
def a_weight_of_zero_is_divided_by(
    right, query, key, value, state, phi, normalize, is_causal
):
    """Divide nothing by nothing, which gives NaN."""
    out, after = right(query, key, value, state, phi, normalize, is_causal)
    ones, none = namespace(value).ones_like(value), 0 * state.products
    whole = LinearState(none + state.total, state.total, state.max)
    total, _ = right(query, key, ones, whole, phi, False, is_causal)
    return out * (total / total), after


@mistake(
    "features.PositiveRandomFeatures.log_features",
    f"{FEATURES}test_products_of_features_are_exponentials_on_average",
)
def random_features_without_half_of_the_square(right, self, x):
    """Leave out what makes the features' average right."""
    return right(self, x) + (x * x).sum(-1)[..., None] / 2


@mistake(
    "features.PositiveRandomFeatures.__post_init__",
    f"{FEATURES}test_directions_are_at_right_angles_in_blocks",
)
def random_features_all_of_one_length(self):
    """Give each direction the length that is right on average."""
    w = self.projection
    lengths = (w * w).sum(-1)[..., None] ** 0.5
    object.__setattr__(self, "projection", w * w.shape[-1] ** 0.5 / lengths)


@mistake("rollout._past", *in_both(BY_HAND))
def rollout_without_the_residual(right, weights, residual):
    """Let nothing go past a layer."""
    return right(weights, 0.0)


@mistake("rollout.attention_rollout", *in_both(BY_HAND))
def rollout_from_the_last_layer_to_the_first(right, layers, residual=0.5):
    """Multiply the layers in the other order."""
    return right(layers[::-1], residual)


@mistake("rollout._past", f"{ROLLOUT}test_it_is_the_sum_over_all_paths[numpy-2-0.2]")
def rollout_with_rows_of_any_sum(weights, residual):
    """Mix weights with the identity, and divide by nothing."""
    return residual * np.eye(weights.shape[-1]) + (1 - residual) * weights
