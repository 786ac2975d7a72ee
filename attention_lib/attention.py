"""Attention with any weighting, under the signature that torch made common."""

from attention_lib import _call
from attention_lib._dispatch import cast, full, namespace, quiet
from attention_lib._engines import engine_of

__all__ = [
    "attention_scores",
    "attention_weights",
    "scaled_dot_product_attention",
]


def scaled_dot_product_attention(
    query,
    key,
    value,
    attn_mask=None,
    dropout_p=0.0,
    is_causal=False,
    scale=None,
    enable_gqa=False,
    *,
    weighting="softmax",
    softcap=None,
    method="auto",
    rng=None,
):
    r"""Average the values of the keys, weighted by how each query scores them.

    .. math::

        O = \operatorname{weighting}\!\left(c\,\tanh\frac{QK^T \cdot
        \mathrm{scale}}{c} + M\right) V

    A drop-in for ``torch.nn.functional.scaled_dot_product_attention``, for NumPy
    arrays too, and for any weighting. Without `softcap` there is no tanh.

    Parameters
    ----------
    query : array or Tensor of float, shape (..., H, L, E)
        L queries of E features in H heads; the head axis may be missing. 16-bit
        floats are computed in float32; integers become floats.
    key : array or Tensor like `query`, shape (..., H, S, E)
        S keys. Leading axes broadcast.
    value : array or Tensor like `query`, shape (..., H, S, Ev)
        The values of the keys.
    attn_mask : bool or float array, broadcastable to (..., L, S), optional
        bool: True takes part. float, in the dtype of `query`: added to the scores;
        ``-inf`` is masked. What is masked for a query is never read for it.
    dropout_p : float, default 0.0
        Probability with which a weight is dropped, after the weighting; what stays
        is divided by ``1 - dropout_p``. Only dense and SDPA.
    is_causal : bool, default False
        Query i sees the keys up to i, counted from the start::

            L = 2, S = 3      L = 3, S = 2
            1 0 0             1 0
            1 1 0             1 1
                              1 1

        For a decoder's last queries pass ``masks.causal(L, S, align="end")``.
        With `attn_mask` both apply.
    scale : float, optional
        Factor of the products; ``1 / sqrt(E)`` if None.
    enable_gqa : bool, default False
        `key` and `value` have fewer heads; each serves ``H / H_kv`` query heads in
        a row.
    weighting : str or Weighting, default "softmax"
        The map from scores to weights.
    softcap : float, optional
        ``c`` above: a bound on the size of the scores, before the mask is added.
    method : {"auto", "dense", "streaming", "sdpa", "triton"}, default "auto"
        How to compute it; the result differs by rounding only. "dense" builds the
        (L, S) matrix; "streaming" takes a block of queries at a time, in memory
        that grows with L + S, forward and backward; "sdpa" is torch's own kernel: for
        softmax at any temperature, scalable softmax, and, without a mask on a CPU,
        softmax1; "triton" is this library's own kernel for a GPU: for all weightings
        of its own but hardmax and top-k. "auto" takes the fastest that is right, and
        "dense" inside ``torch.func`` transforms and forward-mode differentiation; for
        second derivatives ask for "dense".
    rng : numpy.random.Generator or torch.Generator, optional
        Source of the dropout: needed for NumPy; torch's global one if None.

    Returns
    -------
    array or Tensor like `query`, shape (..., H, L, Ev)
        One output for each query. A query for which every key is masked gets
        zeros, and a zero gradient.

    Raises
    ------
    TypeError
        If arrays and tensors, or dtypes, are mixed; if `rng` is missing.
    ValueError
        If shapes do not fit, or a method cannot do what is asked.

    Notes
    -----
    Before a call goes to SDPA the inputs are tested for NaN and infinity, by
    their sums; on a GPU, where this synchronises, only if something is masked: without
    a mask nothing masked can leak. While compiling, and where "sdpa" is
    asked for inside a ``torch.func`` transform, the test is left out.

    Inside autocast arrays of 16 and of 32 bits may be mixed: all are cast to autocast's
    dtype first, as torch's function does. Otherwise nothing is recast.

    Streaming in torch keeps one number a query for the way back and computes the rest
    again. Blocks are written over the same few megabytes where all numbers are finite
    and, for the kinds that divide by a sum, where the scores stay below 60 by Cauchy
    and Schwarz. Otherwise, and with a softcap, a mask with a gradient, an alpha beyond
    1.1 to 2 or learned, or a weighting of your own, a more general and slower way
    is taken.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need,
    section 3.2.1. https://arxiv.org/abs/1706.03762

    T. Dao, D. Y. Fu, S. Ermon, A. Rudra and C. Ré (2022). FlashAttention: fast and
    memory-efficient exact attention with IO-awareness.
    https://arxiv.org/abs/2205.14135

    Examples
    --------
    The first query matches the first key and gets its value, the second has no
    preference and gets the mean:

    >>> query = np.array([[1000.0, 0.0], [0.0, 0.0]])
    >>> key = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> value = np.array([[10.0], [20.0]])
    >>> scaled_dot_product_attention(query, key, value)
    array([[10.],
           [15.]])
    """
    call = _call.attention(
        query,
        key,
        value,
        attn_mask,
        is_causal,
        scale,
        enable_gqa,
        softcap,
        weighting,
        method=method,
        dropout_p=dropout_p,
        rng=rng,
    )
    with quiet(call.query):
        return engine_of(call.query).attention.attend(call)


def attention_scores(
    query,
    key,
    attn_mask=None,
    is_causal=False,
    scale=None,
    enable_gqa=False,
    *,
    softcap=None,
):
    r"""Score each key for each query, and tell which keys take part.

    .. math:: S = c \, \tanh\frac{QK^T \cdot \mathrm{scale}}{c} + M

    Parameters
    ----------
    query, key, attn_mask, is_causal, scale, enable_gqa, softcap
        As in `scaled_dot_product_attention`.

    Returns
    -------
    scores : array or Tensor like `query`, shape (..., H, L, S)
        Scores, with an additive mask added; dimensionless.
    where : bool array or Tensor, shape (..., H, L, S)
        False where a mask excludes the key for the query: by a bool False, an
        additive ``-inf``, or `is_causal`.

    Raises
    ------
    TypeError, ValueError
        As `scaled_dot_product_attention`.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need,
    section 3.2.1. https://arxiv.org/abs/1706.03762

    Examples
    --------
    >>> scores, where = attention_scores(
    ...     np.array([[2.0], [3.0]]), np.array([[1.0], [10.0]]), is_causal=True
    ... )
    >>> scores
    array([[ 2., 20.],
           [ 3., 30.]])
    >>> where
    array([[ True, False],
           [ True,  True]])
    """
    call = _call.attention(
        query, key, None, attn_mask, is_causal, scale, enable_gqa, softcap
    )
    with quiet(call.query):
        scores, where = engine_of(call.query).scores.scores(call)
        if where is None:
            where = full((), True, namespace(scores).isnan(scores))
        where = namespace(scores).broadcast_to(where, call.shape)
        return cast(scores, call.query.dtype), where


def attention_weights(
    query,
    key,
    attn_mask=None,
    is_causal=False,
    scale=None,
    enable_gqa=False,
    *,
    weighting="softmax",
    softcap=None,
):
    r"""Weigh each key for each query: the matrix that attention maps show.

    .. math:: W = \operatorname{weighting}(S)

    Parameters
    ----------
    query, key, attn_mask, is_causal, scale, enable_gqa, weighting, softcap
        As in `scaled_dot_product_attention`.

    Returns
    -------
    array or Tensor like `query`, shape (..., H, L, S)
        Weights of the keys along the last axis; zero where a mask excludes.

    Raises
    ------
    TypeError, ValueError
        As `scaled_dot_product_attention`.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need,
    section 3.2.1. https://arxiv.org/abs/1706.03762

    Examples
    --------
    The scores are log 1 and log 3; a causal mask hides the second key from the
    first query:

    >>> key = np.log([[1.0], [3.0]])
    >>> attention_weights(np.array([[1.0], [1.0]]), key, is_causal=True)
    array([[1.  , 0.  ],
           [0.25, 0.75]])
    """
    call = _call.attention(
        query, key, None, attn_mask, is_causal, scale, enable_gqa, softcap, weighting
    )
    with quiet(call.query):
        scores, where = engine_of(call.query).scores.scores(call)
        return cast(call.weighting.weights(scores, where), call.query.dtype)
