"""What the processes of a test do: attend to shards, and compare with the whole."""

import itertools
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor.experimental import _attention
from torch.utils._python_dispatch import TorchDispatchMode

from attention_lib import Softmax, scaled_dot_product_attention
from attention_lib.distributed import (
    circuits,
    ring_attention,
    shards,
    tree_attention,
    unzigzag,
    zigzag,
)
from attention_lib.distributed.layouts import segments
from attention_lib.nn import Attention
from tests.distributed import mistakes
from tests.distributed.training import evaluated, module_with, trained  # noqa: F401


class Falling(Softmax):
    """A weighting that falls where it is asked how it streams."""

    def record(self, n=None):
        """Fall."""
        raise KeyError("its rule")


FUNCTIONS = {"ring": ring_attention, "tree": tree_attention}


def ring(cases):
    """Give, of each case, the largest error of this process's shard of each array."""
    return [_ring(case) for case in cases]


def tree(cases):
    """Give the same of attention in a tree."""
    return [_tree(case) for case in cases]


def _ring(case):
    rank, size = dist.get_rank(), dist.get_world_size()
    whole = case.whole()
    rows, columns = (
        _places(lengths, rank, case.layout) for lengths in case.lengths(size)
    )
    wanted = _wanted(case, whole)
    given = [
        whole.query[..., rows, :].clone().requires_grad_(),
        whole.key[..., columns, :].clone().requires_grad_(),
        whole.value[..., columns, :].clone().requires_grad_(),
    ]
    where = None if whole.where is None else whole.where[..., columns]
    weighting, learned = case.weighting()
    out = ring_attention(
        *given,
        is_causal=case.is_causal,
        where=where,
        layout=case.layout,
        enable_gqa=case.enable_gqa,
        weighting=weighting,
        **case.options,
    )
    found = torch.autograd.grad(
        (out * whole.pull[..., rows, :]).sum(), [*given, *learned]
    )
    shares = [out.detach(), *found[:3]]
    parts = [rows, rows, columns, columns]
    errors = [
        _error(mine, want[..., part, :], want)
        for mine, want, part in zip(shares, wanted[:4], parts, strict=True)
    ]
    for mine, want in zip(found[3:], wanted[4:], strict=True):
        dist.all_reduce(mine)
        errors.append(_error(mine, want, want))
    return errors


def _tree(case):
    rank, size = dist.get_rank(), dist.get_world_size()
    whole = case.whole()
    _, keys = case.lengths(size)
    columns = _places(keys, rank, "contiguous")
    wanted = _wanted(case, whole)
    given = [
        whole.query.clone().requires_grad_(),
        whole.key[..., columns, :].clone().requires_grad_(),
        whole.value[..., columns, :].clone().requires_grad_(),
    ]
    where = None if whole.where is None else whole.where[..., columns]
    weighting, learned = case.weighting()
    out = tree_attention(
        *given,
        where=where,
        enable_gqa=case.enable_gqa,
        weighting=weighting,
        **case.options,
    )
    found = torch.autograd.grad((out * whole.pull).sum(), [*given, *learned])
    shares = [out.detach(), found[0], *found[3:]]
    wholes = [*wanted[:2], *wanted[4:]]
    errors = [_error(a, b, b) for a, b in zip(shares, wholes, strict=True)]
    for mine, want in zip(found[1:3], wanted[2:4], strict=True):
        errors.append(_error(mine, want[..., columns, :], want))
    return errors


def _places(lengths, rank, layout):
    """Give the places of the whole that a process holds."""
    held = segments(lengths, rank, layout)
    return [s.start + i for s in held for i in range(s.rows.stop - s.rows.start)]


def _wanted(case, whole):
    """Give the output of one process, and the gradients of all that was given."""
    given = [a.clone().requires_grad_() for a in (whole.query, whole.key, whole.value)]
    weighting, learned = case.weighting()
    out = scaled_dot_product_attention(
        *given,
        whole.where,
        is_causal=case.is_causal,
        enable_gqa=case.enable_gqa,
        weighting=weighting,
        method="dense",
        **case.options,
    )
    found = torch.autograd.grad((out * whole.pull).sum(), [*given, *learned])
    return [out.detach(), *found]


def _error(mine, wanted, whole):
    """Give the largest error, beside the largest entry of the whole.

    Where that is less than one, beside one: it is what numbers of about one leave.
    """
    if not mine.numel():
        return 0.0
    assert mine.shape == wanted.shape, (mine.shape, wanted.shape)
    difference = (mine - wanted).abs()
    return (difference.max() / whole.abs().max().clamp(min=1)).item()


def joins():
    """Answer, which a process can once it has joined its group."""


def falls(folder, victim, turn, how):
    """Attend in a ring in which one process raises, or sleeps, at a turn."""
    rank, right = dist.get_rank(), circuits.Ring.visit
    turns = itertools.count()

    def visit(self, shard, step):
        def stumbling(here):
            if rank == victim and next(turns) == turn:
                if how == "raise":
                    raise ArithmeticError("a local step went wrong")
                Path(folder, "asleep").touch()
                time.sleep(600)
            step(here)

        right(self, shard, stumbling)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(circuits.Ring, "visit", visit)
        one = torch.ones(2, 4, 3)
        return ring_attention(one, one, one)


def attends():
    """Attend once."""
    one = torch.ones(2, 4, 3)
    return ring_attention(one, one, one).sum().item()


def leaves():
    """Leave the group."""
    dist.destroy_process_group()


def attention(function, arrays, options, learns=()):
    """Attend to this process's arrays; give the output, and gradients where asked."""
    given = [
        a.requires_grad_() if i in learns else a
        for i, a in enumerate(arrays[dist.get_rank()])
    ]
    options = options[dist.get_rank()] if isinstance(options, list) else options
    out = FUNCTIONS[function](*given, **options)
    if not out.requires_grad:
        return [out]
    out.sum().backward()
    return [out.detach(), *(a.grad for a in given)]


def spoiled(cases):
    """Give 0 where a NaN in a key spoils all rows, and none if it is masked; else 1."""
    found, last = [], dist.get_world_size() - 1
    for case in cases:
        for function in FUNCTIONS.values():
            given = [torch.randn(2, 4, 3).double() for _ in range(3)]
            where, rank = torch.ones(1, 4, dtype=torch.bool), dist.get_rank()
            if rank == last:
                given[1][0, 2] = torch.nan
            weighting, _ = case.weighting()
            bad = function(*given, where=where, weighting=weighting)
            if rank == last:
                given[2][0, 2], where[0, 2] = torch.nan, False
            good = function(*given, where=where, weighting=weighting)
            right = bad[0].isnan().all() and good.isfinite().all()
            found.append(0.0 if right and bad[1].isfinite().all() else 1.0)
    return [found]


def steps(cases):
    """Count the steps of Newton's method in the forward pass of each case."""
    found, right = [], circuits.Tree.any
    for case in cases:
        count = itertools.count()

        def counted(self, flag, count=count):
            next(count)
            return right(self, flag)

        with pytest.MonkeyPatch.context() as patch, torch.no_grad():
            patch.setattr(circuits.Tree, "any", counted)
            _shards_of(case, "tree")
        found.append(next(count) - 1)  # the last look finds that all are there
    return found


def sent(function, case, way):
    """Count the bytes that this process sends: of a call, or of its way back."""
    bytes_sent = []
    right, both = dist.batch_isend_irecv, dist.all_reduce

    def counted(ops):
        bytes_sent.extend(
            op.tensor.numel() * op.tensor.itemsize for op in ops if op.op is dist.isend
        )
        return right(ops)

    def counted_too(x, *given, **more):
        bytes_sent.append(x.numel() * x.itemsize)
        return both(x, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dist, "batch_isend_irecv", counted)
        patch.setattr(dist, "all_reduce", counted_too)
        out, _ = _shards_of(case, function)
        forward = list(bytes_sent)
        bytes_sent.clear()
        out.sum().backward()
    return forward if way == "forward" else bytes_sent


def largest_made(function, case, block):
    """Give the size of the largest tensor that is made, forward and back, and of all.

    `block` is how many scores are taken at a time.
    """
    largest = [0]

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, op, types, args=(), kwargs=None):
            out = op(*args, **(kwargs or {}))
            made = out if isinstance(out, tuple | list) else [out]
            sizes = [
                a.untyped_storage().nbytes() // given[0].itemsize
                for a in made
                if isinstance(a, torch.Tensor)
            ]
            largest[0] = max(largest[0], *sizes, 0)
            return out

    out, given = _shards_of(case, function)  # loads what is loaded once
    with pytest.MonkeyPatch.context() as patch, Watching():
        patch.setattr(shards, "BLOCK_SCORES", block)
        out, given = _shards_of(case, function, given)
        out.sum().backward()
    return largest[0], sum(a.numel() for a in given)


def _shards_of(case, function, given=None):
    """Attend to this process's shards of a case; give the output and the arrays."""
    rank, size = dist.get_rank(), dist.get_world_size()
    if given is None:
        whole = case.whole()
        rows, columns = (
            _places(lengths, rank, case.layout) for lengths in case.lengths(size)
        )
        rows = slice(None) if function == "tree" else rows
        given = [
            whole.query[..., rows, :].clone().requires_grad_(),
            whole.key[..., columns, :].clone().requires_grad_(),
            whole.value[..., columns, :].clone().requires_grad_(),
        ]
    options = {"enable_gqa": case.enable_gqa, "weighting": case.weighting()[0]}
    if function == "ring":
        options |= {"is_causal": case.is_causal, "layout": case.layout}
    return FUNCTIONS[function](*given, **options, **case.options), given


def mutated(name, function, cases):
    """Run cases with a mistake in the library of this process."""
    with mistakes.MISTAKES[name].applied():
        return globals()[function](cases)


def under_autocast(arrays, options, learns):
    """Attend in a ring inside autocast, and give output and gradients."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return attention("ring", arrays, options, learns)


def in_pairs():
    """Attend in a group of the first and the last process; the others may not."""
    pair = dist.new_group([0, 3])
    one = torch.full((2, 4, 3), 1.0 + dist.get_rank()).double()
    try:
        out = ring_attention(one, one, one, group=pair)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    whole = torch.cat([torch.full((2, 4, 3), n).double() for n in (1.0, 4.0)], 1)
    wanted = scaled_dot_product_attention(one, whole, whole)
    return round((out - wanted).abs().max().item(), 12)


def only_one_learns():
    """Let the first process's query alone want a gradient; give its size."""
    one = torch.ones(2, 4, 3) * torch.arange(3)
    query = one.clone().requires_grad_(dist.get_rank() == 0)
    key = one * (1 + dist.get_rank())
    out = ring_attention(query, key, key)
    out.sum().backward()
    return None if query.grad is None else query.grad.abs().max().item()


def compiled():
    """Compile what calls attention in a ring; give how far it is from eager."""

    def twice(x):
        return 2 * ring_attention(x, x, x) + 1

    x = torch.randn(2, 4, 3)
    eager = torch.compile(twice, backend="eager")
    return (eager(x) - twice(x)).abs().max().item()


def derivative(what):
    """Ask for a derivative that there is not."""
    x = torch.randn(2, 4, 3, requires_grad=True)
    if what == "func.grad":
        return torch.func.grad(lambda a: ring_attention(a, a, a).sum())(x)
    if what == "vmap":
        return torch.vmap(lambda a: ring_attention(a, a, a))(x[None])
    if what == "forward":
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, x)
            return ring_attention(dual, x, x)
    (slope,) = torch.autograd.grad(
        (ring_attention(x, x, x) ** 2).sum(), x, create_graph=True
    )
    return torch.autograd.grad(slope.sum(), x)


def ring_or_tree():
    """Call another function than the other process does."""
    one = torch.ones(2, 4, 3)
    return list(FUNCTIONS.values())[dist.get_rank()](one, one, one)


def records_on_one():
    """Want gradients on the first process, and record none on the second."""
    one = torch.ones(2, 4, 3, requires_grad=True)
    with torch.set_grad_enabled(dist.get_rank() == 0):
        return ring_attention(one, one, one)


def zigzags(n):
    """Give our places in a zigzag, all of them, and the gradient of a sum over ours."""
    x = torch.arange(n).double().requires_grad_()
    mine = zigzag(x, dim=0)
    mine.sum().backward()
    return mine.int().tolist(), unzigzag(mine, dim=0).int().tolist(), x.grad.tolist()


def beside_torch(name):
    """Give how far our ring is from torch's private one, which shares out a zigzag."""
    template = getattr(_attention, name)
    torch.manual_seed(dist.get_rank())
    given = [torch.randn(1, 2, 8, 4) for _ in range(3)]
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    theirs = template(dist.group.WORLD, 2, flash, *given, is_causal=True)[0]
    ours = ring_attention(*given, is_causal=True, layout="zigzag")
    return (ours - theirs).abs().max().item()


def on_a_card(name, backend):
    """Give how far a ring on a GPU is from the whole there, forward and back."""
    group, size = dist.group.WORLD, dist.get_world_size()
    if backend is not None:  # each process joins in making it, and one is in it
        group, size = dist.new_group([0], backend=backend), 1
        if dist.get_rank():
            return 0.0
    torch.manual_seed(0)
    whole = [torch.randn(2, 8 * size, 16, device="cuda") for _ in range(3)]
    place = slice(8 * dist.get_rank(group), 8 * (dist.get_rank(group) + 1))
    mine = [a[:, place].clone().requires_grad_() for a in whole]
    given = [a.clone().requires_grad_() for a in whole]
    options = {"is_causal": True, "weighting": name}
    out = ring_attention(*mine, group=group, **options)
    wanted = scaled_dot_product_attention(*given, **options)
    out.sum().backward()
    wanted.sum().backward()
    pairs = [
        (out, wanted),
        *((a.grad, b.grad) for a, b in zip(mine, given, strict=True)),
    ]
    errors = (_error(a.detach(), b[:, place].detach(), b.detach()) for a, b in pairs)
    return max(torch.tensor(list(errors)).nan_to_num(torch.inf)).item()


def refused_on_one(what):
    """Give what one process may not, and go on with a call that all may make."""
    one, other = torch.ones(2, 4, 3), torch.full((2, 4, 3), 7.0)
    first = dist.get_rank() == 0
    try:
        if what == "dropout":
            module = Attention(dropout=0.5).train(first)
            module(one, one, one, group=dist.group.WORLD)
        elif what == "check":
            ring_attention(one, one, one, check=1 if first else True)
        else:
            ring_attention(one, one, one, weighting=Falling() if first else "softmax")
        said = "nothing"
    except Exception as problem:  # all are to be told the same
        said = f"{type(problem).__name__}: {problem}"
    return said, ring_attention(other, other, other).mean().item()


def back_in_another_order():
    """Go back through two calls, on the second process in reverse."""
    x = torch.randn(2, 4, 3, requires_grad=True)
    outs = [tree_attention(x, x, n * x).sum() for n in (1, 2)]
    for out in outs if dist.get_rank() == 0 else reversed(outs):
        out.backward()


def changed_mask():
    """Change a mask between the way there and the way back."""
    x, where = torch.randn(2, 4, 3, requires_grad=True), torch.ones(4).bool()
    out = ring_attention(x, x, x, where=where)
    where[0] = False
    out.sum().backward()
