"""Attention as a torch module: query, key and value in, no projections."""

from torch import nn

from attention_lib import _check
from attention_lib.attention import scaled_dot_product_attention
from attention_lib.nn.learned_weighting import LearnedWeighting

__all__ = ["Attention"]


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
        As `LearnedWeighting`; or if `dropout` is no probability, or `enable_gqa` is
        neither True nor False.

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
        self.dropout = _probability(dropout)
        self.enable_gqa = _check.flag(enable_gqa, "enable_gqa")
        self.rule = LearnedWeighting(weighting, learned=learned, num_heads=num_heads)

    def reset_parameters(self):
        """Let the weighting's parameters start again, learned or not."""
        self.rule.reset_parameters()

    @property
    def weighting(self):
        """The weighting, with the parameters as they are now."""
        return self.rule.weighting

    def forward(
        self,
        query,
        key,
        value,
        attn_mask=None,
        is_causal=False,
        *,
        group=None,
        layout="contiguous",
    ):
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
        group : ProcessGroup, optional
            Processes that each hold a part of the length, as in
            `attention_lib.distributed.ring_attention`; None is one process.
        layout : {"contiguous", "zigzag"}, default "contiguous"
            Which places each holds, if there is a group.

        Returns
        -------
        Tensor, shape (..., H, L, Ev)
            One output for each query.

        Raises
        ------
        TypeError, ValueError
            As `attention_lib.scaled_dot_product_attention`; with a group as
            `attention_lib.distributed.ring_attention`, and for what that lacks: an
            `attn_mask`, dropout in training, a method other than "auto".
        """
        if group is not None:
            return self._in_a_ring(
                query, key, value, attn_mask, is_causal=is_causal, group=group,
                layout=layout,
            )  # fmt: skip
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

    def _in_a_ring(self, query, key, value, attn_mask, *, is_causal, group, layout):
        from attention_lib.distributed import ring

        dropout = self.dropout if self.training else 0.0
        lacks = {"attn_mask": attn_mask is not None, f"dropout {dropout}": dropout > 0}
        lacks[f"method {self.method!r}"] = self.method != "auto"
        # Told to all before it is raised: the others may lack it not.
        what = next((what for what, given in lacks.items() if given), None)
        refused = what and f"attention over a group of processes takes no {what}"
        options = is_causal, self.scale, self.enable_gqa, self.softcap
        given = (query, key, value), None, options, refused
        return ring.attend(group, True, layout, self.weighting, *given)

    def extra_repr(self):
        """Give what is not as by default."""
        defaults = {"scale": None, "softcap": None, "dropout": 0.0}
        defaults |= {"enable_gqa": False, "method": "auto"}
        given = {name: getattr(self, name) for name in defaults}
        changed = (name for name in defaults if given[name] != defaults[name])
        return ", ".join(f"{name}={given[name]!r}" for name in changed)


def _probability(dropout):
    """Take a probability of dropping a weight."""
    dropout = _check.number(dropout, "dropout")
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout must lie between 0 and 1; got {dropout}")
    return dropout
