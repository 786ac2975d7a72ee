"""Attention followed through layers, back to the tokens at the start."""

from attention_lib import _check
from attention_lib._dispatch import cast, full, namespace, quiet, work_dtype
from attention_lib.weightings.jacobians import diagonal

__all__ = ["attention_rollout"]


def attention_rollout(layers, residual=0.5):
    r"""Follow attention through layers, back to the tokens at the start.

    .. math::

        R_n = \hat A_n \hat A_{n-1} \cdots \hat A_1, \qquad
        \hat A = \operatorname{rows}\bigl(r I + (1 - r) A\bigr)

    where rows divides each row by its sum.

    Parameters
    ----------
    layers : sequence of arrays or Tensors of float, shape (..., L, L)
        The weights of each layer, from the first to the last. Leading axes broadcast,
        and each of their places is followed alone. As a head of one layer is no
        continuation of the same head of another, average over heads first, as the
        paper does: ``[weights.mean(-3) for weights in layers]``.
    residual : float, default 0.5
        ``r`` above, from 0 to 1: how much of a token goes past the layer, as through
        a residual connection.

    Returns
    -------
    array or Tensor like the layers, shape (..., L, L)
        How much of token i after the last layer (rows) comes from token j before the
        first (columns). Rows sum to one, but for a row of zeros where ``residual`` is
        zero: it stays zero. NaN where it comes from a NaN.

    Raises
    ------
    TypeError
        If layers are of two libraries or dtypes.
    ValueError
        If there are no layers, one is not square, their sizes differ or `residual` is
        not from 0 to 1.

    References
    ----------
    S. Abnar and W. Zuidema (2020). Quantifying attention flow in transformers,
    section 3. https://arxiv.org/abs/2005.00928

    Examples
    --------
    Twice, the second token takes all from the first and passes half of itself on:

    >>> weights = np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> attention_rollout([weights, weights])
    array([[1.  , 0.  ],
           [0.75, 0.25]])
    """
    residual = _check.number(residual, "residual")
    if not 0 <= residual <= 1:
        raise ValueError(f"residual must lie between 0 and 1; got {residual}")
    layers = _square(layers)
    rollout = None
    with quiet(layers[0]):
        for weights in layers:
            mixed = _past(cast(weights, work_dtype(weights)), residual)
            rollout = mixed if rollout is None else mixed @ rollout
        return cast(rollout, layers[0].dtype)


def _past(weights, residual):
    """Mix weights with the identity, and let their rows sum to one."""
    xp = namespace(weights)
    same = diagonal(full(weights.shape[-1:], residual, weights))
    mixed = same + (1 - residual) * weights
    total = mixed.sum(-1)[..., None]
    return mixed / xp.where(total == 0, xp.ones_like(total), total)


def _square(layers):
    """Take the weights of layers: square matrices of one size, library and dtype."""
    layers = [_check.array(a, f"layer {i}") for i, a in enumerate(layers)]
    if not layers:
        raise ValueError("layers is empty: there is nothing to follow")
    _check.same_library(**{f"layer {i}": a for i, a in enumerate(layers)})
    size = layers[0].shape[-1] if layers[0].ndim else 0
    for i, weights in enumerate(layers):
        shape = tuple(weights.shape)
        if shape[-2:] != (size, size):
            message = f"layer {i} must be of shape (..., {size}, {size}); got {shape}"
            raise ValueError(message)
        if weights.dtype != layers[0].dtype:
            dtypes = f"{layers[0].dtype} and {weights.dtype}"
            raise TypeError(f"layers 0 and {i} differ in dtype: {dtypes}")
    try:
        namespace(layers[0]).broadcast_shapes(*(tuple(a.shape) for a in layers))
    except (ValueError, RuntimeError):
        shapes = [tuple(a.shape) for a in layers]
        message = f"the leading axes of the layers do not broadcast: {shapes}"
        raise ValueError(message) from None
    return layers
