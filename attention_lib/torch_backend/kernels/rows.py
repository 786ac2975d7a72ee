"""Rows of weights by a kernel: which rules it knows, and what it is given of them."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch

from attention_lib._dispatch import traced
from attention_lib.torch_backend.kernels import row_operators as operators
from attention_lib.torch_backend.kernels import row_rules as rules

__all__ = ["counted", "weigh"]

PLAIN = 0.1  # alpha - 1 from which powers of shifted scores are accurate


@dataclass(frozen=True)
class Rule:
    """What the kernel takes of a stream: a family, and its parameters.

    `factor` multiplies the scores (ReLU's: the weights); `par` is the offset, the bias,
    or alpha less one. Both are numbers, or tensors with one number a row.
    """

    family: Any
    factor: Any = 1.0
    par: Any = 0.0
    power: float = 1.0
    eps: float = 0.0


def weigh(stream, scores, where):
    """Give the weights along the last axis, or None where the kernel has no rule."""
    rule = _rule(stream)
    if rule is None:
        return None
    *lead, n = scores.shape
    factor, factors = _a_row(rule.factor, lead, scores)
    par, pars = _a_row(rule.par, lead, scores)
    weights, _ = operators.weigh(
        scores.reshape(-1, n),
        where,
        factors,
        pars,
        rule.family.value,
        factor,
        par,
        float(rule.power),
        float(rule.eps),
    )
    return weights.reshape(scores.shape)


def counted(scores, where):
    """Count the keys of each row that take part and do not score -inf, (..., 1).

    In a row that holds nothing else, -inf is a score.
    """
    *lead, n = scores.shape
    return operators.count(scores.detach().reshape(-1, n), where).reshape(*lead, 1)


def _rule(stream):
    """Read the record of a weighting; None: the kernel does not know it."""
    factor = stream.multiplier
    if not (isinstance(stream.sign, int) and stream.sign == 1):
        factor = factor * stream.sign
    if stream.formula == "exp" and stream.offset is None:
        return Rule(rules.SOFTMAX, factor)
    if stream.formula == "exp":
        plain = isinstance(factor, Real) and factor == 1
        return Rule(rules.SOFTMAX1, par=stream.offset) if plain else None
    if stream.formula == "softpick":
        return Rule(rules.SOFTPICK, eps=stream.eps)
    if stream.formula == "sigmoid":
        shift = 0.0 if stream.shift is None else stream.shift
        family = rules.SIGMOID if stream.kind == "pointwise" else rules.NSIGMOID
        return Rule(family, factor, shift)
    if stream.formula == "relu" and stream.kind == "sum":
        return Rule(rules.NRELU, power=stream.power, eps=stream.eps)
    if stream.formula == "relu":
        share = 1.0 if stream.divisor is None else 1 / stream.divisor
        return Rule(rules.RELU, share, power=stream.power)
    return _entmax(stream.power) if stream.formula == "entmax" else None


def _entmax(alpha):
    """Give the rule of an alpha above 1 and up to 2, or of one a row; else None."""
    if not isinstance(alpha, Real):
        if traced(alpha) or not bool(((alpha > 1) & (alpha <= 2)).all()):
            return None
        return Rule(rules.NEAR_ONE, par=alpha - 1)
    if alpha == 1:
        return Rule(rules.SOFTMAX)
    if not 1 < alpha <= 2:
        return None
    family = rules.ENTMAX if alpha - 1 >= PLAIN else rules.NEAR_ONE
    named = {2: rules.SPARSEMAX, 1.5: rules.ENTMAX15}
    return Rule(named.get(alpha, family), par=alpha - 1)


def _a_row(parameter, lead, scores):
    """Give a parameter as a number for all rows, or in float32 as one a row."""
    if isinstance(parameter, Real):
        return float(parameter), None
    parameter = parameter.to(scores.device, torch.float32)
    return 1.0, parameter.expand(*lead, 1).reshape(-1)
