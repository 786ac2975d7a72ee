"""The fold: attention over some of the keys, and how such parts merge into all."""

from dataclasses import dataclass, replace
from typing import Any

from attention_lib import _call, _check, _n_keys, _pytrees
from attention_lib._dispatch import (
    cast,
    full,
    is_tensor,
    masked,
    namespace,
    present,
    quiet,
)
from attention_lib._engines import engine_of
from attention_lib.weightings import Weighting, get_weighting
from attention_lib.weightings.streams import ORDINARY, lost, seen

INFINITY = float("inf")

__all__ = ["State", "finalize", "merge", "partial_attention"]


@dataclass(frozen=True, eq=False)
class State:
    """What attention over some of the keys needs to remember of them.

    Attributes
    ----------
    out : array or Tensor, shape (..., H, L, Ev)
        Sum of the values, weighted but not yet divided, relative to `max`.
    max : array or Tensor, shape (..., H, L, 1), or None
        Largest score so far, before it is multiplied by what a temperature or
        log n say (for a rule of its own: largest exponent); at least zero for softpick.
        None for the kinds whose sizes do not grow, and the pointwise kind.
    total : array or Tensor, shape (..., H, L, 1), or None
        Sum of the sizes of the weights so far, relative to `max` (exponential and
        sum kinds).
    seen : array or Tensor of int, shape (..., H, L, 1), or None
        0 where no key takes part, 1 where all that do score ``-inf``, 3 where one
        scores NaN or infinity, otherwise 2 (exponential and sum kinds).
    weighting : Weighting or None
        The rule; None in the identity alone.
    n : int, array or Tensor of int, shape (..., H, L or 1, 1), or None
        Number of keys in all blocks, where the rule uses it.
    dtype : dtype or None
        What `finalize` gives its output in: the states of 16-bit arrays are
        float32.
    """

    out: Any = None
    max: Any = None
    total: Any = None
    seen: Any = None
    weighting: Weighting | None = None
    n: Any = None
    dtype: Any = None

    def __post_init__(self):
        """Open a state of tensors to torch's transforms."""
        if is_tensor(self.out):
            arrays = ("out", "max", "total", "seen", "n")
            _pytrees.register(State, arrays, ("weighting", "dtype"))

    @classmethod
    def identity(cls):
        """Give the state of no keys at all, which merges with any other."""
        return cls()

    @property
    def lse(self):
        """The log-sum-exp of the exponents (exponential kind), (..., H, L, 1)."""
        if self.weighting is None or self.weighting.kind != "exponential":
            raise TypeError("only states of the exponential kind have an lse")
        with quiet(self.total):
            return self.stream.log_total(self.max, self.total)

    @property
    def stream(self):
        """How its weighting streams, in rows of so many keys."""
        return self.weighting.stream(_n_keys.as_given_to_rules(self.n, self.out))


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
    n_keys : int or int array, shape (..., H, L, 1), optional
        Keys in all blocks together that take part in a row; needed where the weighting
        uses it. One number stands for all queries, so with `is_causal` or a mask it
        must be an array.

    Returns
    -------
    State
        To `merge` with the states of the other blocks, and to `finalize`.

    Raises
    ------
    TypeError
        If the weighting is of the threshold or the selection kind, or has a ``weigh``
        of its own: no finite state exists for them. If `n_keys` is no whole number.
        Otherwise as `scaled_dot_product_attention`.
    ValueError
        If `n_keys` is missing, too small, or one number where queries see different
        keys; otherwise as `scaled_dot_product_attention`.

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
        query, key, value, attn_mask, is_causal, scale, enable_gqa, softcap
    )
    offsets = (
        _check.size(query_offset, "query_offset"),
        _check.size(key_offset, "key_offset"),
    )
    with quiet(call.query):
        weighting = foldable(get_weighting(weighting))
    call = _call.weighed(call, weighting)
    return fold_block(call, offsets, _n_keys.given(n_keys, call))


def fold_block(call, offsets, n_keys):
    """Attend to one block of the keys, as `partial_attention`: a call that is checked.

    `offsets` are the places of the first query and the first key.
    """
    engine = engine_of(call.query)
    with quiet(call.query):
        stream = call.weighting.stream(_n_keys.as_given_to_rules(n_keys, call.query))
        part = engine.attention.part(call, stream, offsets)
        if part is None:
            part = _by_matrix(call, offsets, n_keys)
        else:  # which no keys of this block were hidden from
            _n_keys.check_block(n_keys, call.key.mT, None)
    peak, total, found, out = part
    return State(out, peak, total, found, call.weighting, n_keys, call.query.dtype)


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
    if not _n_keys.same(a.n, b.n):
        raise ValueError(f"the states count other keys: {a.n} and {b.n}")
    if a.out.shape != b.out.shape:
        shapes = f"{tuple(a.out.shape)} and {tuple(b.out.shape)}"
        raise ValueError(f"the states are of different queries: {shapes}")
    xp = namespace(a.out)
    found = None if a.seen is None else xp.maximum(a.seen, b.seen)
    if a.max is None:
        total = None if a.total is None else a.total + b.total
        return replace(a, out=a.out + b.out, total=total, seen=found)
    with quiet(a.max):
        peak = xp.maximum(a.max, b.max)
        rise_a, rise_b = (a.stream.rise(part.max, peak) for part in (a, b))
        total = a.total * rise_a + b.total * rise_b
        out = a.out * rise_a + b.out * rise_b
        return replace(a, out=out, max=peak, total=total, seen=found)


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
    out = state.out
    with quiet(out):
        if state.total is not None:
            out = state.stream.finish(out, state.max, state.total)
            none = lost(state.seen)
            if state.max is not None:  # the rule itself overflowed everywhere
                none = none | ((state.max == -INFINITY) & (state.seen == ORDINARY))
            out = namespace(out).where(none, full((), float("nan"), out), out)
        return cast(out, state.dtype)


def _by_matrix(call, offsets, n_keys):
    """Give peak, total, what was seen, and the undivided output of a block of keys."""
    engine = engine_of(call.query)
    scores, where = engine.scores.scores(call, offsets)
    there = present(scores, where, whole=False)
    _n_keys.check_block(n_keys, scores, there)
    stream = call.weighting.stream(_n_keys.as_given_to_rules(n_keys, scores))
    peak, total, shares = stream.parts(masked(scores, there), there)
    found = None if total is None else seen(scores, where)
    out = engine.scores.weighted_sum(shares, _values(call, shares), there)
    return peak, total, found, out


def foldable(weighting):
    """Take a weighting of which a state of some keys exists."""
    name, stream = type(weighting).__name__, weighting.stream(1)
    if stream is not None and stream.merges:
        return weighting
    if weighting.kind in ("threshold", "selection"):
        message = f"{name} is of the {weighting.kind} kind: no finite state exists"
    else:
        message = f"{name} has a `weigh` of its own: what its state is, is not known"
    raise TypeError(message)


def _values(call, like):
    """Give the values of each query head, in the dtype of `like`."""
    value = call.value
    if call.group > 1:
        xp = namespace(value)
        repeat = xp.repeat_interleave if is_tensor(value) else xp.repeat
        value = repeat(value, call.group, -3)
    return cast(value, like.dtype)
