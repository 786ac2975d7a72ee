"""Attention with any weighting, under the signature that torch made common."""

from attention_lib import _call, _check
from attention_lib._dispatch import cast, full, is_tensor, namespace, quiet
from attention_lib.weightings import get_weighting

__all__ = [
    "attention_scores",
    "attention_weights",
    "multi_head_attention",
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
        softmax1. "auto" takes the fastest that is right, and "dense" inside
        ``torch.func`` transforms and forward-mode differentiation; for second
        derivatives ask for "dense". "triton" is not available in this version.
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
    their sums; on a GPU this synchronises once. While compiling, and where "sdpa" is
    asked for inside a ``torch.func`` transform, the test is left out.

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
    method = _call.method_name(method)
    call = _call.attention(
        query, key, value, attn_mask, is_causal, scale, enable_gqa, softcap
    )
    weighting = fitting(weighting, call)
    dropout_p = _call.dropout(dropout_p, rng, call.query, method)
    return engine_of(call).attention(call, weighting, method, dropout_p, rng)


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
    scores, where = engine_of(call).scores(call)
    with quiet(scores):
        scores = _as_asked(scores, call)
    if where is None:
        where = full((), True, namespace(scores).isnan(scores))
    return scores, namespace(scores).broadcast_to(where, call.shape)


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
        query, key, None, attn_mask, is_causal, scale, enable_gqa, softcap
    )
    weighting = fitting(weighting, call)
    scores, where = engine_of(call).scores(call)
    with quiet(scores):
        return _as_asked(weighting.rows(scores, where), call)


def multi_head_attention(
    x, w_q, w_k, w_v, w_o, num_heads, *, num_kv_heads=None, memory=None, **attention
):
    r"""Attend in several heads at once, and mix what they found.

    .. math::

        \operatorname{concat}_h\bigl(\operatorname{attention}(x W_q^h,\,
        m W_k^h,\, m W_v^h)\bigr)\, W_o, \qquad m = \mathrm{memory}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., L, D)
        Tokens that ask.
    w_q : array or Tensor like `x`, shape (D, num_heads * E)
        Makes the queries, side by side: the first E columns are the first head's.
    w_k : array or Tensor like `x`, shape (D_m, num_kv_heads * E)
        Makes the keys.
    w_v : array or Tensor like `x`, shape (D_m, num_kv_heads * Ev)
        Makes the values.
    w_o : array or Tensor like `x`, shape (num_heads * Ev, D_out)
        Mixes the heads' outputs.
    num_heads : int
        Heads of the queries.
    num_kv_heads : int, optional
        Heads of the keys and values, a divisor of `num_heads`; as many if None.
    memory : array or Tensor like `x`, shape (..., S, D_m), optional
        Tokens that are asked; `x` itself if None.
    **attention
        Options of `scaled_dot_product_attention`, such as ``is_causal=True``. The
        scale is one over the root of E, the size of a *head*.

    Returns
    -------
    array or Tensor like `x`, shape (..., L, D_out)
        One output for each token of `x`. The products with the matrices are in its
        dtype; the attention between them is computed as `scaled_dot_product_attention`
        does.

    Raises
    ------
    TypeError, ValueError
        If the matrices do not fit the tokens or the heads; otherwise as
        `scaled_dot_product_attention`.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need,
    section 3.2.2. https://arxiv.org/abs/1706.03762

    Examples
    --------
    Two heads of one feature each. Where every token is alike, each one's average
    is the token itself:

    >>> tokens = np.array([[3.0, 4.0], [3.0, 4.0]])
    >>> same = np.eye(2)
    >>> multi_head_attention(tokens, same, same, same, same, num_heads=2)
    array([[3., 4.],
           [3., 4.]])
    """
    memory = x if memory is None else memory
    num_heads = _check.size(num_heads, "num_heads", least=1)
    num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
    num_kv_heads = _check.size(num_kv_heads, "num_kv_heads", least=1)
    x, memory, w_q, w_k, w_v, w_o = _call.projections(
        x, memory, w_q, w_k, w_v, w_o, num_heads, num_kv_heads
    )
    with quiet(x):
        query = _heads(x @ w_q, num_heads)
        key, value = (_heads(memory @ w, num_kv_heads) for w in (w_k, w_v))
    out = scaled_dot_product_attention(
        query,
        key,
        value,
        enable_gqa=num_kv_heads != num_heads,
        **attention,
    )
    out = namespace(out).swapaxes(out, -3, -2)  # (..., L, H, Ev)
    with quiet(out):
        return out.reshape(*out.shape[:-2], out.shape[-2] * out.shape[-1]) @ w_o


def _heads(x, n_heads):
    """Split the features into heads: (..., L, H E) to (..., H, L, E)."""
    split = x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads)
    return namespace(x).swapaxes(split, -3, -2)


def engine_of(call):
    """Give the module with attention for a call: torch's for tensors, else NumPy's."""
    if is_tensor(call.query):
        from attention_lib.torch_backend import attention
    else:
        from attention_lib.numpy_backend import attention
    return attention


def fitting(weighting, call):
    """Take a weighting whose parameters fit the rows of a call."""
    weighting = get_weighting(weighting)
    weighting.check_keys(call.shape[-1])
    rows = (*call.shape[:-1], 1)
    for name, parameter in weighting.parameters().items():
        _check.same_library(query=call.query, **{name: parameter})
        _check.broadcastable(parameter, rows, name, "the scores' rows")
    return weighting


def _as_asked(scores, call):
    """Give scores or weights in the dtype of a call."""
    return cast(scores, call.query.dtype)
