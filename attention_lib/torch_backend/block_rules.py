"""What a weighting does to a block of scores, in place, and on the way back.

A rule takes a block of finite scores (heads, queries, keys), all keys of each query,
with `hidden` where a mask excludes. It keeps one number a row for the way back.

``weigh(x, spare)`` turns scores into shares and gives (shares, total, kept): the
weights are the shares divided by the total (None: they are the weights).

``differ(x, g, spare, mean, kept)`` takes the scores again, less what was kept if
`shifted`, and ``g``, the gradient in each weight. It gives the shares, and the gradient
in each score. If `centred`, the mean of g over the weights is given too, and subtracted
from g already unless `level`; if `summed`, both come divided by the total.

Everything is written over `x`, `g` and `spare`, which are as large as the block.
`reach` bounds the scores up to which all this neither overflows nor vanishes; they
come multiplied by `factor`, and the gradient is that in the scores themselves.
"""

import math

import torch

from attention_lib.torch_backend.descent import chunk_maxima, descend
from attention_lib.torch_backend.extremes import within

__all__ = [
    "Entmax",
    "Exponential",
    "Normalized",
    "ReLU",
    "Sigmoid",
    "Softpick",
    "Vanishing",
]

TINY = 1e-30  # sums below lose their digits
ROOM = 2.0**-12  # above a threshold, which is to be known to an eighth of it
FAR_FROM_ZERO = 0.1  # a mean of |e^s - 1| beside which its rounding does not count


class Vanishing(ArithmeticError):
    """A row's shares would lose their digits: its sum is tiny, or its scores large."""


def _usable(total):
    """Give sums to divide by: where nothing has a share, one."""
    tiny = total < TINY
    if not bool(tiny.any()):
        return total
    if bool((tiny & (total > 0)).any()):
        raise Vanishing
    return total.masked_fill_(tiny, 1)


class Rule:
    """What most rules share."""

    factor = 1.0
    shifted = summed = centred = level = False

    @property
    def keeps(self):
        """Whether a number a row is kept for the way back."""
        return self.shifted or self.summed


class Exponential(Rule):
    """Softmax, with one more key of score `offset` or none; keeps the log-sum-exp."""

    hidden, reach = -math.inf, 1e30
    shifted = centred = True

    def weigh(self, x, spare, offset=None):
        """Take exponentials relative to the largest score of a row."""
        peak = x.amax(-1, keepdim=True)
        if offset is not None:
            peak = torch.maximum(peak, offset)
        peak.masked_fill_(peak == -math.inf, 0)
        total = x.sub_(peak).exp_().sum(-1, keepdim=True)
        if offset is not None:
            total += (offset - peak).exp_()
        total.masked_fill_(total == 0, 1)
        return x, total, total.log().add_(peak)

    def differ(self, x, g, spare, mean, kept):
        """Multiply the weights by what moves them."""
        return x.exp_(), g.mul_(x)


class Sigmoid(Rule):
    """The sigmoid of each score; keeps nothing."""

    hidden, reach = -math.inf, 1e30

    def weigh(self, x, spare):
        """Take the sigmoid."""
        return x.sigmoid_(), None, None

    def differ(self, x, g, spare, mean, kept):
        """Multiply by ``w (1 - w)``."""
        x.sigmoid_()
        torch.ops.aten.sigmoid_backward.grad_input(g, x, grad_input=g)
        return x, g


class ReLU(Rule):
    """The positive part of each score, to the power 1, 2 or 3; keeps nothing."""

    hidden, reach = -math.inf, 1e6

    def __init__(self, power):
        self.power = power

    def weigh(self, x, spare):
        """Take the power of the positive part."""
        x.relu_()
        if self.power > 1:
            torch.mul(x, x, out=spare)
            x = spare.mul_(x) if self.power == 3 else spare
        return x, None, None

    def differ(self, x, g, spare, mean, kept):
        """Multiply by ``p u^(p - 1)``."""
        if self.power == 1:
            torch.ops.aten.threshold_backward.grad_input(g, x, 0, grad_input=g)
            return x.relu_(), g
        x.relu_()
        g.mul_(x).mul_(self.power)
        if self.power == 3:
            g.mul_(x)
            torch.mul(x, x, out=spare)
            return spare.mul_(x), g
        return x.mul_(x), g


class Normalized(Rule):
    """A pointwise rule divided by its sum and an eps; keeps the sum."""

    summed = centred = True

    def __init__(self, rule, reach, eps=0.0):
        self.rule, self.reach, self.eps = rule, reach, eps
        self.hidden = rule.hidden

    def weigh(self, x, spare):
        """Divide by the sum of the shares; a row of zeros stays zeros."""
        shares, _, _ = self.rule.weigh(x, spare)
        total = _usable(shares.sum(-1, keepdim=True).add_(self.eps))
        return shares, total, total

    def differ(self, x, g, spare, mean, kept):
        """Differentiate as the rule does: the mean is gone from `g` already."""
        return self.rule.differ(x, g, spare, mean, kept)


class Softpick(Rule):
    """Softpick, for scores whose exponentials are finite; keeps the sum."""

    hidden, reach = 0.0, 60.0
    summed = centred = level = True

    def __init__(self, eps):
        self.eps = eps

    def weigh(self, x, spare):
        """Share what is positive of ``e^s - 1`` by the sum of all its sizes."""
        x.expm1_()
        total = torch.linalg.vector_norm(x, 1, -1, keepdim=True)
        total = _usable(total.add_(self.eps))
        return x.relu_(), total, total

    def differ(self, x, g, spare, mean, kept):
        """Let a negative score, whose size enters the sum, push the other way."""
        torch.ops.aten.threshold_backward.grad_input(g, x, 0, grad_input=g)
        g.addcmul_(torch.sign(x, out=spare), mean, value=-1)
        if bool(kept.amin() < FAR_FROM_ZERO * x.shape[-1]):
            torch.exp(x, out=spare)
            return x.expm1_().relu_(), g.mul_(spare)
        g.mul_(x.exp_())  # expm1 takes five times as long
        return x.sub_(1).relu_(), g


class Entmax(Rule):
    """Entmax for one alpha from 1.1 to 2; keeps the score at which weights begin."""

    hidden, reach = -math.inf, 1e30
    shifted = True

    def __init__(self, alpha):
        self.c = self.factor = float(alpha) - 1

    def weigh(self, x, spare):
        """Find the threshold of each row, and raise what lies above."""
        n = x.shape[-1]
        z, weights = x.view(-1, n), spare.view(-1, n)
        tops = chunk_maxima(z)
        top = tops.amax(-1, keepdim=True)
        odd = self._odd(top, n)
        threshold = descend(z, tops, self.c, weights)
        if odd is not None:
            weights.masked_fill_(odd, 0)
            threshold.masked_fill_(odd, 0)
        return spare, None, threshold.view(*x.shape[:-1], 1)

    def _odd(self, top, n):
        """Tell in which rows nothing takes part: None, or where; refuse large scores.

        A threshold is rounded as its row's largest score is, and n equal keys lie only
        ``n^-c`` above theirs. Keys far below the largest do no harm.
        """
        most = min(ROOM, n**-self.c) / (8 * torch.finfo(top.dtype).eps)
        if within(top, -most, most):
            return None
        odd = top == -torch.inf
        if bool((~odd & ~(top.abs() <= most)).any()):
            raise Vanishing
        return odd

    def differ(self, x, g, spare, mean, kept):
        """Take ``h = w^(1 - c)`` times `g`, less the mean of `g` weighed by h."""
        power = 1 / self.c - 1  # the weights are u^(power + 1), h is u^power
        u = x.relu_()
        if power == 0:  # sparsemax: h is one where there is weight
            size = torch.sign(u, out=spare).sum(-1, keepdim=True)
            g.mul_(spare)
            mean = g.sum(-1, keepdim=True) / size.clamp_(min=1)
            return u, g.addcmul_(spare, mean, value=-1)
        h = u
        if power == 3:
            h = torch.mul(u, u, out=spare).mul_(u)
        elif power != 1:
            h = torch.pow(u, power, out=spare)
        total = h.sum(-1, keepdim=True)
        g.mul_(h)
        mean = g.sum(-1, keepdim=True) / total.masked_fill_(total == 0, 1)
        g.addcmul_(h, mean, value=-1)
        return u.mul_(h), g
