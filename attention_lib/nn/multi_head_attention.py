"""Attention in several heads as a torch module, with its projections."""

from torch import nn

from attention_lib import _check
from attention_lib.nn.attention import Attention

__all__ = ["MultiHeadAttention"]


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
        If sizes do not divide, or a flag is neither True nor False; otherwise as
        `Attention`.

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
        per_head, bias = _check.flag(per_head, "per_head"), _check.flag(bias, "bias")
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
        """Draw the projections anew, and let the weighting's parameters start again."""
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(linear.weight)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)
        self.attention.reset_parameters()

    def forward(
        self,
        x,
        memory=None,
        attn_mask=None,
        is_causal=False,
        *,
        group=None,
        layout="contiguous",
    ):
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
        group : ProcessGroup, optional
            Processes that each hold a part of both lengths; see `Attention`. A loss
            that is a sum over tokens is the sum of the processes' losses: add up the
            parameters' gradients over the group (``all_reduce``) before a step.
        layout : {"contiguous", "zigzag"}, default "contiguous"
            Which places each holds, if there is a group.

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
        out = self.attention(
            query, key, value, attn_mask, is_causal, group=group, layout=layout
        )
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
