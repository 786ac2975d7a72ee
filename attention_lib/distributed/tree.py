"""Attention in a tree: every process has the query, and some of the keys."""

from functools import partial

from attention_lib import _check
from attention_lib.distributed import calls
from attention_lib.distributed.agreement import agreed
from attention_lib.distributed.circuits import Tree
from attention_lib.distributed.layouts import segments
from attention_lib.distributed.shards import Job, without_arrays
from attention_lib.distributed.transfers import Line

__all__ = ["tree_attention"]


def tree_attention(
    query,
    key,
    value,
    *,
    group=None,
    where=None,
    scale=None,
    enable_gqa=False,
    weighting="softmax",
    softcap=None,
    check=True,
):
    r"""Attend with a query that all processes have to keys that they share: decoding.

    .. math::

        O = \operatorname{weighting}\bigl(Q [K_0; K_1; \ldots]^T \cdot
        \mathrm{scale}\bigr) [V_0; V_1; \ldots]

    on every process: what `attention_lib.scaled_dot_product_attention` gives of the
    whole. Only states travel: a few numbers for each query, and no keys.

    Parameters
    ----------
    query : Tensor, shape (..., H, L, E)
        The queries, the same on every process. Dtypes as in
        `scaled_dot_product_attention`.
    key : Tensor like `query`, shape (..., H, S_r, E)
        This process's keys. Lengths may differ from process to process, and be zero.
    value : Tensor like `query`, shape (..., H, S_r, Ev)
        Its values.
    group : ProcessGroup, optional
        The processes; all of them if None.
    where : bool Tensor, broadcastable to (..., H, L, S_r), optional
        Keys that take part.
    scale, enable_gqa, weighting, softcap
        As in `scaled_dot_product_attention`.
    check : bool, default True
        As in `ring_attention`.

    Returns
    -------
    Tensor like `query`, shape (..., H, L, Ev)
        The outputs, the same on every process.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `ring_attention`.

    Notes
    -----
    One reduction takes the largest scores, one adds the sums; a pointwise weighting has
    the latter alone. Sparsemax and entmax add one for each step of Newton's method.
    Keys are counted, where the weighting uses their number and there is a `where`, in
    one more.

    The loss is one loss, which every process computes from the same output, and which
    counts once: the query and learned parameters get the whole gradient on each, keys
    and values that of their own. What is said of failures, of GPUs and of
    ``torch.compile`` in `ring_attention` holds here.

    References
    ----------
    V. Shyam, J. Pilault, E. Shepperd, Q. Anthony and B. Millidge (2024). Tree
    attention: topology-aware decoding for long-context attention on GPU clusters.
    https://arxiv.org/abs/2408.04093

    Examples
    --------
    One process, which holds all: the scores are log 1 and log 3.

    >>> import torch
    >>> from torch import distributed
    >>> distributed.init_process_group(
    ...     "gloo", store=distributed.HashStore(), rank=0, world_size=1
    ... )
    >>> key = torch.tensor([[1.0], [3.0]]).log()
    >>> value = torch.tensor([[40.0], [80.0]])
    >>> tree_attention(torch.ones(1, 1), key, value)
    tensor([[70.]])
    >>> distributed.destroy_process_group()
    """
    given = (query, key, value), where, (False, scale, enable_gqa, softcap)
    return calls.outside_graphs(_attend)(group, check, weighting, *given)


def _attend(group, check, weighting, arrays, where, options):
    def prepare():
        _check.flag(check, "check")
        call, learns, same = calls.checked(
            "tree_attention", arrays, where, _scores_of, options, weighting, shared=True
        )
        return call, learns, same | {"queries": call.query.shape[-2]}

    call, agreement = agreed("tree_attention", group, check, prepare)

    def circuit(way):
        return Tree(Line(group, "tree_attention", 2 * agreement.number + way))

    forward = circuit(0)
    with forward.line:
        n = _keys_of_rows(call, sum(agreement.keys), forward.line)
    queries, keys = (segments([n], 0, "contiguous") for n in call.shape[-2:])
    job = Job(
        without_arrays(call), call.weighting, queries, sum(agreement.keys), n, forward,
        keys,
    )  # fmt: skip
    return calls.attend(call, job, agreement.learns, partial(circuit, 1))


def _scores_of(call):
    """Give what a mask must broadcast to."""
    return call.shape


def _keys_of_rows(call, n_keys, line):
    """Count the keys of all processes that take part in a row, where that is used."""
    if not call.weighting.uses_n:
        return None
    if call.mask is None:
        return n_keys
    return line.reduced(call.mask.sum(-1, keepdim=True), "sum")
