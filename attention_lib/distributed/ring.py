"""Attention in a ring: queries stay where they are, keys and values go round."""

from functools import partial

import torch

from attention_lib import _check
from attention_lib.distributed import calls
from attention_lib.distributed.agreement import agreed
from attention_lib.distributed.circuits import Ring
from attention_lib.distributed.layouts import LAYOUTS, lengths_of, segments
from attention_lib.distributed.shards import Job, without_arrays
from attention_lib.distributed.transfers import Line

__all__ = ["attend", "ring_attention"]


def ring_attention(
    query,
    key,
    value,
    *,
    group=None,
    is_causal=False,
    where=None,
    layout="contiguous",
    scale=None,
    enable_gqa=False,
    weighting="softmax",
    softcap=None,
    check=True,
):
    r"""Attend over a length of which each process holds a part.

    .. math::

        O_r = \operatorname{weighting}\bigl(Q_r [K_0; K_1; \ldots]^T \cdot
        \mathrm{scale}\bigr) [V_0; V_1; \ldots]

    on process r: what `attention_lib.scaled_dot_product_attention` gives of the whole,
    for its queries. Keys and values go round; what a process has is sent on while it
    computes with it.

    Parameters
    ----------
    query : Tensor, shape (..., H, L_r, E)
        This process's queries. Dtypes as in `scaled_dot_product_attention`.
    key : Tensor like `query`, shape (..., H, S_r, E)
        Its keys. Lengths may differ from process to process, and be zero.
    value : Tensor like `query`, shape (..., H, S_r, Ev)
        Its values.
    group : ProcessGroup, optional
        The processes; all of them if None.
    is_causal : bool, default False
        Query i of the whole sees the keys up to i of the whole.
    where : bool Tensor, broadcastable to (..., H, 1, S_r), optional
        Keys that take part. It travels with the keys.
    layout : {"contiguous", "zigzag"}, default "contiguous"
        Which places a process holds: the next ones, or those of `zigzag`, so that
        under `is_causal` all have as much to do.
    scale, enable_gqa, weighting, softcap
        As in `scaled_dot_product_attention`. An array among the parameters of the
        weighting is broadcastable to (..., H, L_r, 1).
    check : bool, default True
        Let the processes tell each other their shapes, their arguments and their
        errors first. If False they must have equal lengths and arguments, all with or
        all without gradients: where that is broken, a process may be ended by the
        library that carries the messages.

    Returns
    -------
    Tensor like `query`, shape (..., H, L_r, Ev)
        One output for each of this process's queries.

    Raises
    ------
    TypeError, ValueError
        As `scaled_dot_product_attention`, on all processes; if no group was made; if
        what must be the same differs; for a weighting that needs all keys at once.
    RuntimeError
        If an exchange fails, naming the processes it was with. The group is then of no
        use: destroy it.

    Notes
    -----
    The loss is the sum of the processes' losses: gradients of keys and values come
    home, and a learned parameter gets the share of this process's rows, whose sum over
    the processes is the whole.

    A process sends ``(P - 1)`` shards of keys and values forward, with as many heads as
    the keys have; on the way back as many again, and their gradients in float32
    (float64 for float64). For sparsemax and entmax keys go round once more for the
    first thresholds, once for each step of Newton's method, up to eight for alpha up to
    2 and up to 100 beyond, and once for the look that ends them; on the way back keys
    and values go round twice.

    Nothing as large as queries times keys is made. Softmax on a processor goes through
    torch's own kernel, where its temperature is a number, there is no `where` and no
    softcap, values are as wide as keys, and scores are small enough for their
    log-sum-exp to be kept; everything else goes through blocks of scores.

    Tensors of a GPU on a gloo group are staged through host memory. On nccl its own
    watchdog decides what happens after a failure. Ctrl-C is seen when a wait ends.
    Under ``torch.compile`` it is a graph break. Second derivatives raise.

    References
    ----------
    H. Liu, M. Zaharia and P. Abbeel (2023). Ring attention with blockwise transformers
    for near-infinite context. https://arxiv.org/abs/2310.01889

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
    >>> ring_attention(torch.ones(1, 1), key, value)
    tensor([[70.]])
    >>> distributed.destroy_process_group()
    """
    given = (query, key, value), where, (is_causal, scale, enable_gqa, softcap)
    return attend(group, check, layout, weighting, *given)


def attend(group, check, layout, weighting, arrays, where, options, refused=None):
    """Attend as `ring_attention`; `refused` is an error that all are to raise."""
    run = calls.outside_graphs(_attend)
    return run(group, check, layout, weighting, arrays, where, options, refused)


def _attend(group, check, layout, weighting, arrays, where, options, refused):
    def prepare():
        _check.flag(check, "check")
        if refused is not None:
            raise ValueError(refused)
        if layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {LAYOUTS}; got {layout!r}")
        call, learns, same = calls.checked(
            "ring_attention", arrays, where, _for_keys, options, weighting
        )
        return call, learns, same | {"layout": layout}

    call, agreement = agreed("ring_attention", group, check, prepare)
    for name, lengths in (("query", agreement.queries), ("key", agreement.keys)):
        wanted = lengths_of(sum(lengths), len(lengths))
        if layout == "zigzag" and lengths != wanted:
            message = f"a zigzag of {sum(lengths)} has shards of {wanted}"
            raise ValueError(f"{message}; got {name} shards of {lengths}")
    ranks = range(len(agreement.keys))
    held = [segments(agreement.keys, rank, layout) for rank in ranks]

    def circuit(way):
        line = Line(group, "ring_attention", 2 * agreement.number + way)
        return Ring(line, held)

    forward = circuit(0)
    rank = forward.line.rank
    mine = segments(agreement.queries, rank, layout)
    with forward.line:
        n = _keys_of_rows(call, mine, held, forward.line)
    job = Job(
        without_arrays(call), call.weighting, mine, sum(agreement.keys), n, forward,
        held[rank],
    )  # fmt: skip
    return calls.attend(call, job, agreement.learns, partial(circuit, 1))


def _for_keys(call):
    """Give what a mask of the keys must broadcast to."""
    return (*call.lead, 1, call.key.shape[-2])


def _keys_of_rows(call, mine, held, line):
    """Count the keys of all processes that take part in a row, where that is used."""
    if not call.weighting.uses_n:
        return None
    n = sum(segment.length for shard in held for segment in shard)
    places = torch.cat([torch.arange(s.start, s.start + s.length) for s in mine]).to(
        call.query.device
    )
    if call.mask is None:
        return (places + 1).clamp(max=n)[:, None] if call.is_causal else n
    if not call.is_causal:
        count = call.mask.sum(-1, keepdim=True)
        return line.reduced(count, "sum")
    whole = call.mask.new_zeros((*call.mask.shape[:-1], n), dtype=torch.int32)
    for segment in held[line.rank]:
        end = segment.start + segment.length
        whole[..., segment.start : end] = call.mask[..., segment.rows]
    up_to = line.reduced(whole, "sum").cumsum(-1)
    if not n:
        return up_to.new_zeros(len(places), 1)
    return up_to[..., 0, :][..., places.clamp(max=n - 1)][..., None]
