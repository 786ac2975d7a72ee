"""Mistakes in attention's own steps: scale, softcap, heads, dropout, blocks."""

import dataclasses

import numpy as np
import torch

from attention_lib._dispatch import cast, namespace
from attention_lib.numpy_backend import scores as in_numpy
from attention_lib.torch_backend import scores as in_torch
from attention_lib.torch_backend.masking import for_each_head
from tests.mistakes.rows import LOG_2
from tests.mutation import mistake

NUMPY, TORCH = "numpy_backend", "torch_backend"
ATTENTION = "tests/test_attention.py::"
AGREES = ATTENTION + "test_every_method_agrees_with_the_textbook[small blocks-"
HEADS = "tests/test_attention_heads.py::"
FOLD = "tests/test_fold.py::"
GROUPS = HEADS + "test_each_key_head_serves_its_query_heads_in_a_row["
DROPPED = HEADS + "test_dropout_drops_weights_after_the_weighting"


@mistake(
    "multi_head_attention.multi_head_attention",
    f"{HEADS}test_many_heads_are_a_loop_over_one",
)
def the_root_of_the_embedding_in_the_scale(right, x, *given, **options):
    """Divide by the root of all features, not by that of a head's."""
    return right(x, *given, **{"scale": x.shape[-1] ** -0.5} | options)


@mistake(
    "_call.attention",
    f"{AGREES}numpy-float64-dense]",
    f"{AGREES}torch-float64-sdpa]",
)
def no_root_in_the_scale(right, query, key, value, mask, causal, scale, *rest, **given):
    """Divide by the size of the queries, not by its root."""
    scale = 1 / np.shape(query)[-1] if scale is None else scale
    return right(query, key, value, mask, causal, scale, *rest, **given)


@mistake(
    f"{NUMPY}.attention._needs_no_maximum",
    "tests/test_attention_edges.py::"
    "test_scores_beyond_the_range_of_the_exponential[numpy-streaming]",
)
def no_maximum_in_attention(call, stream, head):
    """Take every head for one whose exponents are small."""
    return stream is not None and stream.multiplies


@mistake(f"{NUMPY}.attention._sum_exponentials", f"{AGREES}numpy-float64-streaming]")
def base_two_in_attention(right, call, stream, *block):
    """Take powers of two in place of exponentials."""
    two = dataclasses.replace(stream, multiplier=stream.multiplier * LOG_2)
    return right(call, two, *block)


@mistake(
    f"{NUMPY}.scores.finish_scores",
    f"{ATTENTION}test_scale_then_softcap_then_mask[0.5-0.3-numpy-dense]",
)
def the_additive_mask_under_the_softcap(right, score, softcap, bias, out=None):
    """Add the mask first, and cap the sum."""
    score = score if bias is None else score + bias
    return right(score, softcap, None, out)


@mistake(
    "weightings.base.Weighting.weights",
    f"{ATTENTION}test_scores_and_weights_are_the_matrices_in_between[numpy-no mask]",
)
def scores_in_place_of_weights(self, scores, where=None):
    """Give the scores back."""
    return scores


@mistake(f"{NUMPY}.scores.for_each_head", f"{GROUPS}numpy-dense]")
@mistake(
    f"{TORCH}.masking.for_each_head",
    *(f"{GROUPS}torch-{method}]" for method in ("dense", "streaming", "sdpa")),
)
def heads_tiled(a, group):
    """Repeat the heads of keys one after the other, not each in a row."""
    return namespace(a).concatenate([a] * group, -3)


@mistake(f"{NUMPY}.attention._head", f"{GROUPS}numpy-streaming]")
def heads_tiled_while_streaming(right, call, index, dtype):
    """Give query head h the keys of head h modulo the number of key heads."""
    n_heads = call.lead[-1] // call.group
    theirs = right(call, (*index[:-1], index[-1] % n_heads * call.group), dtype)
    keys = {name: theirs[name] for name in ("key", "value")}
    return right(call, index, dtype) | keys


@mistake("fold._values", f"{FOLD}test_additive_masks_softcap_scale_and_shared_heads")
def heads_tiled_in_the_fold(call, like):
    """Repeat the heads of values one after the other, not each in a row."""
    tiled = namespace(like).concatenate([call.value] * call.group, -3)
    return cast(tiled, like.dtype)


@mistake(f"{NUMPY}.attention.Small.run", f"{DROPPED}[numpy]")
def keys_dropped_before_the_weighting(self, call, stream):
    """Mask keys by chance, so that those left share the whole weight."""
    score, _ = in_numpy.scores(call)
    kept = call.rng.random(score.shape) >= call.dropout_p
    weights = call.weighting.weights(score, kept)
    value = in_numpy.for_each_head(call.value, call.group)
    return in_numpy.weighted_sum(weights, value, kept)


@mistake(f"{TORCH}.general.Dense.run", f"{DROPPED}[torch]")
def keys_dropped_before_the_weighting_in_torch(self, call, stream):
    """Mask keys by chance, so that those left share the whole weight."""
    score, _ = in_torch.scores(call)
    kept = torch.rand(score.shape, generator=call.rng) >= call.dropout_p
    weights = call.weighting.weights(score, kept)
    value = for_each_head(call.value, call.group)
    return in_torch.weighted_sum(weights, value, kept)


@mistake("_threads.share", f"{AGREES}numpy-float64-streaming]")
def the_last_block_is_forgotten(right, work, jobs, threads=None):
    """Leave the last job undone, as a range that ends too early does."""
    return right(work, list(jobs)[:-1], threads)
