"""Linear attention: a product of features in place of scores, in O(n) time."""

import math
from dataclasses import dataclass
from typing import Any

from attention_lib import _call, _check, _pytrees
from attention_lib._dispatch import (
    cast,
    constant,
    full,
    is_tensor,
    kind_of,
    largest,
    masked,
    namespace,
    quiet,
    traced,
    work_dtype,
)
from attention_lib.features import FeatureMap

__all__ = ["LinearState", "linear_attention"]

INFINITY = float("inf")
CHUNK = 128  # keys of a causal chunk: quadratic inside it, a running state across


@dataclass(frozen=True, eq=False)
class LinearState:
    r"""What linear attention remembers of the keys so far: two sums.

    Attributes
    ----------
    products : array or Tensor, shape (..., F, Ev)
        Sum of ``phi(k) v^T`` over the keys, of F features.
    total : array or Tensor, shape (..., F, 1)
        Sum of ``phi(k)``.
    max : array or Tensor, shape (..., 1, 1), or None
        For `PositiveRandomFeatures`: the logarithm of the number by which both sums
        are divided, so that they neither overflow nor vanish.

    Notes
    -----
    Of tensors, it is one of torch's pytrees: functions under `torch.func.vmap` take
    and return it.
    """

    products: Any
    total: Any
    max: Any = None

    def __post_init__(self):
        """Let torch's transforms look inside, once there are tensors."""
        if is_tensor(self.products):
            _pytrees.register(LinearState, ("products", "total", "max"))


def linear_attention(
    query,
    key,
    value,
    is_causal=False,
    *,
    where=None,
    feature_map="elu_plus_one",
    normalize=True,
    scale=None,
    state=None,
    return_state=False,
):
    r"""Average the values with products of features as weights, in O(n).

    .. math::

        o_i = \frac{\varphi(q_i)^T \sum_j \varphi(k_j) \, v_j^T}
        {\varphi(q_i)^T \sum_j \varphi(k_j)}

    The sums do not depend on the query, so they are made once for all queries; with
    `is_causal` they run over the keys up to i.

    Parameters
    ----------
    query : array or Tensor of float, shape (..., L, E)
        L queries of E features. 16-bit floats are computed in float32; integers
        become floats.
    key : array or Tensor like `query`, shape (..., S, E)
        S keys. Leading axes broadcast.
    value : array or Tensor like `query`, shape (..., S, Ev)
        The values of the keys.
    is_causal : bool, default False
        Query i sees the keys up to i, counted from the start, and every key of
        `state`.
    where : bool array, broadcastable to (..., S), optional
        Keys that take part; the others, as in padding, are never read. Of
        ``masks.padding(lengths, S)`` take ``[..., 0, :]``.
    feature_map : str, callable or None, default "elu_plus_one"
        ``phi`` above. "elu_plus_one": ``x + 1`` above zero, ``e^x`` below; "relu":
        ``max(x, 0)``; a `PositiveRandomFeatures`, whose average over the draws are
        softmax's exponentials; a callable from (..., n, E) to (..., n, F), which is
        given masked keys as zeros; None: ``phi(x) = x``, the plain product.
    normalize : bool, default True
        Divide by the sum of the weights, as above. Without it the numerator alone.
    scale : float, optional
        Factor of the query, before the feature map. If None: ``1 / sqrt(E)`` without
        a feature map, 1 with one.
    state : LinearState, optional
        The state of earlier keys, to go on from.
    return_state : bool, default False
        Also give the state of all keys, those of `state` included.

    Returns
    -------
    out : array or Tensor like `query`, shape (..., L, Ev)
        One output for each query. Zeros where no key takes part, and where the
        weights sum to exactly zero, as those of "relu" can.
    state : LinearState
        If `return_state`. A sequence in parts, down to one token at a time, gives what
        the whole gives, up to rounding.

    Raises
    ------
    TypeError
        If arrays and tensors, or dtypes, are mixed, or a flag is neither True nor
        False.
    ValueError
        If shapes do not fit, or the feature map is unknown.

    Notes
    -----
    A key or value that takes part and is NaN or infinite makes NaN of every output
    that sees it, a value in its own column only. No causal output reads a later key;
    whether all are finite is tested by their sums, on a GPU with one synchronisation.

    Autocast ends at this function: in it nothing is rounded to 16 bits, whose sums
    would stop to grow after a few hundred keys.

    A causal call takes 128 keys at a time: the weights of a chunk are a matrix, what
    came before is a state. Memory grows with L + S, forward and backward.

    Without a feature map, or with one that is negative in places, weights can cancel
    in the sum that divides; Schlag, Irie and Schmidhuber (2021) go without it.

    References
    ----------
    A. Katharopoulos, A. Vyas, N. Pappas and F. Fleuret (2020). Transformers are RNNs:
    fast autoregressive transformers with linear attention, equations 4 to 12.
    https://arxiv.org/abs/2006.16236

    K. Choromanski, V. Likhosherstov, D. Dohan et al. (2021). Rethinking attention with
    Performers. https://arxiv.org/abs/2009.14794

    I. Schlag, K. Irie and J. Schmidhuber (2021). Linear transformers are secretly fast
    weight programmers. https://arxiv.org/abs/2102.11174

    Examples
    --------
    The features are the numbers plus one, so the weights are as 1 to 3:

    >>> query, key = np.array([[0.0]]), np.array([[0.0], [2.0]])
    >>> value = np.array([[40.0], [80.0]])
    >>> linear_attention(query, key, value)
    array([[70.]])

    One key at a time, with a state of fixed size:

    >>> _, state = linear_attention(query, key[:1], value[:1], return_state=True)
    >>> linear_attention(query, key[1:], value[1:], state=state)
    array([[70.]])
    """
    is_causal = _check.flag(is_causal, "is_causal")
    normalize = _check.flag(normalize, "normalize")
    return_state = _check.flag(return_state, "return_state")
    if scale is None and feature_map is not None:
        scale = 1.0
    options = is_causal, scale, False, None
    call = _call.attention(query, key, value, None, *options, takes_gqa=False)
    phi = FeatureMap.of(feature_map)
    where = _where(where, call)
    _check_state(state, call)
    with quiet(call.query):
        query, key, value, seen = _prepared(call, phi, where)
        state = _start(state, key, value, call, phi)
        out, state = _folded(query, key, value, state, call, phi, normalize)
        if seen is not None:
            out, state = _spoiled(out, state, seen, call)
        out = cast(out, call.query.dtype)
    return (out, state) if return_state else out


def _where(where, call):
    """Take a bool mask of the keys, or None; give it an axis for their features."""
    if where is None:
        return None
    _check.same_library(key=call.key, where=where)
    where = where if is_tensor(where) else _check.plain(where, "where")
    if where.dtype != namespace(where).bool:
        raise TypeError(f"where must be bool (True takes part); got {where.dtype}")
    keys = (*call.lead, call.key.shape[-2])
    return _check.broadcastable(where, keys, "where", "the keys")[..., None]


def _check_state(state, call):
    """Refuse a state of another library, dtype or size of the values."""
    if state is None:
        return
    if not isinstance(state, LinearState):
        raise TypeError(f"state must be a LinearState; got a {kind_of(state)}")
    _check.same_library(query=call.query, state=state.products)
    if state.products.dtype != work_dtype(call.query):
        dtypes = f"{state.products.dtype} and {work_dtype(call.query)}"
        raise TypeError(f"the state and the computation differ in dtype: {dtypes}")
    if state.products.shape[-1] != call.value.shape[-1]:
        sizes = f"{state.products.shape[-1]} and {call.value.shape[-1]}"
        raise ValueError(f"the state's values and value differ in size: {sizes}")


def _prepared(call, phi, where):
    """Give the features, the values, and which outputs see what is no finite number.

    A key or value that is NaN or infinite is left out of the sums, as a masked one is:
    a weight of zero would not stop it, nor its gradient. Those marks make up for it.
    """
    dtype = work_dtype(call.query)
    query = phi(cast(call.query, dtype) * call.scale)
    key = phi(masked(cast(call.key, dtype), where))
    value = cast(call.value, dtype)
    seen = None
    if not (_finite(key) and _finite(value)):
        xp = namespace(key)
        fine, known = xp.isfinite(value), xp.isfinite(key).all(-1)[..., None]
        lost = ~(fine & known)
        seen = (lost if where is None else lost & where).cumsum(-2) > 0
        value, where = masked(value, fine), known if where is None else known & where
    if where is not None:
        fill = full((), -INFINITY if phi.in_logs else 0.0, key)
        key = namespace(key).where(where, key, fill)
    return query, key, value, seen


def _finite(x):
    """Tell whether the sum over `x` is finite; False where that cannot be looked at."""
    return not traced(x) and math.isfinite(constant(x).sum())


def _start(state, key, value, call, phi):
    """Give the state to start from: the one that was given, or none of any key."""
    n_features = key.shape[-1]
    if state is None:
        peak = full((1, 1), -INFINITY, key) if phi.in_logs else None
        products = full((n_features, value.shape[-1]), 0.0, key)
        return LinearState(products, full((n_features, 1), 0.0, key), peak)
    whole = (*call.lead, n_features, value.shape[-1])
    _check.broadcastable(state.products, whole, "the state", "the features and values")
    if (state.max is not None) != phi.in_logs:
        raise ValueError("the state was made with another kind of feature_map")
    return state


def _folded(query, key, value, state, call, phi, normalize):
    """Give the outputs and the state after the keys: at once, or chunk by chunk."""
    if not call.is_causal:
        return _step(query, key, value, state, phi, normalize, is_causal=False)
    length, outs = call.query.shape[-2], []
    queries = _chunks(query)
    early = (_chunks(a[..., :length, :], len(queries)) for a in (key, value))
    for part in zip(queries, *early, strict=True):
        out, state = _step(*part, state, phi, normalize, is_causal=True)
        outs.append(out)
    # Keys after the last query are unseen here, but not in the next call.
    rest = (a[..., length:, :] for a in (key, value))
    return namespace(query).concatenate(outs, -2), _absorbed(*rest, state, phi)[-1]


def _chunks(x, count=1):
    """Cut a sequence into chunks, with empty ones after it if they are fewer.

    In torch by one split: the gradient of each slice would be as long as the whole.
    """
    if is_tensor(x):
        chunks = x.split(CHUNK, -2)
    else:
        starts = range(0, max(x.shape[-2], 1), CHUNK)
        chunks = [x[..., start : start + CHUNK, :] for start in starts]
    return [*chunks, *[x[..., :0, :]] * (count - len(chunks))]


def _step(query, key, value, state, phi, normalize, is_causal):
    """Give the outputs of some queries, and the state with some keys added."""
    xp, level = namespace(query), 0.0
    if phi.in_logs:
        top = _base(largest(query))
        query, level = xp.exp(query - top), top
    before, features, after = _absorbed(key, value, state, phi)
    seen = before if is_causal else after
    out, total = query @ seen.products, query @ seen.total
    if is_causal:
        weights = xp.tril(query @ features)  # of the keys up to the query's own
        out, total = out + weights @ value, total + weights.sum(-1)[..., None]
    if normalize:
        zero = total == 0
        out = masked(out / xp.where(zero, xp.ones_like(total), total), ~zero)
    elif phi.in_logs:
        root = xp.exp((level + _base(after.max)) / 2)  # its square could overflow
        out = out * root * root
    return out, after


def _absorbed(key, value, state, phi):
    """Give a state, features of keys (..., F, S), and the state with the keys added.

    Features that come as logarithms are made relative to the largest so far.
    """
    xp, peak = namespace(key), state.max
    if phi.in_logs:
        if key.shape[-2]:
            tops = xp.amax(constant(key), (-2, -1))[..., None, None]
            peak = xp.maximum(peak, tops)
        fall = xp.exp(state.max - _base(peak))
        state = LinearState(state.products * fall, state.total * fall, peak)
        key = xp.exp(key - _base(peak))
    features = xp.swapaxes(key, -1, -2)
    products = state.products + features @ value
    total = state.total + features.sum(-1)[..., None]
    return state, features, LinearState(products, total, peak)


def _base(peak):
    """Give the maximum to subtract: zero where there is none."""
    return masked(peak, namespace(peak).isfinite(peak))


def _spoiled(out, state, seen, call):
    """Make NaN of what sees a key or value that is NaN or infinite."""
    if not seen.shape[-2]:
        return out, state
    xp, last = namespace(out), seen[..., -1:, :]
    if call.is_causal:  # queries after the last key see what it sees
        length = out.shape[-2]
        after = [last] * max(0, length - seen.shape[-2])
        seen = xp.concatenate([seen[..., :length, :], *after], -2)
    else:
        seen = last
    nan, zero = full((), math.nan, out), full((), 0.0, out)
    products = state.products + xp.where(last, nan, zero)
    return out + xp.where(seen, nan, zero), LinearState(
        products, state.total, state.max
    )
