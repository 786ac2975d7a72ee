"""Replicas: one model trained from several starts at once, side by side.

Every parameter and every batch has a leading axis of replicas, each with its own
initial weights and its own data. Losses are summed over it, gradients are clipped
replica by replica, and Adam works entry by entry: no replica notices the others. All
draws come from one generator, seeded once a run.
"""

import math
from contextlib import contextmanager
from dataclasses import dataclass

import torch

__all__ = [
    "PLAIN",
    "STANDARD",
    "Recipe",
    "apply",
    "bias",
    "matrix",
    "normal",
    "stream",
    "train",
    "units",
    "weights_of",
]


@dataclass(frozen=True)
class Recipe:
    """How Adam is driven.

    Attributes
    ----------
    betas : tuple of float
        Adam's two decay rates.
    clip : float or None
        Largest norm of the gradient of one replica.
    warm_up : float
        Part of the steps in which the rate rises from zero.
    cosine : bool
        Whether the rate then falls to zero, as half a cosine.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    clip: float | None = None
    warm_up: float = 0.0
    cosine: bool = False

    def factor(self, step, steps):
        """Give what the rate is multiplied by at one step of `steps`."""
        rising = round(self.warm_up * steps)
        if step < rising:
            return (step + 1) / rising
        if not self.cosine:
            return 1.0
        return (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2


STANDARD = Recipe((0.9, 0.98), clip=1.0, warm_up=0.1, cosine=True)
PLAIN = Recipe()


def stream(seed):
    """Give the one source of randomness of a run."""
    return torch.Generator().manual_seed(seed)


def normal(source, *shape):
    """Draw from N(0, 1)."""
    return torch.randn(shape, generator=source)


def units(source, *shape):
    """Draw directions: vectors of length one along the last axis."""
    return torch.nn.functional.normalize(normal(source, *shape), dim=-1)


def matrix(source, replicas, fan_in, fan_out):
    """Start a matrix for each replica, from U(-r, r) with r = 1 / sqrt(fan_in)."""
    drawn = torch.rand((replicas, fan_in, fan_out), generator=source)
    return ((2 * drawn - 1) / math.sqrt(fan_in)).requires_grad_()


def bias(source, replicas, fan_in, size):
    """Start a bias for each replica, from the same range as its matrix."""
    drawn = torch.rand((replicas, 1, size), generator=source)
    return ((2 * drawn - 1) / math.sqrt(fan_in)).requires_grad_()


def apply(x, weight, offset=None):
    """Multiply (replicas, ..., fan_in) by each replica's own matrix."""
    rows = x.flatten(1, -2)
    out = rows @ weight if offset is None else torch.baddbmm(offset, rows, weight)
    return out.unflatten(1, x.shape[1:-1])


def weights_of(weighting, query, key, where=None, scale=None):
    """Weigh the keys of (replicas, batch, keys, d) for each of the queries.

    A weighting with `features` scores by the products of these, and any other by the
    dot product times `scale`, by default one over the root of d.
    """
    features = getattr(weighting, "features", None)
    if features is None:
        query = query * (query.shape[-1] ** -0.5 if scale is None else scale)
    else:
        query, key = features(query), features(key)
    return weighting(query @ key.transpose(-1, -2), where=where)


@contextmanager
def one_thread():
    """Keep torch to one thread: small products only wait for more, if others work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def train(parameters, losses, steps, rate, recipe=STANDARD):
    """Train in place.

    Parameters
    ----------
    parameters : dict of str to Tensor, each of shape (replicas, ...)
        What to train.
    losses : callable
        Draws a batch and gives the loss of each replica, shape (replicas,).
    steps : int
        Number of batches.
    rate : float
        Largest learning rate.
    recipe : Recipe, default STANDARD
        How Adam is driven.
    """
    with one_thread():
        _train(list(parameters.values()), losses, steps, rate, recipe)


def _train(trained, losses, steps, rate, recipe):
    optimiser = torch.optim.Adam(trained, lr=rate, betas=recipe.betas)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * recipe.factor(step, steps)
        optimiser.zero_grad()
        losses().sum().backward()
        if recipe.clip is not None:
            _clip([p.grad for p in trained if p.grad is not None], recipe.clip)
        optimiser.step()


def _clip(gradients, largest):
    """Shrink each replica's gradient to a norm of at most `largest`."""
    squares = sum(g.flatten(1).square().sum(1) for g in gradients)
    factor = (largest / (squares.sqrt() + 1e-6)).clamp(max=1)
    for gradient in gradients:
        gradient *= factor.view(-1, *[1] * (gradient.ndim - 1))
