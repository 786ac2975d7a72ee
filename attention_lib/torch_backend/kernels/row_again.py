"""Gradients of rows in torch's own operations, which can be differentiated again."""

import torch

from attention_lib import weightings
from attention_lib._dispatch import present
from attention_lib.torch_backend.entmax import gradient_in_alpha, gradient_in_scores
from attention_lib.torch_backend.kernels import row_rules as rules

__all__ = ["differentiate"]


def differentiate(grad, saved, numbers, needed):
    """Give the gradients in scores, mask, factors and parameters of rows.

    Kinds that keep their weights are differentiated by these, as the kernel does;
    of the others the weights are computed once more.
    """
    scores, weights, where, factors, pars, _ = saved
    family, factor, par, power, eps = numbers
    factor = factor if factors is None else factors[:, None]
    par = par if pars is None else pars[:, None]
    grad = grad.float()
    if weights is None:
        given = [t for t, need in zip((scores, None, factors, pars), needed[:4],
                                      strict=True) if need]  # fmt: skip
        taking = None if where is None else where.reshape(scores.shape)
        made = _weighed(scores.float(), taking, family, factor, par, power, eps)
        slopes = iter(torch.autograd.grad(made, given, grad, create_graph=True))
        return tuple(next(slopes) if need else None for need in needed[:4])
    w = weights.float()
    grad = torch.where(w == 0, 0, grad)
    if family >= rules.SPARSEMAX.value:
        c = par if pars is not None else torch.full_like(w[:1, :1], par)
        in_par = (grad * gradient_in_alpha(w, c)).sum(-1) if needed[3] else None
        return gradient_in_scores(w, c, grad).to(weights.dtype), None, None, in_par
    mean = (w * grad).sum(-1, keepdim=True)
    slopes = w * (grad - mean)
    in_factor = in_par = None
    if needed[2]:
        reached = torch.where(w == 0, 0, scores.float())
        middle = (w * reached).sum(-1, keepdim=True).detach()  # the slopes sum to zero
        in_factor = (slopes * (reached - middle)).sum(-1)
    if needed[3]:
        in_par = -(mean * (1 - w.sum(-1, keepdim=True)))[:, 0]
    return (slopes * factor).to(weights.dtype), None, in_factor, in_par


def _weighed(x, where, family, factor, par, power, eps):
    """Weigh by the library's own rules."""
    if family == rules.SOFTPICK.value:
        weighting = weightings.Softpick(eps)
    elif family == rules.NRELU.value:
        weighting = weightings.NormalizedReLU(power, eps)
    elif family == rules.RELU.value:
        return weightings.ReLU(power).weigh(x, where) * factor
    else:
        pointwise = family == rules.SIGMOID.value
        kind = weightings.Sigmoid if pointwise else weightings.NormalizedSigmoid
        x, weighting = x * factor, kind(par)
    return weighting.weigh(x, present(x, where))
