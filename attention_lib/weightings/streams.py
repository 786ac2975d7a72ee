"""How a weighting streams: one small record, which every way of attention reads.

A row of scores is taken in blocks of its keys. Of each block a *peak* is kept, to which
all sizes are relative, the *total* of the sizes, and the shares not yet divided by it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from attention_lib._dispatch import (
    factor_for,
    largest,
    like,
    logistic,
    masked,
    namespace,
    product,
)

__all__ = ["MERGING", "ORDINARY", "Stream", "lost", "seen"]

INFINITY = float("inf")
MERGING = ("exponential", "sum", "pointwise")  # kinds whose partial results merge
# What was seen of a row, the largest of its blocks': no key that takes part; only keys
# that score -inf; numbers; a NaN or +inf among them.
ABSENT, ONLY_LOWEST, ORDINARY, ODD = range(4)


@dataclass(frozen=True, eq=False)
class Stream:
    """How a weighting streams.

    Attributes
    ----------
    kind : str
        What the weights are: "exponential", ``e^z / (e^offset + sum e^z)``; "sum",
        ``phi / (sum |phi| + eps)``; "pointwise", ``phi / divisor``; "threshold", zero
        below a bound that all keys set.
    formula : str or None
        The name of a rule that the engines know: "exp", "sigmoid", "relu", "softpick",
        "entmax". None: `rule` alone says it.
    rule : callable or None
        ``phi`` of a score, for sum and pointwise kinds; for the exponential kind, and
        where `logs`, the exponent ``z`` before it is multiplied. None: the score.
    sign : int or array
        1 or -1, by which the scores are multiplied first.
    multiplier : float or array
        At least zero, by which the scores (exponents, where there is a rule) are
        multiplied.
    shift : float, array or None
        What is added to the scores, for the formula "sigmoid".
    offset : float, array or None
        Score of one more key, whose value is zero (exponential kind).
    eps : float
        Added to the sum (sum kind).
    divisor : float, array or None
        What weights are divided by at last (pointwise kind).
    power : float
        Of the formula "relu" the power; of "entmax" alpha.
    logs : bool
        Whether phi is kept by its logarithm, which `rule` gives.
    growth : str or None
        Sum kind: with what the sizes grow, and so what they are relative to: None, an
        absolute number; "power", the largest score to the `power`; "size", the largest
        size of a score to the `power`; "exp", the exponential of the largest score, if
        that is positive.
    relative : callable or None
        ``phi(score) e^-peak`` of a score and a peak, with its sign, where `growth` is
        "exp".
    """

    kind: str
    formula: str | None = None
    rule: Callable | None = None
    sign: Any = 1
    multiplier: Any = 1.0
    shift: Any = None
    offset: Any = None
    eps: float = 0.0
    divisor: Any = None
    power: Any = 1
    logs: bool = False
    growth: str | None = None
    relative: Callable | None = None

    @property
    def merges(self):
        """Whether partial results over some of the keys merge."""
        return self.kind in MERGING

    @property
    def multiplies(self):
        """Whether it is softmax of a multiple of the scores, with an offset or none."""
        return self.formula == "exp"

    def exponents(self, scores):
        """Give the exponents before they are multiplied by the multiplier."""
        if self.rule is not None:
            scores = self.rule(scores)
        if isinstance(self.sign, int):
            return scores if self.sign == 1 else -scores
        return scores * like(self.sign, scores)

    def parts(self, scores, where):
        """Give the peak, the total and the undivided shares of a block of scores.

        What takes no part scores zero here, so that its rule meets a number.
        """
        if self.kind == "pointwise":
            shares = self.rule(scores)
            if self.divisor is not None:
                shares = shares / like(self.divisor, shares)
            return None, None, masked(shares, where)
        if self.kind == "exponential" or self.logs:
            return self._exponentials(scores, where)
        if self.growth == "exp":
            return self._rising(scores, where)
        return self._sizes(scores, where)

    def _exponentials(self, scores, where):
        z = self.exponents(scores)
        peak = largest(z, where)
        base = masked(peak, peak != -INFINITY)
        shares = masked(namespace(z).exp(product(z, base, self.multiplier)), where)
        return peak, shares.sum(-1)[..., None], shares

    def _rising(self, scores, where):
        xp, peak = namespace(scores), largest(scores, where)
        peak = xp.where(peak < 0, xp.zeros_like(peak), peak)
        sizes = masked(self.relative(scores, peak), where)
        shares = xp.where(sizes > 0, sizes, xp.zeros_like(sizes))
        return peak, abs(sizes).sum(-1)[..., None], shares

    def _sizes(self, scores, where):
        peak = None
        if self.growth is not None:
            sizes = abs(scores) if self.growth == "size" else scores
            xp, top = namespace(scores), largest(sizes, where)
            # Beside an eps, what is tiny may vanish.
            least = 1.0 if self.eps else 0.0
            peak = xp.where(top > least, top, xp.full_like(top, least))
            usable = (peak > 0) & (peak < INFINITY)
            scores = scores / xp.where(usable, peak, xp.ones_like(peak))
        shares = masked(self.rule(scores), where)
        return peak, abs(shares).sum(-1)[..., None], shares

    def rise(self, peak, above):
        """Give what a total relative to one peak is, relative to one `above` it.

        The larger one keeps its sums as they are, also where both are infinite.
        """
        xp = namespace(peak)
        one, same = xp.ones_like(peak), peak == above
        if self.growth in ("power", "size"):
            ratio = (peak / xp.where(above > 0, above, one)) ** self.power
        else:
            multiplier = 1.0 if self.growth else self.multiplier
            ratio = xp.exp(
                product(masked(peak, ~same), masked(above, ~same), multiplier)
            )
        return xp.where(same, one, ratio)

    def finish(self, shares, peak, total):
        """Divide by the total, to which the offset's share or the eps is added."""
        xp = namespace(total)
        none = total == 0  # nothing has a share
        safe = xp.where(none, xp.ones_like(total), total)
        if self.kind == "exponential" and self.offset is not None:
            gap = self.log_total(peak, safe) - like(self.offset, total)
            # Its derivative, unlike that of 1 / (1 + e^-x), does not overflow.
            return shares / safe * masked(logistic(masked(gap, ~none)), ~none)
        if self.eps and self.growth == "exp":
            safe = total + self.eps * xp.exp(-peak)
        elif self.eps:
            safe = total + self.eps / (1 if self.growth is None else peak**self.power)
        return shares / safe

    def log_total(self, peak, total):
        """Give the logarithm of the sum of exponentials."""
        xp = namespace(total)
        raised = peak * factor_for(total, self.multiplier) + xp.log(total)
        return xp.where(peak == -INFINITY, peak, raised)


def seen(scores, where):
    """Tell what is in each row, (..., 1): see the constants of this module."""
    xp, top = namespace(scores), largest(scores, where)
    some = int(scores.shape[-1] > 0) if where is None else where.any(-1)[..., None]
    ordinary = xp.where(top < INFINITY, ORDINARY, ODD)
    return xp.where(top == -INFINITY, some * ONLY_LOWEST, ordinary)


def lost(seen):
    """Tell the rows without weights: with a NaN or +inf, or with nothing but -inf."""
    return (seen == ONLY_LOWEST) | (seen == ODD)
