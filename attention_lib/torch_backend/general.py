"""Attention in torch for any weighting: one matrix, or some queries at a time."""

import math

import torch
from torch.utils.checkpoint import checkpoint

from attention_lib._dispatch import quiet, work_dtype
from attention_lib.torch_backend.masking import for_each_head
from attention_lib.torch_backend.scores import scores, weighted_sum
from attention_lib.torch_backend.sizes import at_once

__all__ = ["Dense", "General", "Small"]

DENSE_SCORES = 2**20  # up to here one matrix is faster than blocks
BLOCK_SCORES = 2**21  # scores of one block of queries, over all heads


class Dense:
    """The whole matrix of weights, of any size."""

    method = "dense"

    def refuses(self, call, stream):
        """Refuse nothing."""

    def run(self, call, stream):
        """Build the whole matrix."""
        score, where = scores(call)
        weights = call.weighting.weights(score, where)
        if call.dropout_p:
            chance = torch.rand(
                weights.shape,
                generator=call.rng,
                device=weights.device,
                dtype=weights.dtype,
            )
            kept = (chance >= call.dropout_p).to(weights.dtype)
            # Divided first: where all are dropped, also a gradient meets only zeros.
            least = torch.finfo(weights.dtype).tiny
            weights = weights * (kept / max(1 - call.dropout_p, least))
        value = for_each_head(call.value, call.group).to(weights.dtype)
        return weighted_sum(weights, value, where).to(call.query.dtype)


class Small(Dense):
    """The whole matrix, where it is small enough to be faster than blocks."""

    def refuses(self, call, stream):
        """Refuse what other ways do better; a size that is not known yet is small."""
        if call.dropout_p or call.transformed or torch.compiler.is_exporting():
            return None
        return None if is_small(call) else "blocks are faster"


class General:
    """Some queries at a time, computed again in the backward pass."""

    method = "streaming"

    def refuses(self, call, stream):
        """Refuse what needs all weights at once."""
        if call.dropout_p:
            return "dropout needs all weights at once"
        return None

    def run(self, call, stream):
        """Go through blocks of queries, each with all its keys."""
        *_, length, n_keys = call.shape
        most = at_once(call.query, BLOCK_SCORES)
        step = max(1, most // max(1, math.prod(call.lead) * n_keys))
        value = for_each_head(call.value, call.group).to(work_dtype(call.query))

        def one(start):
            block = slice(start, min(start + step, length))
            # Keys beyond the block's last query take no part.
            stop = min(n_keys, block.stop) if call.is_causal else n_keys
            with quiet(call.query):
                score, where = scores(call, block=block, stop=stop)
                part = call.weighting.part(call.shape, (...,), block)
                weights = part.weights(score, where)
                return weighted_sum(weights, value[..., :stop, :], where)

        # Inside transforms nothing can be computed again later.
        again = torch.is_grad_enabled() and not call.transformed
        if torch.compiler.is_exporting():  # for sizes that are not known yet
            step, again = max(length, 1), False
        starts = range(0, max(length, 1), step)
        blocks = [
            checkpoint(one, start, use_reentrant=False) if again else one(start)
            for start in starts
        ]
        return torch.cat(blocks, -2).to(call.query.dtype)


def is_small(call):
    """Tell whether one matrix of scores is faster than blocks."""
    return math.prod(call.shape) <= DENSE_SCORES
