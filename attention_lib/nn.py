"""Torch modules: attention whose weighting can learn, with one head or many."""

import dataclasses

import torch
from torch import nn

from attention_lib import _check
from attention_lib.attention import scaled_dot_product_attention
from attention_lib.weightings import get_weighting

__all__ = ["Attention", "LearnedWeighting", "MultiHeadAttention"]

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
        self._start = get_weighting(weighting)
        for name in self.learned:
            value = _start_of(self._start, name, num_heads)
            self.register_parameter(_stored(name), nn.Parameter(value))
        for name, value in self._start.parameters().items():
            if name not in self.learned:  # so that it moves with the module
                self.register_buffer(name, torch.as_tensor(value).clone())
        self._fixed = tuple(self._buffers)
        self.reset_parameters()

    def reset_parameters(self):
        """Let the learned parameters start again."""
        for name in self.learned:
            value = _start_of(self._start, name, self.num_heads)
            with torch.no_grad():
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


class Attention(nn.Module):
    r"""Attention as a module; parameters of its weighting can be learned.

    .. math::

        O = \operatorname{weighting}_\theta(QK^T \cdot \mathrm{scale}) \, V

    It calls `attention_lib.scaled_dot_product_attention`.

    Parameters
    ----------
    weighting : str or Weighting, default "softmax"
        The map from scores to weights.
    learned : tuple of str, default ()
        Parameters of the weighting to learn, ``theta`` above; see `LearnedWeighting`.
    num_heads : int, optional
        Learn one value for each of so many heads; one for all if None.
    scale : float, optional
        Factor of the products; ``1 / sqrt(E)`` if None.
    softcap : float, optional
        Bound on the size of the scores.
    dropout : float, default 0.0
        Probability with which a weight is dropped, in training mode only.
    enable_gqa : bool, default False
        Key and value have fewer heads than the query.
    method : str, default "auto"
        How to compute it.

    Raises
    ------
    TypeError, ValueError
        As `LearnedWeighting`; or if `dropout` is no probability.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need,
    section 3.2.1. https://arxiv.org/abs/1706.03762

    Examples
    --------
    Half of the weight goes to no key; how much can be learned for each head:

    >>> import torch
    >>> attend = Attention("softmax1", learned=("offset",), num_heads=1)
    >>> one = torch.ones(1, 1, 1)
    >>> attend(0 * one, one, one).item()
    0.5
    >>> [name for name, _ in attend.named_parameters()]
    ['rule.offset']
    """

    def __init__(
        self,
        weighting="softmax",
        *,
        learned=(),
        num_heads=None,
        scale=None,
        softcap=None,
        dropout=0.0,
        enable_gqa=False,
        method="auto",
    ):
        super().__init__()
        self.scale, self.softcap, self.method = scale, softcap, method
        self.dropout, self.enable_gqa = _probability(dropout), bool(enable_gqa)
        self.rule = LearnedWeighting(weighting, learned=learned, num_heads=num_heads)

    def reset_parameters(self):
        """Let the learned parameters start again."""
        self.rule.reset_parameters()

    @property
    def weighting(self):
        """The weighting, with the parameters as they are now."""
        return self.rule.weighting

    def forward(self, query, key, value, attn_mask=None, is_causal=False):
        """Average the values; shapes as `attention_lib.scaled_dot_product_attention`.

        Parameters
        ----------
        query : Tensor, shape (..., H, L, E)
            L queries.
        key : Tensor, shape (..., H, S, E)
            S keys.
        value : Tensor, shape (..., H, S, Ev)
            Their values.
        attn_mask : Tensor, broadcastable to (..., L, S), optional
            bool: True takes part. float: added to the scores.
        is_causal : bool, default False
            Query i sees the keys up to i.

        Returns
        -------
        Tensor, shape (..., H, L, Ev)
            One output for each query.
        """
        return scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask,
            self.dropout if self.training else 0.0,
            is_causal,
            self.scale,
            self.enable_gqa,
            weighting=self.weighting,
            softcap=self.softcap,
            method=self.method,
        )

    def extra_repr(self):
        """Give what is not as by default."""
        defaults = {"scale": None, "softcap": None, "dropout": 0.0}
        defaults |= {"enable_gqa": False, "method": "auto"}
        given = {name: getattr(self, name) for name in defaults}
        changed = (name for name in defaults if given[name] != defaults[name])
        return ", ".join(f"{name}={given[name]!r}" for name in changed)


class MultiHeadAttention(nn.Module):
    r"""Project tokens, attend in several heads at once, and mix what they found.

    .. math::

        \operatorname{concat}_h\bigl(\operatorname{attention}(x W_q^h,\,
        m W_k^h,\, m W_v^h)\bigr)\, W_o, \qquad m = \mathrm{memory}

    It computes what `attention_lib.multi_head_attention` does, and adds biases.

    Parameters
    ----------
    embed_dim : int
        Features of a token, in and out; a multiple of `num_heads`.
    num_heads : int
        Heads of the queries, each of ``embed_dim / num_heads`` features.
    num_kv_heads : int, optional
        Heads of the keys and values, a divisor of `num_heads`; as many if None.
    memory_dim : int, optional
        Features of a token of `memory`; `embed_dim` if None.
    weighting : str or Weighting, default "softmax"
        The map from scores to weights.
    learned : tuple of str, default ()
        Parameters of the weighting to learn; see `LearnedWeighting`.
    per_head : bool, default True
        Learn one value for each head; one for all if False.
    bias : bool, default True
        Add a bias after each projection.
    dropout : float, default 0.0
        Probability with which a weight is dropped, in training mode only.
    scale, softcap, method
        As of `Attention`; the scale is ``1 / sqrt(embed_dim / num_heads)`` if None.

    Raises
    ------
    TypeError, ValueError
        If sizes do not divide; otherwise as `Attention`.

    Notes
    -----
    The projections ``query``, ``key``, ``value`` and ``out`` are ``torch.nn.Linear``,
    whose weights are (out, in): the transposed matrices of the function. They start
    as in ``torch.nn.MultiheadAttention``: Xavier's uniform numbers, and biases of zero.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need,
    section 3.2.2. https://arxiv.org/abs/1706.03762

    Examples
    --------
    >>> import torch
    >>> attend = MultiHeadAttention(6, 2, weighting="entmax15", learned=("alpha",))
    >>> attend(torch.ones(5, 3, 6)).shape
    torch.Size([5, 3, 6])
    >>> attend.attention.weighting.alpha.flatten().tolist()
    [1.5, 1.5]
    """

    def __init__(
        self,
        embed_dim,
        num_heads,
        *,
        num_kv_heads=None,
        memory_dim=None,
        weighting="softmax",
        learned=(),
        per_head=True,
        bias=True,
        dropout=0.0,
        scale=None,
        softcap=None,
        method="auto",
    ):
        super().__init__()
        self.embed_dim = _check.size(embed_dim, "embed_dim", least=1)
        self.num_heads = _check.size(num_heads, "num_heads", least=1)
        num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        self.num_kv_heads = _check.size(num_kv_heads, "num_kv_heads", least=1)
        memory_dim = embed_dim if memory_dim is None else memory_dim
        memory_dim = _check.size(memory_dim, "memory_dim", least=1)
        for whole, part in (("embed_dim", "num_heads"), ("num_heads", "num_kv_heads")):
            sizes = getattr(self, whole), getattr(self, part)
            if sizes[0] % sizes[1]:
                message = f"{whole} {sizes[0]} is not a multiple of {part} {sizes[1]}"
                raise ValueError(message)
        self.attention = Attention(
            weighting,
            learned=learned,
            num_heads=num_heads if per_head else None,
            scale=scale,
            softcap=softcap,
            dropout=dropout,
            enable_gqa=self.num_kv_heads != self.num_heads,
            method=method,
        )
        kv_dim = embed_dim // num_heads * self.num_kv_heads
        self.query = nn.Linear(embed_dim, embed_dim, bias)
        self.key = nn.Linear(memory_dim, kv_dim, bias)
        self.value = nn.Linear(memory_dim, kv_dim, bias)
        self.out = nn.Linear(embed_dim, embed_dim, bias)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw the projections anew, and let the learned parameters start again."""
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(linear.weight)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)
        self.attention.reset_parameters()

    def forward(self, x, memory=None, attn_mask=None, is_causal=False):
        """Attend from each token of `x` to those of `memory`.

        Parameters
        ----------
        x : Tensor, shape (..., L, embed_dim)
            Tokens that ask.
        memory : Tensor, shape (..., S, memory_dim), optional
            Tokens that are asked; `x` itself if None.
        attn_mask : Tensor, broadcastable to (..., num_heads, L, S), optional
            bool: True takes part. float: added to the scores.
        is_causal : bool, default False
            Token i of `x` sees the tokens of `memory` up to i.

        Returns
        -------
        Tensor, shape (..., L, embed_dim)
            One output for each token of `x`.
        """
        memory = x if memory is None else memory
        for name, tokens, linear in [
            ("x", x, self.query),
            ("memory", memory, self.key),
        ]:
            if tokens.ndim < 2 or tokens.shape[-1] != linear.in_features:
                wanted = f"(..., length, {linear.in_features})"
                message = f"{name} must be of shape {wanted}; got {tuple(tokens.shape)}"
                raise ValueError(message)
        query = _heads(self.query(x), self.num_heads)
        key = _heads(self.key(memory), self.num_kv_heads)
        value = _heads(self.value(memory), self.num_kv_heads)
        out = self.attention(query, key, value, attn_mask, is_causal)
        return self.out(out.transpose(-3, -2).flatten(-2))  # (..., L, H Ev)

    def extra_repr(self):
        """Give the sizes."""
        sizes = f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"
        if self.num_kv_heads != self.num_heads:
            sizes += f", num_kv_heads={self.num_kv_heads}"
        return sizes


def _heads(x, n_heads):
    """Split the features into heads: (..., L, H E) to (..., H, L, E)."""
    return x.unflatten(-1, (n_heads, -1)).transpose(-3, -2)


def _probability(dropout):
    """Take a probability of dropping a weight."""
    dropout = _check.number(dropout, "dropout")
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout must lie between 0 and 1; got {dropout}")
    return dropout


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
    value = torch.as_tensor(value, dtype=_dtype(value)).detach().clone()
    if not bool(value.isfinite().all()):
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
