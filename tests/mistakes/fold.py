"""Mistakes in the fold: what a state keeps, and how two of them merge."""

import dataclasses

from attention_lib._dispatch import masked, namespace
from attention_lib.weightings.streams import ORDINARY
from tests.mistakes.rows import LOG_2
from tests.mutation import mistake

FOLD = "tests/test_fold.py::"
EDGES = "tests/test_fold_edges.py::"
SPLIT = FOLD + "test_any_split_equals_attention"
STREAM = "weightings.streams.Stream"


@mistake(f"{STREAM}.parts", f"{EDGES}test_scores_far_apart_merge_without_overflow")
def no_maximum_in_the_fold(self, scores, where):
    """Sum the exponentials of the scores as they are."""
    shares = masked(namespace(scores).exp(scores), where)
    total = shares.sum(-1)[..., None]
    return 0 * total, total, shares


@mistake(f"{STREAM}.parts", f"{SPLIT}[numpy-Softmax]", f"{SPLIT}[torch-Softmax]")
def base_two_in_the_fold(right, self, scores, where):
    """Take powers of two in place of exponentials."""
    two = dataclasses.replace(self, multiplier=self.multiplier * LOG_2)
    return right(two, scores, where)


@mistake(f"{STREAM}.rise", f"{SPLIT}[numpy-Softmax]", f"{SPLIT}[torch-Softmax]")
def merge_does_not_rescale(self, peak, above):
    """Add what is relative to two maxima as it is."""
    return namespace(peak).ones_like(peak)


@mistake("fold.merge", f"{SPLIT}[numpy-Softmax]", f"{SPLIT}[torch-Softmax]")
def merge_rescales_only_the_sum(right, a, b):
    """Add the outputs of two states as they are."""
    both = right(a, b)
    if a.weighting is None or b.weighting is None:
        return both
    return dataclasses.replace(both, out=a.out + b.out)


@mistake("fold.merge", f"{SPLIT}[numpy-Softmax]")
def merge_rescales_only_the_output(right, a, b):
    """Add the sums of two states as they are."""
    both = right(a, b)
    if a.total is None or b.total is None:
        return both
    return dataclasses.replace(both, total=a.total + b.total)


@mistake(f"{STREAM}.finish", f"{EDGES}test_masks_are_cut_with_the_keys")
def a_row_without_keys_of_the_fold_is_divided_by_zero(self, shares, peak, total):
    """Divide nothing by nothing, which gives NaN."""
    return shares / total


@mistake(
    "fold.finalize",
    f"{EDGES}test_scores_that_are_all_minus_infinity_are_nan_as_in_attention"
    "[numpy-Softpick]",
)
def a_row_of_minus_infinity_is_folded_to_zeros(right, state):
    """Forget of a row that none of its keys had a score."""
    if state.seen is None:
        return right(state)
    return right(dataclasses.replace(state, seen=state.seen.clip(ORDINARY)))


@mistake(
    "fold.partial_attention",
    "tests/test_every_weighting_in_attention.py::"
    "test_three_blocks_fold_to_attention[scalable_softmax(scale=0.5)]",
    "tests/test_named_faults.py::"
    "test_the_fold_counts_the_keys_of_each_row[torch-Sigmoid]",
)
def the_keys_of_the_block_counted_for_all(right, query, key, *given, **options):
    """Take the keys of a block for all that there are."""
    n_keys = options.pop("n_keys", None)
    block = None if n_keys is None else 0 * n_keys + key.shape[-2]
    state = right(query, key, *given, n_keys=block, **options)
    return dataclasses.replace(state, n=n_keys)
