"""Replicas: one model trained from several starts, and at several rates, side by side.

Every parameter and every batch has a leading axis of replicas, each with its own
initial weights and its own data. Losses are summed over it, gradients are clipped
replica by replica, and Adam works entry by entry: no replica notices the others. All
draws of one role in a run come from one generator, seeded once.
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
    "copies",
    "cross_entropy",
    "frozen",
    "layer",
    "layers",
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

ROLES = ("training", "validation", "test")


def stream(seed, role="training"):
    """Give the one source of randomness of a run that has this role in it."""
    return torch.Generator().manual_seed(len(ROLES) * seed + ROLES.index(role))


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


def layers(source, replicas, sizes, *, zero=False):
    """Start a matrix and a bias for each name: drawn ones, or biases of zero.

    Parameters
    ----------
    source : torch.Generator
        What draws.
    replicas : int
        Number of replicas.
    sizes : dict of str to (int, int)
        Numbers that go in and come out, by name.
    zero : bool, default False
        Whether biases start at zero. A drawn one can make every score of a ReLU
        negative, for good.

    Returns
    -------
    dict of str to Tensor
        Parameters, as `layer` takes them.
    """
    started = {}
    for name, (fan_in, fan_out) in sizes.items():
        started[name] = matrix(source, replicas, fan_in, fan_out)
        started[f"{name} bias"] = (
            torch.zeros(replicas, 1, fan_out, requires_grad=True)
            if zero
            else bias(source, replicas, fan_in, fan_out)
        )
    return started


def layer(parameters, x, name):
    """Multiply by the matrix of this name, and add its bias."""
    return apply(x, parameters[name], parameters[f"{name} bias"])


def cross_entropy(read, answer):
    """Give the mean cross-entropy of each replica, from scores of classes last."""
    each = torch.nn.functional.cross_entropy(
        read.flatten(0, -2), answer.flatten(), reduction="none"
    )
    return each.view(len(answer), -1).mean(1)


def copies(x, count):
    """Repeat all replicas, as a block, `count` times."""
    return x.repeat(count, *[1] * (x.ndim - 1))


def frozen(parameters, data):
    """Give trained parameters as float32 tensors, and one data set for each replica.

    Parameters
    ----------
    parameters : dict of str to array or Tensor, each of shape (replicas, ...)
        Trained, or as `attention_lib.book.experiments.trained` reads them.
    data : sequence of Tensor, each of shape (1, ...)
        What all replicas are given.

    Returns
    -------
    parameters : dict of str to Tensor
        They need no gradient.
    data : list of Tensor, each of shape (replicas, ...)
        Views.
    """
    parameters = {k: torch.as_tensor(p).detach().float() for k, p in parameters.items()}
    count = len(next(iter(parameters.values())))
    return parameters, [x.expand(count, *x.shape[1:]) for x in data]


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


def train(parameters, losses, steps, rates, recipe=STANDARD):
    """Train in place.

    Parameters
    ----------
    parameters : dict of str to Tensor, each of shape (replicas, ...)
        What to train.
    losses : callable
        Draws a batch and gives the loss of each replica, shape (replicas,).
    steps : int
        Number of batches.
    rates : float or sequence of float
        Largest learning rate. Of several, the first is that of the first replicas, the
        next that of as many after them, and so on.
    recipe : Recipe, default STANDARD
        How Adam is driven.
    """
    rates = (rates,) if isinstance(rates, float) else rates
    with one_thread():
        _train(list(parameters.values()), losses, steps, rates, recipe)


def _train(trained, losses, steps, rates, recipe):
    # Adam has a rate for each group, so the replicas of a rate are a group: views of
    # the whole, which move as it does.
    parts = [p.detach().chunk(len(rates)) for p in trained]
    groups = [{"params": list(group)} for group in zip(*parts, strict=True)]
    optimiser = torch.optim.Adam(groups, betas=recipe.betas, fused=True)
    for step in range(steps):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * recipe.factor(step, steps)
        for p in trained:
            p.grad = None
        losses().sum().backward()
        if recipe.clip is not None:
            _clip([p.grad for p in trained if p.grad is not None], recipe.clip)
        for p, views in zip(trained, parts, strict=True):
            if p.grad is not None:
                for view, gradient in zip(views, p.grad.chunk(len(rates)), strict=True):
                    view.grad = gradient
        optimiser.step()


def _clip(gradients, largest):
    """Shrink each replica's gradient to a norm of at most `largest`."""
    squares = sum(g.flatten(1).square().sum(1) for g in gradients)
    factor = (largest / (squares.sqrt() + 1e-6)).clamp(max=1)
    for gradient in gradients:
        gradient *= factor.view(-1, *[1] * (gradient.ndim - 1))
