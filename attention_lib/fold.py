"""The fold: attention over some of the keys, and how such parts merge into all."""

from dataclasses import dataclass, replace
from typing import Any

from attention_lib import _call, _check
from attention_lib._dispatch import cast, full, is_tensor, namespace, quiet
from attention_lib.attention import engine_of, fitting
from attention_lib.weightings import Weighting, get_weighting
from attention_lib.weightings.base import like, masked

__all__ = ["State", "finalize", "merge", "partial_attention"]

INFINITY = float("inf")


@dataclass(frozen=True, eq=False)
class State:
    """What attention over some of the keys needs to remember of them.

    Attributes
    ----------
    out : array or Tensor, shape (..., H, L, Ev)
        Sum of the values, weighted but not yet divided; for the exponential kind
        relative to `max`.
    max : array or Tensor, shape (..., H, L, 1), or None
        Largest score so far (exponential kind).
    total : array or Tensor, shape (..., H, L, 1), or None
        Sum of the sizes of the weights so far, relative to `max` (exponential and
        sum kinds).
    seen : array or Tensor of int, shape (..., H, L, 1), or None
        0 where no key takes part, 1 where all that do score ``-inf``, otherwise 2
        (exponential and sum kinds).
    weighting : Weighting or None
        The rule; None in the identity alone.
    dtype : dtype or None
        What `finalize` gives its output in: the states of 16-bit arrays are
        float32.
    """

    out: Any = None
    max: Any = None
    total: Any = None
    seen: Any = None
    weighting: Weighting | None = None
    dtype: Any = None

    @classmethod
    def identity(cls):
        """Give the state of no keys at all, which merges with any other."""
        return cls()

    @property
    def lse(self):
        """The log-sum-exp of the scores so far (exponential kind), (..., H, L, 1)."""
        if self.max is None:
            raise TypeError("only states of the exponential kind have an lse")
        xp = namespace(self.total)
        with quiet(self.total):
            return xp.where(
                self.max == -INFINITY, self.max, self.max + xp.log(self.total)
            )


def partial_attention(
    query,
    key,
    value,
    attn_mask=None,
    is_causal=False,
    scale=None,
    enable_gqa=False,
    *,
    weighting="softmax",
    softcap=None,
    query_offset=0,
    key_offset=0,
    n_keys=None,
):
    r"""Attend to one block of the keys, and keep what is needed to add the others.

    .. math::

        m = \max_j s_j, \qquad l = \sum_j e^{s_j - m}, \qquad
        o = \sum_j e^{s_j - m} v_j

    is the state of the exponential kind; the sum kind keeps ``sum |phi|`` and the
    weighted sum of the values, the pointwise kind the latter only.

    Parameters
    ----------
    query, key, value, attn_mask, is_causal, scale, enable_gqa, weighting, softcap
        As in `scaled_dot_product_attention`; `key`, `value` and the columns of
        `attn_mask` are those of the block.
    query_offset, key_offset : int, default 0
        Places of the first query and the first key of the block among all, for
        `is_causal`.
    n_keys : int, optional
        Keys in all blocks together; needed where the weighting uses it.

    Returns
    -------
    State
        To `merge` with the states of the other blocks, and to `finalize`.

    Raises
    ------
    TypeError
        If the weighting is of the threshold or the selection kind: no finite
        state exists for them. Otherwise as `scaled_dot_product_attention`.
    ValueError
        If `n_keys` is missing; otherwise as `scaled_dot_product_attention`.

    Notes
    -----
    A row whose keys all score ``-inf``, without a mask, is NaN as in attention, for
    the kinds that normalise.

    References
    ----------
    M. N. Rabe and C. Staats (2021). Self-attention does not need O(n^2) memory.
    https://arxiv.org/abs/2112.05682

    M. Milakov and N. Gimelshein (2018). Online normalizer calculation for
    softmax. https://arxiv.org/abs/1805.02867

    Examples
    --------
    The scores are log 1 and log 3; the larger one is the maximum:

    >>> state = partial_attention(
    ...     np.array([[1.0]]), np.log([[1.0], [3.0]]), np.array([[40.0], [80.0]])
    ... )
    >>> state.total.round(4), finalize(state)
    (array([[1.3333]]), array([[70.]]))

    Decoding: the last query against a cache that is kept in pages of two keys, each
    page folded where it lies, gives the last row of causal attention:

    >>> query, key, value = np.random.default_rng(0).normal(size=(3, 5, 4))
    >>> last, state = query[4:], State.identity()
    >>> for start in range(0, 5, 2):
    ...     page = slice(start, start + 2)
    ...     state = merge(state, partial_attention(last, key[page], value[page]))
    >>> from attention_lib import scaled_dot_product_attention
    >>> whole = scaled_dot_product_attention(query, key, value, is_causal=True)
    >>> bool(np.allclose(finalize(state), whole[4:]))
    True
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
        offsets=(query_offset, key_offset),
    )
    weighting = get_weighting(weighting)
    if weighting.kind not in ("exponential", "sum", "pointwise"):
        name = type(weighting).__name__
        message = f"{name} is of the {weighting.kind} kind: no finite state exists"
        raise TypeError(message)
    weighting = fitting(weighting, call)
    if weighting.uses_n and n_keys is None:
        message = f"{type(weighting).__name__} uses the number of keys: give n_keys"
        raise ValueError(message)
    rules = engine_of(call)
    scores, where = rules.scores(call)
    with quiet(scores):
        peak, total, seen, shares = _state_of(weighting, scores, where, n_keys)
        out = rules.weighted_sum(shares, _values(call, shares), where)
    return State(out, peak, total, seen, weighting, call.query.dtype)


def merge(a, b):
    r"""Add the keys of one state to those of another.

    .. math::

        m = \max(m_a, m_b), \qquad l = l_a e^{m_a - m} + l_b e^{m_b - m}, \qquad
        o = o_a e^{m_a - m} + o_b e^{m_b - m}

    Parameters
    ----------
    a, b : State
        States of the same queries over different keys.

    Returns
    -------
    State
        The state over both. The operation is associative and commutative, up to
        rounding, and ``State.identity()`` is neutral.

    Raises
    ------
    TypeError
        If `a` or `b` is not a State, or one is of NumPy and one of torch.
    ValueError
        If their weightings differ, or their queries.

    References
    ----------
    M. Milakov and N. Gimelshein (2018). Online normalizer calculation for
    softmax. https://arxiv.org/abs/1805.02867

    Examples
    --------
    Two keys, one in each block, with scores 0 and log 3:

    >>> one = np.array([[1.0]])
    >>> first = partial_attention(one, 0 * one, np.array([[40.0]]))
    >>> second = partial_attention(one, np.log([[3.0]]), np.array([[80.0]]))
    >>> finalize(merge(first, second))
    array([[70.]])
    """
    for state in (a, b):
        if not isinstance(state, State):
            raise TypeError(f"merge takes two States; got a {type(state).__name__}")
    if a.weighting is None or b.weighting is None:
        return b if a.weighting is None else a
    _check.same_library(a=a.out, b=b.out)
    if not a.weighting.same_as(b.weighting):
        message = f"the weightings differ: {a.weighting} and {b.weighting}"
        raise ValueError(message)
    if a.out.shape != b.out.shape:
        shapes = f"{tuple(a.out.shape)} and {tuple(b.out.shape)}"
        raise ValueError(f"the states are of different queries: {shapes}")
    xp = namespace(a.out)
    seen = None if a.seen is None else xp.maximum(a.seen, b.seen)
    if a.max is None:
        total = None if a.total is None else a.total + b.total
        return replace(a, out=a.out + b.out, total=total, seen=seen)
    with quiet(a.max):
        peak = xp.maximum(a.max, b.max)
        # The larger one keeps its sums as they are, also where both are infinite.
        rise_a = xp.where(a.max == peak, xp.ones_like(peak), xp.exp(a.max - peak))
        rise_b = xp.where(b.max == peak, xp.ones_like(peak), xp.exp(b.max - peak))
        total = a.total * rise_a + b.total * rise_b
        out = a.out * rise_a + b.out * rise_b
        return replace(a, out=out, max=peak, total=total, seen=seen)


def finalize(state):
    """Turn the state over all keys into attention's output.

    Parameters
    ----------
    state : State
        The state over every key. The offset and the eps of a weighting enter here.

    Returns
    -------
    array or Tensor, shape (..., H, L, Ev)
        What `scaled_dot_product_attention` gives, up to rounding.

    Raises
    ------
    ValueError
        If nothing was folded: the identity has no queries.

    References
    ----------
    M. N. Rabe and C. Staats (2021). Self-attention does not need O(n^2) memory.
    https://arxiv.org/abs/2112.05682

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> finalize(partial_attention(one, one, np.array([[7.0]])))
    array([[7.]])
    """
    if not isinstance(state, State):
        raise TypeError(f"finalize takes a State; got a {type(state).__name__}")
    weighting = state.weighting
    if weighting is None:
        raise ValueError("nothing was folded: the identity state has no queries")
    out, total = state.out, state.total
    with quiet(out):
        if weighting.kind == "sum":
            unit = 1 if state.max is None else namespace(out).exp(-state.max)
            total = total + (weighting.eps * unit if weighting.eps else 0)
        elif weighting.kind == "exponential" and weighting.offset is not None:
            peak = masked(state.max, state.max != -INFINITY)
            total = total + namespace(out).exp(like(weighting.offset, out) - peak)
        if total is not None:
            xp = namespace(out)
            out = out / xp.where(total == 0, xp.ones_like(total), total)
            out = xp.where(state.seen == 1, xp.full_like(total, xp.nan), out)
    return cast(out, state.dtype)


def _state_of(weighting, scores, where, n_keys):
    """Give the maximum, the total, what was seen and the undivided weights."""
    xp, known = namespace(scores), masked(scores, where)
    if weighting.kind == "pointwise":
        n = (n_keys,) if weighting.uses_n else ()
        return None, None, None, masked(weighting.phi(known, *n), where)
    if weighting.kind == "exponential":
        z = weighting.exponent(known, n_keys)
    elif hasattr(weighting, "log_phi"):  # a phi that underflows, by its logarithm
        z = weighting.log_phi(known)
    else:
        z = known
        seen = _seen(_largest(z, where), z, where)
        if hasattr(weighting, "relative"):  # a phi that overflows, relative to e^peak
            peak, total, shares = weighting.relative_state(z, where)
            return peak, total, seen, shares
        shares = masked(weighting.phi(z), where)
        return None, abs(shares).sum(-1)[..., None], seen, shares
    peak = _largest(z, where)
    base = xp.where(peak == -INFINITY, xp.zeros_like(peak), peak)
    shares = masked(xp.exp(z - base), where)
    return peak, shares.sum(-1)[..., None], _seen(peak, z, where), shares


def _largest(z, where):
    """Give the largest entry of each row that takes part, without its gradient."""
    if where is not None:
        z = namespace(z).where(where, z, full((), -INFINITY, z))
    if not z.shape[-1]:
        return full((*z.shape[:-1], 1), -INFINITY, z)
    return namespace(z).amax(z.detach() if is_tensor(z) else z, -1)[..., None]


def _seen(largest, z, where):
    """Give 0 where no key takes part, 1 where all that do are -inf, otherwise 2."""
    some = int(z.shape[-1] > 0) if where is None else where.any(-1)[..., None]
    return namespace(z).where(largest == -INFINITY, some, 2)


def _values(call, like):
    """Give the values of each query head, in the dtype of `like`."""
    value = call.value
    if call.group > 1:
        xp = namespace(value)
        repeat = xp.repeat_interleave if is_tensor(value) else xp.repeat
        value = repeat(value, call.group, -3)
    return cast(value, like.dtype)
