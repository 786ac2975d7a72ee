"""Attention in several heads at once, with the matrices that make and mix them."""

import numpy as np

from attention_lib import _call, _check
from attention_lib._dispatch import namespace
from attention_lib.attention import scaled_dot_product_attention

__all__ = ["multi_head_attention"]


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
    x, memory, w_q, w_k, w_v, w_o = _projections(
        x, memory, w_q, w_k, w_v, w_o, num_heads, num_kv_heads
    )
    with np.errstate(all="ignore"):  # autocast is for these products
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
    with np.errstate(all="ignore"):
        return out.reshape(*out.shape[:-2], out.shape[-2] * out.shape[-1]) @ w_o


def _heads(x, n_heads):
    """Split the features into heads: (..., L, H E) to (..., H, L, E)."""
    split = x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads)
    return namespace(x).swapaxes(split, -3, -2)


def _projections(x, memory, w_q, w_k, w_v, w_o, num_heads, num_kv_heads):
    """Take the tokens and the matrices of multi-head attention."""
    names = ("x", "memory", "w_q", "w_k", "w_v", "w_o")
    given = dict(zip(names, (x, memory, w_q, w_k, w_v, w_o), strict=True))
    _check.same_library(**given)
    given = {name: _check.array(a, name) for name, a in given.items()}
    given, _ = _call.same_dtype(given)
    for name in names[:2]:
        if given[name].ndim < 2:
            shape = tuple(given[name].shape)
            message = f"{name} needs the axes (length, features); got shape {shape}"
            raise ValueError(message)
    for name in names[2:]:
        if given[name].ndim != 2:
            shape = tuple(given[name].shape)
            raise ValueError(f"{name} must be a matrix; got shape {shape}")
    if num_heads % num_kv_heads:
        message = f"num_heads {num_heads} is not a multiple of {num_kv_heads} key heads"
        raise ValueError(message)
    _check_matrix(given, "w_q", "x", num_heads)
    _check_matrix(given, "w_k", "memory", num_kv_heads)
    _check_matrix(given, "w_v", "memory", num_kv_heads)
    wanted = given["w_v"].shape[1] // num_kv_heads * num_heads
    if given["w_o"].shape[0] != wanted:
        rows = given["w_o"].shape[0]
        raise ValueError(f"w_o has {rows} rows; the heads' outputs are {wanted} wide")
    return tuple(given.values())


def _check_matrix(given, name, tokens, heads):
    """Refuse a matrix that does not take the tokens, or does not make whole heads."""
    n_rows, n_columns = given[name].shape
    features = given[tokens].shape[-1]
    if n_rows != features:
        message = f"{name} has {n_rows} rows; {tokens} has {features} features"
        raise ValueError(message)
    if n_columns % heads:
        message = f"{name} has {n_columns} columns: not a multiple of {heads} heads"
        raise ValueError(message)
