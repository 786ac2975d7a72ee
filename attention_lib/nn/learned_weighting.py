"""A weighting as a torch module, with parameters that can be learned."""

import dataclasses

import numpy as np
import torch
from torch import nn

from attention_lib import _check
from attention_lib._dispatch import traced
from attention_lib.weightings import get_weighting

__all__ = ["LearnedWeighting"]

POSITIVE = ("alpha", "temperature")  # learned by their logarithm


class LearnedWeighting(nn.Module):
    """A weighting as a module: parameters of it can be learned.

    Parameters
    ----------
    weighting : str or Weighting, default "softmax"
        The map from scores to weights, at whose values the learned parameters start.
    learned : tuple of str, default ()
        Parameters of the weighting to learn: ``("alpha",)`` of `Entmax`,
        ``("offset",)`` of `Softmax1`, ``("scale",)`` of `ScalableSoftmax`,
        ``("bias",)`` of `Sigmoid`, ``("temperature",)`` of `Softmax`.
    num_heads : int, optional
        Learn one value for each of so many heads, of shape (num_heads, 1, 1); one for
        all if None.

    Raises
    ------
    TypeError
        If `learned` is a string, or a parameter must stay a number.
    ValueError
        If the weighting has no parameter of a name, or it starts at no finite number.

    Notes
    -----
    ``alpha`` and ``temperature`` must be positive. What is stored and moved is their
    logarithm, as ``log_alpha`` and ``log_temperature``: every value of it is valid, any
    start can be reached, and a step is a change by a factor. Correia, Niculae and
    Martins (2019) keep alpha between 1 and 2 instead; here it may start at softmax
    (1) or sparsemax (2), the ends of that range, and go beyond. The other parameters
    are stored as they are.

    An array of the weighting that is not learned becomes a buffer: it is moved and
    saved with the module. ``reset_parameters()`` brings it back too, so a module made
    on the meta device works after ``to_empty(device=...)`` and ``reset_parameters()``.

    References
    ----------
    G. M. Correia, V. Niculae and A. F. T. Martins (2019). Adaptively sparse
    transformers. https://arxiv.org/abs/1909.00015

    Examples
    --------
    >>> import torch
    >>> rule = LearnedWeighting("softmax1", learned=("offset",))
    >>> rule(torch.tensor([0.0, 0.0])).sum().item()  # a third goes to no key
    0.6666...
    >>> with torch.no_grad():
    ...     _ = rule.offset.fill_(-100.0)
    >>> rule(torch.tensor([0.0, 0.0])).sum().item()
    1.0
    """

    def __init__(self, weighting="softmax", *, learned=(), num_heads=None):
        super().__init__()
        if num_heads is not None:
            num_heads = _check.size(num_heads, "num_heads", least=1)
        self.num_heads, self.learned = num_heads, _names(learned)
        self._start = _copied(get_weighting(weighting))
        for name in self.learned:
            value = _start_of(self._start, name, num_heads)
            room = _room_for(value, getattr(self._start, name))
            self.register_parameter(_stored(name), nn.Parameter(room))
        for name, value in _arrays(self._start).items():
            if name not in self.learned:  # so that it moves with the module
                self.register_buffer(name, _room_for(_tensor(value), value))
        self._fixed = tuple(self._buffers)
        self.reset_parameters()

    def reset_parameters(self):
        """Let the parameters start again, learned or not."""
        with torch.no_grad():
            for name in self._fixed:
                getattr(self, name).copy_(_tensor(getattr(self._start, name)))
            for name in self.learned:
                value = _start_of(self._start, name, self.num_heads)
                stored = value.log() if name in POSITIVE else value
                getattr(self, _stored(name)).copy_(stored)

    @property
    def weighting(self):
        """The weighting, with the parameters as they are now."""
        now = {name: getattr(self, name) for name in self._fixed}
        for name in self.learned:
            stored = getattr(self, _stored(name))
            now[name] = stored.exp() if name in POSITIVE else stored
        return dataclasses.replace(self._start, **now) if now else self._start

    def forward(self, scores, axis=-1, where=None):
        """Weigh scores along an axis; see `attention_lib.softmax`."""
        return self.weighting(scores, axis, where=where)

    def extra_repr(self):
        """Name the weighting as it started, and what is learned."""
        shown = [_shown(self._start)]
        shown += [f"learned={self.learned}"] if self.learned else []
        shown += [] if self.num_heads is None else [f"num_heads={self.num_heads}"]
        return ", ".join(shown)


def _names(learned):
    """Take the names of the parameters to learn."""
    if isinstance(learned, str):
        raise TypeError(f"learned must be a tuple of names; got the string {learned!r}")
    names = tuple(learned)
    if len(set(names)) < len(names):
        raise ValueError(f"learned names a parameter twice: {names}")
    return names


def _stored(name):
    return f"log_{name}" if name in POSITIVE else name


def _start_of(weighting, name, num_heads):
    """Give the tensor at which a parameter of a weighting starts."""
    rule = type(weighting).__name__
    known = []
    if dataclasses.is_dataclass(weighting):
        known = [field.name for field in dataclasses.fields(weighting)]
    if name not in known:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise ValueError(f"{rule} has no parameter {name!r} to learn: {has}")
    value = getattr(weighting, name)
    if isinstance(value, str | bool):
        raise TypeError(f"{rule}'s {name} is {value!r}: there is no number to start at")
    value = _tensor(value).to(_dtype(value))
    if not (traced(value) or bool(value.isfinite().all())):
        raise ValueError(f"{rule}'s {name} must start at a finite number; got {value}")
    try:
        dataclasses.replace(weighting, **{name: value})
    except TypeError:
        message = f"{rule}'s {name} cannot be learned: it must stay one number"
        raise TypeError(message) from None
    if num_heads is None:
        return value
    shape = (num_heads, 1, 1)
    return _check.broadcastable(value, shape, name, "the heads").expand(shape).clone()


def _copied(weighting):
    """Give the weighting with arrays of its own, which no later change reaches."""
    arrays = {
        name: value.detach().clone()
        if isinstance(value, torch.Tensor)
        else value.copy()
        for name, value in _arrays(weighting).items()
    }
    return dataclasses.replace(weighting, **arrays) if arrays else weighting


def _arrays(weighting):
    """Give the parameters that are arrays, or tensors of one number, by name."""
    if not dataclasses.is_dataclass(weighting):
        return {}
    given = {f.name: getattr(weighting, f.name) for f in dataclasses.fields(weighting)}
    kinds = torch.Tensor | np.ndarray
    return {name: value for name, value in given.items() if isinstance(value, kinds)}


def _tensor(value):
    """Give a tensor whose numbers are known, also where torch's default is meta."""
    if isinstance(value, torch.Tensor):
        return value
    return torch.as_tensor(value, device="cpu")


def _room_for(value, given):
    """Give an empty tensor on the device of what was given, or on torch's default."""
    device = given.device if isinstance(given, torch.Tensor) else None
    return torch.empty(value.shape, dtype=value.dtype, device=device)


def _dtype(value):
    """Give the dtype of a floating-point tensor, and torch's default for the rest."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.dtype
    return torch.get_default_dtype()


def _shown(weighting):
    """Write a weighting in one line, arrays as their shape."""
    if not weighting.parameters():
        return repr(weighting)
    given = {f.name: getattr(weighting, f.name) for f in dataclasses.fields(weighting)}
    shown = (
        f"{name}=<{tuple(a.shape)}>" if getattr(a, "ndim", 0) else f"{name}={a!r}"
        for name, a in given.items()
    )
    return f"{type(weighting).__name__}({', '.join(shown)})"
