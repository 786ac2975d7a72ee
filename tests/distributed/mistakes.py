"""Mistakes in attention over several processes; each is noticed by some case."""

import dataclasses

import torch

from tests.mutation import Change

__all__ = ["MISTAKES"]

MISTAKES = {}


def mistake(target):
    """Enter the wrong function below, in the place of a part of the library."""

    def enter(wrong):
        MISTAKES[wrong.__name__] = Change(target, wrong)
        return wrong

    return enter


@mistake("distributed.layouts.segments")
def places_of_a_shard_are_ignored(right, lengths, rank, layout):
    """Begin every shard at the first place."""
    return [segment._replace(start=0) for segment in right(lengths, rank, layout)]


@mistake("distributed.ring._keys_of_rows")
def keys_of_the_shard_are_counted(call, mine, held, line):
    """Count the keys of this process alone."""
    return call.key.shape[-2] if call.weighting.uses_n else None


@mistake("distributed.ring._keys_of_rows")
def all_keys_are_counted_under_a_causal_mask(right, call, mine, held, line):
    """Count also the keys that a row does not see."""
    return right(dataclasses.replace(call, is_causal=False), mine, held, line)


@mistake("weightings.streams.Stream.rise")
def states_merge_without_rescaling(self, peak, above):
    """Add what is relative to two maxima as it is."""
    return torch.ones_like(peak)


@mistake("distributed.circuits.Ring.visit_back")
def a_gradient_is_not_sent_home(self, shard, step):
    """Keep what the others add to our shard's gradients."""
    found = [step(here) for _, here in self._round(shard)]
    return found[0]


@mistake("distributed.circuits.Tree.summed")
def sums_are_not_reduced(self, *arrays):
    """Take the sums over our own keys for those over all."""
    return arrays


@mistake("distributed.thresholds._Rows.sums")
def the_sums_of_newton_are_not_reduced(right, self, shard):
    """Take a step on the sums over our own keys alone."""
    own = dataclasses.replace(self.job, circuit=_Alone(self.job.circuit))
    self.job, job = own, self.job
    try:
        return right(self, shard)
    finally:
        self.job = job


@mistake("distributed.thresholds._Rows.pulls")
def the_sums_of_the_way_back_are_not_reduced(right, self, shard, grad, alpha):
    """Take the sums of h over our own keys alone."""
    own = dataclasses.replace(self.job, circuit=_Alone(self.job.circuit))
    self.job, job = own, self.job
    try:
        return right(self, shard, grad, alpha)
    finally:
        self.job = job


@mistake("distributed.merging._pulls")
def the_gradient_of_a_parameter_is_dropped(right, job, grad, *given):
    """Forget what the last division does to a parameter."""
    out, total, arrays = right(job, grad, *given)
    return out, total, [torch.zeros_like(a) for a in arrays]


@mistake("distributed.thresholds.seen")
def a_nan_is_left_to_the_maximum(right, scores, where):
    """Do not say that a NaN was seen: the largest score may tell, or lose it."""
    return right(scores, where).clamp(max=2)


@dataclasses.dataclass(frozen=True)
class _Alone:
    """A circuit that meets our own shard only."""

    circuit: object

    def visit(self, shard, step):
        """Take a step on our own."""
        step(shard)

    def summed(self, *arrays):
        """Leave the sums as they are."""
        return arrays
