"""Masks for attention: True takes part; ALiBi is added to the scores."""

import numpy as np

from attention_lib import _check
from attention_lib._dispatch import is_tensor, namespace

__all__ = ["alibi", "causal", "padding", "sliding_window"]


def causal(L, S, *, align="start", like=None):
    r"""Let each query see the keys up to its own place.

    .. math:: j \le i \quad\text{(start)}, \qquad j \le i + S - L \quad\text{(end)}

    Parameters
    ----------
    L, S : int
        Numbers of queries and of keys.
    align : {"start", "end"}, default "start"
        Which ends are at the same place: "start" as in torch's ``is_causal``;
        "end" for the last L queries of a decoder with S keys in its cache.
    like : Tensor, optional
        Give a tensor, on its device.

    Returns
    -------
    bool array or Tensor, shape (L, S)
        True where the key takes part.

    Raises
    ------
    ValueError
        If `align` is neither, or a number is negative.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need,
    section 3.2.3. https://arxiv.org/abs/1706.03762

    Examples
    --------
    >>> causal(2, 3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0]])
    >>> causal(2, 3, align="end").astype(int)
    array([[1, 1, 0],
           [1, 1, 1]])
    """
    if align not in ("start", "end"):
        raise ValueError(f"align must be 'start' or 'end'; got {align!r}")
    query, key = _places(L, S, like)
    shift = key.shape[-1] - query.shape[0] if align == "end" else 0
    return key <= query + shift


def sliding_window(L, S, width, *, like=None):
    r"""Let each query see the keys nearer than `width`, on both sides.

    .. math:: |i - j| < \mathrm{width}

    Parameters
    ----------
    L, S : int
        Numbers of queries and of keys.
    width : int
        One more than the distance of the farthest key that takes part; with
        ``is_causal=True`` each query sees the last `width` keys.
    like : Tensor, optional
        Give a tensor, on its device.

    Returns
    -------
    bool array or Tensor, shape (L, S)
        True where the key takes part.

    Raises
    ------
    ValueError
        If a number is negative or `width` is not positive.

    References
    ----------
    I. Beltagy, M. E. Peters and A. Cohan (2020). Longformer: the long-document
    transformer. https://arxiv.org/abs/2004.05150

    Examples
    --------
    >>> sliding_window(3, 4, width=2).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1]])
    """
    width = _check.size(width, "width", least=1)
    query, key = _places(L, S, like)
    return abs(query - key) < width


def padding(lengths, S, *, like=None):
    r"""Let the first keys of each sequence take part, and not what pads it.

    .. math:: j < \mathrm{length}

    Parameters
    ----------
    lengths : int array, shape (...)
        Real keys of each sequence.
    S : int
        Number of keys, with the padding.
    like : Tensor, optional
        Give a tensor, on its device.

    Returns
    -------
    bool array or Tensor, shape (..., 1, 1, S)
        True where the key takes part, for all heads and all queries.

    Raises
    ------
    ValueError
        If a length is negative or larger than `S`.
    TypeError
        If the lengths are not integers.

    Examples
    --------
    >>> padding([2, 3], 4).astype(int)[:, 0, 0]
    array([[1, 1, 0, 0],
           [1, 1, 1, 0]])
    """
    S = _check.size(S, "S")
    numbers = np.asarray(lengths.cpu() if is_tensor(lengths) else lengths)
    if numbers.size and numbers.dtype.kind not in "iu":
        raise TypeError(f"lengths must be integers; got dtype {numbers.dtype}")
    if numbers.size and not (numbers.min() >= 0 and numbers.max() <= S):
        raise ValueError(f"lengths must lie between 0 and {S}; got {lengths}")
    mask = np.arange(S) < numbers[..., None, None, None]
    return mask if like is None else _on_device(mask, like)


def alibi(H, L, S, *, like=None):
    r"""Lower each score in proportion to the distance of the key.

    .. math:: -2^{-8 h / H} \, |i - j|, \qquad h = 1, \dots, H

    Parameters
    ----------
    H, L, S : int
        Numbers of heads, queries and keys. Where H is not a power of two, the
        slopes of the next smaller power come first, then every other one of the
        next larger.
    like : array or Tensor, optional
        Give the mask in its library, dtype and device; float64 NumPy if None.

    Returns
    -------
    float array or Tensor, shape (H, L, S)
        To be passed as ``attn_mask``.

    Raises
    ------
    ValueError
        If `H` is not positive or a length is negative.

    References
    ----------
    O. Press, N. A. Smith and M. Lewis (2022). Train short, test long: attention
    with linear biases enables input length extrapolation.
    https://arxiv.org/abs/2108.12409

    Examples
    --------
    >>> alibi(2, 1, 4)[:, 0]
    array([[-0.        , -0.0625    , -0.125     , -0.1875    ],
           [-0.        , -0.00390625, -0.0078125 , -0.01171875]])
    """
    H = _check.size(H, "H", least=1)
    query, key = _places(L, S, None)
    whole = 2 ** (H.bit_length() - 1)
    slopes = 2.0 ** (-8 * np.arange(1, whole + 1) / whole)
    between = 2.0 ** (-8 * np.arange(1, 2 * whole, 2) / (2 * whole))
    slopes = np.concatenate([slopes, between])[:H]
    mask = -slopes[:, None, None] * abs(query - key)
    if like is None:
        return mask
    if is_tensor(like):
        return _on_device(mask, like).to(like.dtype)
    return mask.astype(np.asarray(like).dtype)


def _places(L, S, like):
    """Give the places of the queries, (L, 1), and of the keys, (S,)."""
    query = np.arange(_check.size(L, "L"))[:, None]
    key = np.arange(_check.size(S, "S"))
    if not is_tensor(like):
        return query, key
    return _on_device(query, like), _on_device(key, like)


def _on_device(a, like):
    if not is_tensor(like):
        return a
    return namespace(like).from_numpy(a).to(like.device)
