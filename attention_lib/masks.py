"""Masks for attention: True takes part; ALiBi is added to the scores."""

import numpy as np

from attention_lib import _check
from attention_lib._dispatch import (
    cast,
    is_tensor,
    namespace,
    quiet,
    traced,
    work_dtype,
)

__all__ = ["alibi", "causal", "padding", "sliding_window"]

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


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
    query, key = _places(L, S, align, like)
    return key <= query


def sliding_window(L, S, width, *, align="start", like=None):
    r"""Let each query see the keys nearer than `width`, on both sides.

    .. math:: |i - j| < \mathrm{width} \quad\text{(start)}, \qquad
        |i + S - L - j| < \mathrm{width} \quad\text{(end)}

    Parameters
    ----------
    L, S : int
        Numbers of queries and of keys.
    width : int
        One more than the distance of the farthest key that takes part; with
        ``is_causal=True`` each query sees the last `width` keys.
    align : {"start", "end"}, default "start"
        Which ends are at the same place, as in `causal`: "end" for a decoder, with
        ``& causal(L, S, align="end")`` for the last `width` keys alone.
    like : Tensor, optional
        Give a tensor, on its device.

    Returns
    -------
    bool array or Tensor, shape (L, S)
        True where the key takes part.

    Raises
    ------
    ValueError
        If a number is negative, `width` is not positive or `align` is neither.

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
    >>> sliding_window(2, 4, width=2, align="end").astype(int)
    array([[0, 1, 1, 1],
           [0, 0, 1, 1]])
    """
    width = _check.size(width, "width", least=1)
    query, key = _places(L, S, align, like)
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
        If a length is negative or larger than `S`; lengths that cannot be looked at,
        as in a compiled function, are taken as they are.
    TypeError
        If the lengths are not integers.

    Examples
    --------
    >>> padding([2, 3], 4).astype(int)[:, 0, 0]
    array([[1, 1, 0, 0],
           [1, 1, 1, 0]])
    """
    S = _check.size(S, "S")
    _check.same_library(lengths=lengths)
    if not is_tensor(like):
        lengths = lengths.cpu() if is_tensor(lengths) else lengths
        lengths = _check.plain(lengths, "lengths")
    elif not is_tensor(lengths):  # on the CPU first, where they can be looked at
        with quiet(like):
            lengths = namespace(like).as_tensor(lengths, device="cpu")
    lengths = _lengths(lengths, S)
    if is_tensor(like):
        lengths = lengths.to(like.device)
    with quiet(lengths):
        return _count(S, like) < lengths[..., None, None, None]


def alibi(H, L, S, *, align="start", like=None):
    r"""Lower each score in proportion to the distance of the key.

    .. math:: -2^{-8 h / H} \, |i + d - j|, \qquad h = 1, \dots, H

    where d is zero, and ``S - L`` with ``align="end"``.

    Parameters
    ----------
    H, L, S : int
        Numbers of heads, queries and keys. Where H is not a power of two, the
        slopes of the next smaller power come first, then every other one of the
        next larger.
    align : {"start", "end"}, default "start"
        Which ends are at the same place, as in `causal`: "end" for a decoder.
    like : array or Tensor of float, optional
        Give the mask in its library, dtype and device; float64 NumPy if None.
        Integers stand for the default float type.

    Returns
    -------
    float array or Tensor, shape (H, L, S)
        To be passed as ``attn_mask``.

    Raises
    ------
    ValueError
        If `H` is not positive, a length is negative or `align` is neither.

    References
    ----------
    O. Press, N. A. Smith and M. Lewis (2022). Train short, test long: attention
    with linear biases enables input length extrapolation.
    https://arxiv.org/abs/2108.12409

    Examples
    --------
    The first query, and the last one of a decoder with four keys:

    >>> alibi(2, 1, 4)[:, 0]
    array([[-0.        , -0.0625    , -0.125     , -0.1875    ],
           [-0.        , -0.00390625, -0.0078125 , -0.01171875]])
    >>> alibi(2, 1, 4, align="end")[:, 0]
    array([[-0.1875    , -0.125     , -0.0625    , -0.        ],
           [-0.01171875, -0.0078125 , -0.00390625, -0.        ]])
    """
    H = _check.size(H, "H", least=1)
    like = _check.array(0.0 if like is None else like, "like")
    query, key = _places(L, S, align, like)
    if not is_tensor(like):
        slopes = np.array(_slopes(H))
        return (-slopes[:, None, None] * abs(query - key)).astype(like.dtype)
    dtype = work_dtype(like)
    with quiet(like):
        slopes = namespace(like).tensor(_slopes(H), dtype=dtype, device=like.device)
        return (-slopes[:, None, None] * abs(query - key)).to(like.dtype)


def _slopes(H):
    """Give the slope of each head, as the paper's code does."""
    whole = 2 ** (H.bit_length() - 1)
    slopes = [2.0 ** (-8 * h / whole) for h in range(1, whole + 1)]
    between = [2.0 ** (-4 * h / whole) for h in range(1, 2 * whole, 2)]
    return (slopes + between)[:H]


def _lengths(lengths, S):
    """Take integers from 0 to S."""
    xp = namespace(lengths)
    if 0 in lengths.shape:
        return cast(lengths, xp.int64)
    if lengths.dtype not in [getattr(xp, name) for name in INTEGERS]:
        raise TypeError(f"lengths must be integers; got dtype {lengths.dtype}")
    whole = cast(lengths, xp.int64)
    if not (traced(whole) or bool(((whole >= 0) & (whole <= S)).all())):
        raise ValueError(f"lengths must lie between 0 and {S}; got {lengths}")
    return whole


def _places(L, S, align, like):
    """Give the places of the queries, (L, 1), and of the keys, (S,)."""
    if align not in ("start", "end"):
        raise ValueError(f"align must be 'start' or 'end'; got {align!r}")
    L, S = _check.size(L, "L"), _check.size(S, "S")
    shift = S - L if align == "end" else 0
    return _count(L, like)[:, None] + shift, _count(S, like)


def _count(n, like):
    """Count from 0 to n - 1, in a tensor on the device of `like` if it is one."""
    if is_tensor(like):
        with quiet(like):
            return namespace(like).arange(n, device=like.device)
    if like is not None:  # what it holds is not used, but a mask of its own would be
        _check.plain(like, "like")
    return np.arange(n)
