r"""Sparse rows over several processes: a threshold that they find by vote.

Each shard alone, with a threshold from its own largest score, would give weights that
sum to one. With the keys of the others the sum only grows: so the largest of these
thresholds bounds the row's from below, and Newton's method rises from it, on two sums
over all keys in each step. With ``h = w^(2 - alpha)`` the way back is

.. math:: dS = h \left(g - \frac{\sum h g}{\sum h}\right), \qquad g_j = dO \cdot v_j
"""

import dataclasses
from numbers import Real

import torch

from attention_lib import _threshold
from attention_lib._dispatch import largest, masked, present, quiet, work_dtype
from attention_lib.distributed.circuits import no_nan
from attention_lib.distributed.shards import as_leaves, blocks, part_of_rows
from attention_lib.torch_backend.entmax import FAST, entmax, free_in_alpha
from attention_lib.torch_backend.masking import for_each_head
from attention_lib.torch_backend.scores import scores, weighted_sum
from attention_lib.weightings.streams import lost, seen

__all__ = ["STEPS", "backward", "forward"]

STEPS = 100  # of Newton's method; up to alpha = 2 it takes at most eight


def forward(job, query, shard, names, arrays):
    """Give the output, and the largest score and the threshold of each row."""
    with quiet(query):
        rows = _Rows(job, query, job.with_arrays(names, arrays))
        keys_only = dataclasses.replace(shard, value=None)
        rows.start(keys_only)
        low, high = torch.where(rows.c > 1, 0, rows.t), rows.high
        for _ in range(STEPS):
            total, slope = rows.sums(keys_only)
            new, low, high, moving = _threshold.improved(
                rows.t, low, high, total, slope, rows.c
            )
            moving = moving & ~rows.odd
            if not job.circuit.any(moving):
                break
            rows.t = torch.where(moving, new, rows.t)
        out, total = rows.averaged(shard)
    out = torch.where(lost(rows.seen), torch.nan, out / masked_one(total))
    return out.to(query.dtype), (rows.top, rows.t)


def backward(job, grad, query, shard, out, kept, names, arrays):
    """Give the gradients of the query, of our keys and values, and of alpha."""
    with quiet(query):
        weighting = job.with_arrays(names, arrays)
        rows = _Rows(job, query, weighting)
        rows.top, rows.t = kept
        grad = grad.to(rows.dtype)
        sums = rows.pulls(shard, grad, alpha=bool(arrays))
        mean = sums[1] / masked_one(sums[0])
        in_query, in_key, in_value = rows.slopes(shard, grad, mean)
        in_arrays = []
        if arrays:  # alpha, the only one
            moved = sums[3] - mean * sums[2]
            in_arrays = [moved.sum_to_size(_with_axes(arrays[0])).view(arrays[0].shape)]
    (in_query,) = job.circuit.shared(in_query)
    return in_query, in_key, in_value, in_arrays


def masked_one(total):
    """Give sums to divide by: where nothing has weight, one."""
    return torch.where(total == 0, 1, total)


def _with_axes(alpha):
    """Give the shape of alpha with the axes of rows and keys, which have size one."""
    return (1,) * max(0, 2 - alpha.ndim) + tuple(alpha.shape)


class _Rows:
    """The rows of one process: their largest scores and thresholds so far."""

    def __init__(self, job, query, weighting):
        self.job, self.query, self.weighting = job, query, weighting
        self.dtype = work_dtype(query)
        self.shape = (*job.call.lead, query.shape[-2], 1)
        alpha = torch.as_tensor(weighting.alpha, dtype=self.dtype, device=query.device)
        self.c = (alpha.detach() - 1).expand(self.shape)
        # One alpha for all rows, where it is a number.
        self.one = weighting.alpha if isinstance(weighting.alpha, Real) else None

    @property
    def odd(self):
        """Whether a row has no largest score to be relative to."""
        return ~self.top.isfinite()

    def start(self, shard):
        """Take the largest score, and the largest threshold of any shard alone."""
        new = self.query.new_full
        self.top = new(self.shape, -torch.inf, dtype=self.dtype)
        self.seen = new(self.shape, 0, dtype=torch.int64)
        self.t = self.top.clone()

        def step(here):
            for block, _, score, where in self._scores(here, whole_rows=True):
                there, rows = present(score, where, whole=False), block.rows
                c = part_of_rows(self.c, rows)
                top, t = _alone(
                    score, c, c + 1 if self.one is None else self.one, there
                )
                old = self.top[..., rows, :]
                both = torch.maximum(old, top)
                before = _lowered(self.t[..., rows, :], old, both)
                self.t[..., rows, :] = torch.maximum(before, _lowered(t, top, both))
                self.top[..., rows, :] = both
                met = self.seen[..., rows, :]
                self.seen[..., rows, :] = torch.maximum(met, seen(score, where))

        self.job.circuit.visit(shard, step)
        own, met = no_nan(self.top), self.seen.to(self.dtype)
        self.top, met = self.job.circuit.largest(torch.stack([own, met]))
        self.seen = met.to(self.seen.dtype)
        first = self.job.circuit.largest(no_nan(_lowered(self.t, own, self.top)))
        n = torch.full_like(self.top, max(self.job.n_keys, 1))
        zero, _, self.high = _threshold.bracket(self.c, n)
        self.t = torch.where(self.odd, zero, first.clamp(min=0).minimum(self.high))

    def sums(self, shard):
        """Sum the weights at the threshold, and how fast they fall with it."""
        total, slope = torch.zeros_like(self.t), torch.zeros_like(self.t)

        def step(here):
            for block, _, weights, _ in self._weights(here):
                rows = block.rows
                slopes = _threshold.slopes(weights, part_of_rows(self.c, rows))
                total[..., rows, :] += weights.sum(-1, keepdim=True)
                slope[..., rows, :] += slopes.sum(-1, keepdim=True)

        self.job.circuit.visit(shard, step)
        return self.job.circuit.summed(total, slope)

    def averaged(self, shard):
        """Sum the weighted values, and the weights."""
        width = shard.value.shape[-1]
        out = self.t.new_zeros(*self.shape[:-1], width)
        total = torch.zeros_like(self.t)

        def step(here):
            for block, call, weights, where in self._weights(here):
                value = for_each_head(call.value, call.group).to(self.dtype)
                part = weighted_sum(weights, value, where)
                out[..., block.rows, :] += part
                total[..., block.rows, :] += weights.sum(-1, keepdim=True)

        self.job.circuit.visit(shard, step)
        return self.job.circuit.summed(out, total)

    def pulls(self, shard, grad, alpha):
        """Sum ``h``, ``h g``, and of what alpha moves the same two."""
        sums = [torch.zeros_like(self.t) for _ in range(4 if alpha else 2)]

        def step(here):
            for block, call, weights, _ in self._weights(here):
                c = part_of_rows(self.c, block.rows)
                pull = _pull(call, grad[..., block.rows, :], weights)
                terms = [_threshold.slopes(weights, c)]
                if alpha:
                    terms.append(free_in_alpha(weights, c))
                found = [a for term in terms for a in (term, term * pull)]
                for mine, new in zip(sums, found, strict=True):
                    mine[..., block.rows, :] += new.sum(-1, keepdim=True)

        self.job.circuit.visit(shard, step)
        return self.job.circuit.summed(*sums)

    def slopes(self, shard, grad, mean):
        """Give the gradients of the query, and of our keys and values."""
        in_query = torch.zeros_like(self.query, dtype=self.dtype)

        def step(here):
            found = [torch.zeros_like(a, dtype=self.dtype)
                     for a in (here.key, here.value)]  # fmt: skip
            for block in blocks(self.job, self.query, here):
                rows = block.rows
                call = block.call(self.job, self.query, here, self.weighting)
                with torch.enable_grad():
                    call, leaves = as_leaves(call, self.dtype)
                    score, where = scores(call, block.offsets)
                    weights, there = self._at(score.detach(), where, rows)
                    value = for_each_head(call.value, call.group)
                    part = weighted_sum(weights, value, there)
                h = _threshold.slopes(weights, part_of_rows(self.c, rows))
                pulled = grad[..., rows, :]
                pull = _pull(call, pulled, weights) - part_of_rows(mean, rows)
                new = torch.autograd.grad([score, part], leaves, [h * pull, pulled])
                in_query[..., rows, :] += new[0]
                for sums, slope in zip(found, new[1:], strict=True):
                    sums[..., block.columns, :] += slope
            return found

        return in_query, *self.job.circuit.visit_back(shard, step)

    def _scores(self, shard, *, whole_rows=False):
        """Score a shard, block by block."""
        for block in blocks(self.job, self.query, shard, whole_rows=whole_rows):
            call = block.call(self.job, self.query, shard, self.weighting)
            yield block, call, *scores(call, block.offsets)

    def _weights(self, shard):
        """Weigh a shard at the thresholds as they are, block by block."""
        for block, call, score, where in self._scores(shard):
            yield block, call, *self._at(score, where, block.rows)

    def _at(self, score, where, rows):
        """Give the weights of a block, and where keys take part."""
        odd, top, t, c = (
            part_of_rows(a, rows) for a in (self.odd, self.top, self.t, self.c)
        )
        there = present(score, where, whole=False)
        z = masked(torch.where(odd, 0, score - top), there)
        return masked(_powers(z, c, t, self.one), there), there


def _powers(z, c, t, one):
    """Give the weights at a threshold; for the common alphas without logarithms."""
    if one is None or not FAST[0] <= one - 1 <= FAST[1]:
        return _threshold.powers(z, c, t)
    c = one - 1
    return ((z - t) * c + 1).clamp_(min=0) ** (1 / c)


def _alone(score, c, alpha, there):
    """Give the largest score of each row of a block, and its threshold in this alone.

    The largest weight is ``[1 - c t]^(1/c)``, for a threshold relative to its score.
    """
    top = largest(score, there)
    weight = entmax(score, alpha, there).amax(-1, keepdim=True)
    logs = torch.where(weight > 0, weight, 1).log()
    straight = c == 0
    safe = torch.where(straight, 1, c)
    t = torch.where(straight, -logs, -torch.expm1(c * logs) / safe)
    return top, torch.where(top.isfinite(), t, -torch.inf)


def _lowered(t, top, above):
    """Give a threshold that is relative to one score, relative to one above it."""
    return t - torch.where(top == above, 0, above - top)


def _pull(call, grad, weights):
    """Give ``dO . v`` of the keys that have weight, and zero of the others."""
    value = for_each_head(call.value.detach(), call.group).to(grad.dtype)
    return torch.where(weights != 0, grad @ value.mT, 0)
