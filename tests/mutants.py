"""Mutants: each is the library with one mistake, which the named tests must notice.

Run as ``pytest tests/mutants.py``. A test that passes whatever the library does is
worth nothing; so here likely mistakes are made, one at a time.
"""

import pytest

from attention_lib.book.claims import LEDGER
from tests.mutants_of_claims import CLAIM_MUTANTS
from tests.mutation import Change, is_honest, run

NUMPY, TORCH = "attention_lib.numpy_backend", "attention_lib.torch_backend"
ROWS = "tests/weightings/test_exponential.py::"
ONLINE = "tests/weightings/test_online_softmax.py::"
EDGES = "tests/weightings/test_exponential_edges.py::"
SLOPES = "tests/weightings/test_exponential_gradients.py::"
ENTMAX = "tests/weightings/test_entmax.py::"
EVERY = "tests/weightings/test_every_weighting.py::"
EVERY_EDGE = "tests/weightings/test_every_edge.py::"
BLOCKS = "tests/numpy_backend/test_rows.py::"
ATTENTION = "tests/test_attention.py::"
MASKED = "tests/test_attention_edges.py::"
HEADS = "tests/test_attention_heads.py::"
FOLD = "tests/test_fold.py::"
FOLD_EDGES = "tests/test_fold_edges.py::"
LINEAR = "tests/test_linear.py::"
LINEAR_EDGES = "tests/test_linear_edges.py::"
FEATURES = "tests/test_features.py::"
ROLLOUT = "tests/test_rollout.py::"
MODULES = "tests/nn/test_attention.py::"
RULES = "tests/nn/test_learned_weighting.py::"

AGREES = ATTENTION + "test_every_method_agrees_with_the_textbook"
BY_AXIS = ROWS + "test_each_dtype_agrees_with_the_definition_along_each_axis"
BY_DTYPE = EVERY + "test_each_dtype_agrees_with_the_definition"
SPLIT = FOLD + "test_any_split_equals_attention"
LINEAR_AGREES = LINEAR + "test_every_length_agrees_with_the_definition"
LATER = LINEAR_EDGES + "test_a_later_key_is_never_read"
GROUPS = HEADS + "test_each_key_head_serves_its_query_heads_in_a_row"

BLOCKED = "tests/torch_backend/test_blocks.py::"
STREAMED = (
    BLOCKED + "test_outputs_and_gradients_are_those_of_one_matrix"
    "[cpu-((2, 3), (2, 3), 7, 11, 5, 3)-"
)
SLOPES_OF_BLOCKS = BLOCKED + "test_derivatives_are_differences[cpu-"
FOLDS = (
    "tests/test_every_weighting_in_attention.py::"
    "test_three_blocks_fold_to_attention[numpy-1-no mask-"
)
# What is wrong: the change, and the tests that must fail.
MUTANTS = {
    "wrong axis, NumPy": (
        Change(NUMPY + ".rows._as_rows", "moveaxis(a, axis, -1)", "moveaxis(a, 0, -1)"),
        [BY_AXIS + "[numpy-float32-softmax-1]"],
    ),
    "wrong axis, torch": (
        Change(
            TORCH + ".rows.softmax", "torch.softmax(z, axis)", "torch.softmax(z, 0)"
        ),
        [BY_AXIS + "[torch-float32-softmax-1]"],
    ),
    "wrong axis where it is negative": (
        Change("attention_lib._check.axis_of", "return index %", "return abs(index) %"),
        [
            BY_AXIS + "[numpy-float64-softmax--1]",
            BY_AXIS + "[torch-float64-log_softmax--1]",
        ],
    ),
    "the root of the embedding in the scale": (
        Change(
            "attention_lib.attention.multi_head_attention",
            "enable_gqa=num_kv_heads != num_heads,",
            "enable_gqa=num_kv_heads != num_heads, scale=x.shape[-1] ** -0.5,",
        ),
        [HEADS + "test_many_heads_are_a_loop_over_one"],
    ),
    "no root in the scale": (
        Change(
            "attention_lib._call.attention",
            "1 / math.sqrt(max(given",
            "1 / (max(given",
        ),
        [
            AGREES + "[small blocks-numpy-float64-dense]",
            AGREES + "[small blocks-torch-float64-sdpa]",
        ],
    ),
    "no maximum in a row, NumPy": (
        Change(
            NUMPY + ".rows._safe_block",
            "np.subtract(x, top, out=work)",
            "np.copyto(work, x)",
        ),
        [BLOCKS + "test_a_shift_never_costs_digits[10000.0-float64-101]"],
    ),
    "no maximum in a row, nor a look at its sum, NumPy": (
        Change(NUMPY + ".rows._plain_block", "if not (", "if False and ("),
        [EDGES + "test_large_scores_do_not_overflow[numpy-float32]"],
    ),
    "no maximum in a row, torch": (
        Change(
            TORCH + ".rows.softmax",
            "torch.softmax(z, axis)",
            "z.exp() / z.exp().sum(axis, keepdim=True)",
        ),
        [EDGES + "test_large_scores_do_not_overflow[torch-float32]"],
    ),
    "no maximum in attention, NumPy": (
        Change(
            NUMPY + ".attention._needs_no_maximum",
            "bound < SAFE_EXPONENT",
            "bound == bound",
        ),
        [MASKED + "test_scores_beyond_the_range_of_the_exponential[numpy-streaming]"],
    ),
    "no maximum in the fold": (
        Change(
            "attention_lib.fold._state_of",
            "xp.where(peak == -INFINITY, xp.zeros_like(peak), peak)",
            "peak = xp.zeros_like(peak)",
        ),
        [FOLD_EDGES + "test_scores_far_apart_merge_without_overflow"],
    ),
    "a row of minus infinity folded to zeros": (
        Change("attention_lib.fold.finalize", "state.seen == 1", "state.seen == 3"),
        [
            FOLD_EDGES
            + "test_scores_that_are_all_minus_infinity_are_nan_as_in_attention"
            "[numpy-Softpick-edges0]"
        ],
    ),
    "mask after the rows, not renormalised": (
        Change(
            "attention_lib.weightings.exponential.softmax",
            "return rows_of(x).softmax(x, axis, where, temperature)",
            "weights = rows_of(x).softmax(x, axis, None, temperature)\n"
            "    return weights if where is None else weights * where",
        ),
        [
            EDGES + "test_what_does_not_take_part_is_never_read[numpy-5-0.0]",
            EDGES + "test_what_does_not_take_part_is_never_read[torch-5-0.0]",
        ],
    ),
    "-1e9 for a mask in rows, NumPy": (
        Change(NUMPY + ".rows._safe_block", "work.fill(-np.inf)", "work.fill(-1e9)"),
        [EDGES + "test_a_mask_beats_the_lowest_score[numpy-float32]"],
    ),
    "the lowest float16 for a mask in rows, NumPy": (
        Change(NUMPY + ".rows._safe_block", "work.fill(-np.inf)", "work.fill(-65504)"),
        [EDGES + "test_a_mask_beats_the_lowest_score[numpy-float16]"],
    ),
    "the lowest float16 for a mask in rows, torch": (
        Change(
            TORCH + ".rows._fill",
            "masked_fill(some, -torch.inf)",
            "masked_fill(some, -65504.0)",
        ),
        [EDGES + "test_a_mask_beats_the_lowest_score[torch-float16]"],
    ),
    "-1e9 for a mask in attention": (
        Change(
            "attention_lib._call._attn_mask",
            "return None, attn_mask",
            "fill = max(-1e9, float(xp.finfo(query.dtype).min))\n"
            "        zero = query.reshape(-1)[:1] * 0\n"
            "        return xp.where(attn_mask, zero, zero + fill), None",
        ),
        [
            MASKED + f"test_a_fully_masked_row_is_zero[float16-{pair}]"
            for pair in ("numpy-dense", "torch-auto")
        ],
    ),
    "NaN on a fully masked row, NumPy": (
        Change(NUMPY + ".rows._safe_block", "total[empty] = 1", "pass"),
        [EDGES + "test_what_does_not_take_part_is_never_read[numpy-5-0.0]"],
    ),
    "NaN on the way back from a fully masked row, torch": (
        Change(
            TORCH + ".rows.softmax",
            "_fill(z, where, axis)",
            "z.masked_fill(~where, -torch.inf)",
        ),
        [SLOPES + "test_no_nan_appears_on_the_way_back[cpu]"],
    ),
    "a share for the masked keys of a fully masked row, torch": (
        Change(TORCH + ".rows.softmax", "masked_fill(~where, 0)", "clone()"),
        [EDGES + "test_what_does_not_take_part_is_never_read[torch-5-0.0]"],
    ),
    "NaN on a fully masked row of attention, NumPy": (
        Change(NUMPY + ".attention._sum_exponentials", "total[total == 0] = 1", "pass"),
        [MASKED + "test_a_fully_masked_row_is_zero[float32-numpy-streaming]"],
    ),
    "NaN on a fully masked row of the fold": (
        Change(
            "attention_lib.fold.finalize", "total == 0, xp.ones_like", "total < 0, abs"
        ),
        [FOLD_EDGES + "test_masks_are_cut_with_the_keys"],
    ),
    "base two in ordinary rows, NumPy": (
        Change(NUMPY + ".rows._plain_block", "np.exp(", "np.exp2("),
        [ROWS + "test_softmax_undoes_the_logarithm[numpy]"],
    ),
    "base two in extreme rows, NumPy": (
        Change(NUMPY + ".rows._safe_block", "np.exp(", "np.exp2("),
        [BLOCKS + "test_a_shift_never_costs_digits[10000.0-float64-101]"],
    ),
    "base two in rows, torch": (
        Change(
            TORCH + ".rows.softmax",
            "torch.softmax(z, axis)",
            "torch.softmax(z * 0.6931471805599453, axis)",
        ),
        [ROWS + "test_softmax_undoes_the_logarithm[torch]"],
    ),
    "base two in the logarithms, NumPy": (
        Change(NUMPY + ".rows._log_parts", "np.exp(shifted)", "np.exp2(shifted)"),
        [BY_AXIS + "[numpy-float64-log_softmax-0]"],
    ),
    "base two in the logarithms, torch": (
        Change(TORCH + ".rows._log_parts", "shifted.exp()", "shifted.exp2()"),
        [BY_AXIS + "[torch-float64-log_softmax-0]"],
    ),
    "base two in attention, NumPy": (
        Change(NUMPY + ".attention._sum_exponentials", "np.exp(", "np.exp2("),
        [AGREES + "[small blocks-numpy-float64-streaming]"],
    ),
    "base two in the fold": (
        Change("attention_lib.fold._state_of", "xp.exp(", "xp.exp2("),
        [SPLIT + "[numpy-Softmax]", SPLIT + "[torch-Softmax]"],
    ),
    "merge does not rescale the output": (
        Change(
            "attention_lib.fold.merge",
            "out = a.out * rise_a + b.out * rise_b",
            "out = a.out + b.out",
        ),
        [SPLIT + "[numpy-Softmax]", SPLIT + "[torch-Softmax]"],
    ),
    "merge does not rescale the sum": (
        Change(
            "attention_lib.fold.merge",
            "a.total * rise_a + b.total * rise_b",
            "a.total + b.total",
        ),
        [SPLIT + "[numpy-Softmax]"],
    ),
    "online softmax does not rescale the sum": (
        Change(
            "attention_lib.weightings.exponential._absorb",
            "total * xp.exp(peak - base)",
            "total",
        ),
        [ONLINE + "test_the_state_is_given_after_each_block"],
    ),
    "heads tiled, dense, NumPy": (
        Change(
            NUMPY + ".attention._for_each_head",
            "np.repeat(a, group, axis=-3)",
            "np.concatenate([a] * group, axis=-3)",
        ),
        [GROUPS + "[2-no mask-numpy-dense]"],
    ),
    "heads tiled, streaming, NumPy": (
        Change(
            NUMPY + ".attention._head",
            "index[-1] // call.group)",
            "index[-1] % (call.lead[-1] // call.group))",
        ),
        [GROUPS + "[2-no mask-numpy-streaming]"],
    ),
    "heads tiled, torch": (
        Change(
            TORCH + ".masking.for_each_head",
            "a.repeat_interleave(group, -3)",
            "a.repeat(*[1] * (a.ndim - 3), group, 1, 1)",
        ),
        [GROUPS + f"[2-no mask-torch-{m}]" for m in ("dense", "streaming", "sdpa")],
    ),
    "heads tiled, fold": (
        Change(
            "attention_lib.fold._values",
            "repeat(value, call.group, -3)",
            "xp.concatenate([value] * call.group, -3)",
        ),
        [FOLD + "test_additive_masks_softcap_scale_and_shared_heads"],
    ),
    "dropout before the weighting, NumPy": (
        Change(
            NUMPY + ".attention._dense",
            "max(1 - dropout_p, np.finfo(dtype).tiny)",
            "(weights * kept).sum(-1, keepdims=True)",
        ),
        [HEADS + "test_dropout_drops_weights_after_the_weighting[numpy]"],
    ),
    "dropout before the weighting, torch": (
        Change(
            TORCH + ".attention._dense",
            "max(1 - dropout_p, torch.finfo(weights.dtype).tiny)",
            "(weights * kept).sum(-1, keepdim=True)",
        ),
        [HEADS + "test_dropout_drops_weights_after_the_weighting[torch]"],
    ),
    "scores in place of weights": (
        Change(
            "attention_lib.attention.attention_weights",
            "weighting.rows(scores, where)",
            "scores",
        ),
        [
            ATTENTION + "test_scores_and_weights_are_the_matrices_in_between"
            "[numpy-no mask]"
        ],
    ),
    "a causal mask without its own place, NumPy": (
        Change(NUMPY + ".attention._causal", "<= query", "< query"),
        [AGREES + "[small blocks-numpy-float64-streaming]"],
    ),
    "a causal mask without its own place, torch": (
        Change(TORCH + ".masking.where_of", "(key <= query)", "(key < query)"),
        [AGREES + "[small blocks-torch-float64-dense]"],
    ),
    "the additive mask under the softcap, NumPy": (
        Change(
            NUMPY + ".attention._finish_scores",
            "score = np.divide(score, softcap, out=out)",
            "score = np.divide(score + (0 if bias is None else bias), softcap, out=out)"
            "\n        bias = None",
        ),
        [ATTENTION + "test_scale_then_softcap_then_mask[0.5-0.3-numpy-dense]"],
    ),
    "the threshold without the mask, NumPy": (
        Change(NUMPY + ".entmax._fast_block", "if where is not None:", "if False:"),
        [ENTMAX + "test_masked_keys_do_not_count_in_the_threshold[numpy]"],
    ),
    "the threshold without the mask, torch": (
        Change(TORCH + ".entmax._fast_block", "if where is not None:", "if False:"),
        [ENTMAX + "test_masked_keys_do_not_count_in_the_threshold[torch]"],
    ),
    "the general threshold without the mask": (
        Change(
            TORCH + ".entmax._general_block",
            "x = torch.where(where, x, -torch.inf)",
            "pass",
        ),
        [ENTMAX + "test_masked_keys_do_not_count_in_the_threshold[torch]"],
    ),
    "the gradient of entmax without the support": (
        Change(
            TORCH + ".entmax._along", "some = weights != 0", "some = weights == weights"
        ),
        [ENTMAX + "test_derivatives_are_those_of_the_definition[2.0]"],
    ),
    "the sign of the gradient in alpha": (
        Change(
            TORCH + ".entmax._in_alpha",
            "return free - share",
            "return share - free + 0 * share",
        ),
        [ENTMAX + "test_derivatives_are_those_of_the_definition[1.3]"],
    ),
    "one more in softmax1 is not shifted with the maximum": (
        Change(
            "attention_lib.weightings.base.Exponential.rows",
            "logistic(total -",
            "logistic(total - namespace(z).amax(z, -1)[..., None] -",
        ),
        [
            BY_DTYPE + f"[{name}-softmax1()]"
            for name in ("numpy-float64", "torch-float32")
        ],
    ),
    "softpick's sum without the sizes": (
        Change(
            "attention_lib.weightings.sums.Softpick.relative_state",
            "abs(lifted)",
            "picked",
        ),
        [BY_DTYPE + "[numpy-float64-softpick()]"],
    ),
    "softpick's eps is not shifted": (
        Change(
            "attention_lib.weightings.sums.Softpick.rows",
            "self.eps * xp.exp(-peak)",
            "self.eps",
        ),
        [BY_DTYPE + "[torch-float64-softpick(eps=0.5)]"],
    ),
    "top-k keeps all that tie": (
        Change(
            "attention_lib.weightings.selection.TopK._largest",
            "return kept if",
            "kept = scores >= xp.where(kept, scores, -low).min()\n    return kept if",
        ),
        [
            EVERY_EDGE + f"test_ties_are_shared_or_go_to_the_first[{e}]"
            for e in ("numpy", "torch")
        ],
    ),
    "plain Newton above alpha = 2": (
        Change(
            "attention_lib._threshold.entmax_by_newton",
            "new = xp.where(kept, new, (low + high) / 2)",
            "pass",
        ),
        [
            ENTMAX
            + "test_the_conditions_hold_before_the_power_is_taken[numpy-0.0-6-float64]"
        ],
    ),
    "what too much there is above alpha = 2 is taken from all alike": (
        Change(
            "attention_lib._threshold.entmax_by_newton",
            "if bool(steep.any()):",
            "if False:",
        ),
        [
            ENTMAX
            + "test_the_conditions_hold_before_the_power_is_taken[numpy-0.0-6-float32]"
        ],
    ),
    "the last partial block is forgotten, NumPy": (
        Change(
            NUMPY + ".attention._streaming",
            "range(0, length, step)",
            "range(0, length - step + 1, step)",
        ),
        [AGREES + "[small blocks-numpy-float64-streaming]"],
    ),
    "the last partial block is forgotten, torch": (
        Change(
            TORCH + ".blocks._cut",
            "range(0, length, rows)",
            "range(0, length - rows + 1, rows)",
        ),
        [STREAMED + "no mask-sparsemax()]", STREAMED + "bool-softpick()]"],
    ),
    "causal aligned at the end, NumPy": (
        Change(
            NUMPY + ".attention._causal",
            "+ call.query_offset",
            "+ call.query_offset + call.shape[-1] - call.shape[-2]",
        ),
        [AGREES + "[small blocks-numpy-float64-dense]"],
    ),
    "causal aligned at the end, torch": (
        Change(
            TORCH + ".block_masks.finish",
            "key > query[:, None]",
            "key > query[:, None] + 1",
        ),
        [STREAMED + "causal-softmax1()]", STREAMED + "causal-entmax()]"],
    ),
    "the way back forgets that the threshold moves with the scores": (
        Change(
            TORCH + ".block_rules.Entmax.differ",
            "g.addcmul_(h, mean, value=-1)",
            "pass",
        ),
        [STREAMED + "no mask-entmax()]", STREAMED + "causal-entmax(alpha=1.3)]"],
    ),
    "the way back forgets that sparsemax's threshold moves": (
        Change(
            TORCH + ".block_rules.Entmax.differ",
            "g.addcmul_(spare, mean, value=-1)",
            "g",
        ),
        [STREAMED + "no mask-sparsemax()]"],
    ),
    "the way back forgets the mask": (
        Change(TORCH + ".blocks._backward", "finish(x, block, rule, call)", "pass"),
        [
            STREAMED + f"{kind}-{name}()]"
            for kind in ("bool", "causal")
            for name in ("sigmoid", "sparsemax", "softpick")
        ],
    ),
    "the way back forgets that the sum moves with the scores": (
        Change(
            TORCH + ".block_rules.Softpick.differ", "mean, value=-1", "mean, value=0"
        ),
        [STREAMED + "no mask-softpick()]"],
    ),
    "softmax1's way back with softmax's sum": (
        Change(
            TORCH + ".sdpa._Softmax1.forward", "torch.logaddexp(lse, offset)", "lse"
        ),
        [SLOPES_OF_BLOCKS + "softmax1()]"],
    ),
    "the keys of the block counted for all keys": (
        Change(
            "attention_lib.fold._state_of",
            "z = weighting.exponent(known, n_keys)",
            "z = weighting.exponent(known, known.shape[-1])",
        ),
        [FOLDS + "scalable_softmax()]"],
    ),
    "the keys before the block's end counted for all keys": (
        Change(
            TORCH + ".masking.count_keys",
            "where.expand(*where.shape[:-1], n_keys)",
            "where[..., : start + 2]",
        ),
        [STREAMED + "bool-relu(mean=True)]", STREAMED + "bool-sigmoid(bias=-logn)]"],
    ),
    "a causal state that includes its own chunk": (
        Change(
            "attention_lib.linear._step",
            "before if is_causal else after",
            "after",
        ),
        [
            LINEAR_AGREES + f"[{engine}-chunks of 4-True-True-elu_plus_one]"
            for engine in ("numpy", "torch")
        ],
    ),
    "a chunk that sees its own future": (
        Change(
            "attention_lib.linear._step",
            "xp.tril(query @ features)",
            "query @ features",
        ),
        [
            LINEAR_AGREES + f"[{engine}-one chunk-True-True-elu_plus_one]"
            for engine in ("numpy", "torch")
        ],
    ),
    "a ragged last chunk forgotten, NumPy": (
        Change(
            "attention_lib.linear._chunks",
            "chunks = [x[..., start : start + CHUNK, :] for start in starts]",
            "chunks = [x[..., start : start + CHUNK, :] for start in starts]\n"
            "        if len(chunks) > 1 and chunks[-1].shape[-2] < CHUNK:\n"
            "            chunks[-1] = 0 * chunks[-1]",
        ),
        [LINEAR_AGREES + "[numpy-chunks of 4-True-False-none]"],
    ),
    "a ragged last chunk forgotten, torch": (
        Change(
            "attention_lib.linear._chunks",
            "chunks = x.split(CHUNK, -2)",
            "chunks = list(x.split(CHUNK, -2))\n"
            "        if len(chunks) > 1 and chunks[-1].shape[-2] < CHUNK:\n"
            "            chunks[-1] = 0 * chunks[-1]",
        ),
        [LINEAR_AGREES + "[torch-chunks of 4-True-False-none]"],
    ),
    "linear attention does not go on from the state": (
        Change("attention_lib.linear._start", "if state is None:", "if True:"),
        [
            LINEAR + f"test_one_token_at_a_time_gives_what_all_at_once_gives[{case}]"
            for case in ("numpy-elu_plus_one", "torch-random")
        ],
    ),
    "the state forgets the keys after the last query": (
        Change(
            "attention_lib.linear._folded",
            "_absorbed(*rest, state, phi)[-1]",
            "state",
        ),
        [LINEAR + "test_the_state_is_two_sums_over_the_keys[numpy-one chunk]"],
    ),
    "the sums are not brought to one level": (
        Change(
            "attention_lib.linear._absorbed",
            "xp.exp(state.max - _base(peak))",
            "xp.ones_like(peak)",
        ),
        [
            LINEAR + f"test_any_split_goes_on_from_the_state[{engine}-random]"
            for engine in ("numpy", "torch")
        ],
    ),
    "the largest feature is not subtracted": (
        Change("attention_lib.linear._base", "masked(peak, ", "0 * masked(peak, "),
        [
            FEATURES + f"test_features_that_vanish_or_overflow_still_average"
            f"[{engine}-40.0-False]"
            for engine in ("numpy", "torch")
        ],
    ),
    "what was subtracted is not put back": (
        Change("attention_lib.linear._step", "out = out * root * root", "pass"),
        [
            FEATURES + "test_what_is_subtracted_is_put_back_without_the_division"
            f"[{engine}]"
            for engine in ("numpy", "torch")
        ],
    ),
    "linear attention's denominator counts masked keys": (
        Change(
            "attention_lib.linear._prepared",
            "if where is not None:",
            "value = masked(value, where)\n    if False:",
        ),
        [
            LINEAR_AGREES + f"[{engine}-one chunk-False-True-elu_plus_one]"
            for engine in ("numpy", "torch")
        ],
    ),
    "a NaN to come reaches linear attention": (
        Change(
            "attention_lib.linear._prepared",
            "if not (_finite(key)",
            "if False and (_finite(key)",
        ),
        [
            LATER + f"[{engine}-one chunk-value-nan-elu_plus_one]"
            for engine in ("numpy", "torch")
        ],
    ),
    "a weight of zero is divided by": (
        Change(
            "attention_lib.linear._step",
            "xp.where(zero, xp.ones_like(total), total), ~zero",
            "total, total == total",
        ),
        [LINEAR_EDGES + "test_no_key_and_no_weight_give_zeros[torch-one chunk]"],
    ),
    "random features without half of the square": (
        Change(
            "attention_lib.features.PositiveRandomFeatures.log_features",
            "- squares / 2",
            "- 0 * squares",
        ),
        [FEATURES + "test_products_of_features_are_exponentials_on_average"],
    ),
    "random features at right angles, all of one length": (
        Change(
            "attention_lib.features.PositiveRandomFeatures.draw",
            "w = lengths * ",
            "w = d**0.5 * ",
        ),
        [FEATURES + "test_directions_are_at_right_angles_in_blocks"],
    ),
    "rollout without the residual": (
        Change(
            "attention_lib.rollout._past",
            "same + (1 - residual) * weights",
            "weights",
        ),
        [
            ROLLOUT + f"test_two_layers_by_hand[{engine}]"
            for engine in ("numpy", "torch")
        ],
    ),
    "rollout from the last layer to the first": (
        Change(
            "attention_lib.rollout.attention_rollout",
            "mixed @ rollout",
            "rollout @ mixed",
        ),
        [
            ROLLOUT + f"test_two_layers_by_hand[{engine}]"
            for engine in ("numpy", "torch")
        ],
    ),
    "rollout with rows of any sum": (
        Change(
            "attention_lib.rollout._past",
            "total == 0, xp.ones_like",
            "total == total, xp.ones_like",
        ),
        [ROLLOUT + "test_it_is_the_sum_over_all_paths[numpy-2-0.2]"],
    ),
    "a learned parameter is not used": (
        Change(
            "attention_lib.nn.LearnedWeighting.weighting",
            "stored.exp() if name in POSITIVE else stored",
            "torch.ones_like(stored) * getattr(self._start, name)",
        ),
        [
            RULES + f"test_saved_values_come_back[{heads}-{name}]"
            for heads in ("None", "3")
            for name in ("alpha", "offset", "scale", "temperature")
        ],
    ),
    "a positive parameter is stored as it is": (
        Change(
            "attention_lib.nn.LearnedWeighting.reset_parameters",
            "value.log() if name in POSITIVE else value",
            "value",
        ),
        [RULES + "test_it_starts_as_the_weighting[None-alpha]"],
    ),
    "weights are dropped in evaluation": (
        Change(
            "attention_lib.nn.Attention.forward",
            "self.dropout if self.training else 0.0",
            "self.dropout",
        ),
        [MODULES + "test_weights_are_dropped_in_training_only[cpu-softmax]"],
    ),
    "log n counts masked entries": (
        Change(
            "attention_lib.weightings.base.count",
            "if where is None:",
            "if True:",
        ),
        [
            EVERY_EDGE + f"test_a_pointwise_count_is_of_those_that_take_part[{e}]"
            for e in ("numpy", "torch")
        ],
    ),
}


@pytest.fixture(scope="session")
def unchanged(request):
    """Run the tests of all mutants that were asked for on the library as it is."""
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    tests = {test for call in asked if call for test in call.params.get("tests", ())}
    return run(sorted(tests))


@pytest.mark.parametrize(("change", "tests"), MUTANTS.values(), ids=MUTANTS)
def test_the_mistake_is_noticed(change, tests, unchanged):
    assert unchanged[0] == pytest.ExitCode.OK, unchanged[2]
    for test in tests:
        with change.applied():
            code, errors, printed = run([test])
        assert code == pytest.ExitCode.TESTS_FAILED, printed
        assert all(map(is_honest, errors)), printed


def ledger():
    """Give the claims by their numbers."""
    return {claim.number: claim for claim in LEDGER}


def test_every_claim_has_a_mutant():
    assert sorted(CLAIM_MUTANTS) == sorted(ledger())


@pytest.mark.parametrize(("number", "change"), CLAIM_MUTANTS.items())
def test_the_claim_fails_where_what_it_rests_on_is_changed(number, change):
    claim = ledger()[number]
    claim.decide()
    with change.applied(), pytest.raises(AssertionError):
        claim.decide()
