"""What all processes of a call must agree on, told to each before any work.

Errors are told, too: what one process would raise, all raise.
"""

from dataclasses import dataclass
from numbers import Real

import torch
import torch.distributed as dist

from attention_lib.distributed.groups import (
    go_on_from,
    mark_broken,
    next_number,
    rank_and_size,
    refuse_broken,
)

__all__ = ["NO_TRANSFORMS", "Agreement", "agreed", "described"]

NO_TRANSFORMS = "{} knows no torch.func and no forward-mode derivatives"
KINDS = {kind.__name__: kind for kind in (TypeError, ValueError, RuntimeError)}


@dataclass(frozen=True)
class Agreement:
    """What a process knows of the others: lengths by rank, and whether any learns."""

    number: int
    queries: list
    keys: list
    learns: bool


def agreed(name, group, check, prepare):
    """Let every process check its own arguments; give its call, and an `Agreement`.

    `prepare` checks, and gives a call, whether it learns, and what must be the same on
    all processes, by name. Without `check` nothing is told: the others are taken to be
    like this one.
    """
    rank, size = rank_and_size(group)
    refuse_broken(group, name)
    if torch._C._functorch.peek_interpreter_stack() is not None:
        # The others cannot be told: no number leaves a transform.
        raise TypeError(NO_TRANSFORMS.format(name))
    number = next_number(group)
    if check is False:
        call, learns, _ = prepare()
        length, n_keys = call.shape[-2:]
        return call, Agreement(number, [length] * size, [n_keys] * size, learns)
    told, call, problem = _prepared(prepare, {"function": name, "call": number})
    everyone = [None] * size
    try:
        dist.all_gather_object(everyone, told, group=group)
    except RuntimeError as failed:
        mark_broken(group, str(failed))
        others = ", ".join(str(other) for other in range(size) if other != rank)
        message = f"{name}: the agreement with process {others} of the group failed"
        raise RuntimeError(message) from failed
    go_on_from(group, max(each["call"] for each in everyone))
    _refuse_errors(everyone, problem, rank)
    _refuse_differences(name, everyone)
    lengths = zip(*(each["lengths"] for each in everyone), strict=True)
    queries, keys = map(list, lengths)
    learns = [each["learns"] for each in everyone]
    recording = [each["recording"] for each in everyone]
    if any(learns) and not all(recording):
        message = f"process {learns.index(True)} wants gradients, and process"
        raise ValueError(f"{message} {recording.index(False)} records none")
    return call, Agreement(number, queries, keys, any(learns))


def _prepared(prepare, told):
    """Give what to tell the others, the call, and the error if there is one."""
    try:
        call, learns, same = prepare()
    except Exception as problem:  # whatever it is, the others are told
        for kind, known in KINDS.items():
            if isinstance(problem, known):
                return told | {"error": (kind, str(problem))}, None, problem
        message = f"{type(problem).__name__}: {problem}"
        return told | {"error": ("RuntimeError", message)}, None, problem
    recording = torch.is_grad_enabled()
    more = {"lengths": call.shape[-2:], "learns": learns, "recording": recording}
    return told | more | {"error": None, "same": same}, call, None


def _refuse_errors(everyone, problem, rank):
    """Raise the first error of any process, everywhere the same."""
    for other, each in enumerate(everyone):
        if each["error"] is not None:
            kind, message = each["error"]
            message = f"process {other} of the group: {message}"
            raise KINDS[kind](message) from (problem if other == rank else None)


def _refuse_differences(name, everyone):
    """Raise where processes call other functions, or with other arguments."""
    for other, each in enumerate(everyone[1:], 1):
        first = everyone[0]
        for what in ("function", "call"):
            if first[what] != each[what]:
                message = f"process 0 is at {what} {first[what]}, process {other}"
                raise ValueError(f"{name}: {message} at {each[what]}")
        for what, mine in first["same"].items():
            theirs = each["same"].get(what)
            if mine != theirs:
                message = f"{what} must be the same on all processes; got"
                message += f" {mine} on process 0 and {theirs} on process {other}"
                raise ValueError(message)


def described(weighting, shared):
    """Tell a weighting by its class, its numbers, and what its arrays are like.

    Of their shapes not the axis of rows, unless the rows are shared: otherwise each
    process has its own number of them.
    """
    arrays = weighting.parameters()
    fields = getattr(weighting, "__dataclass_fields__", ())
    numbers = {
        name: repr(value)
        for name in fields
        if isinstance(value := getattr(weighting, name, None), Real | str)
    }
    kinds = {
        name: (str(a.dtype), a.ndim, tuple(a.shape if shared else a.shape[:-2]))
        for name, a in arrays.items()
    }
    kind = type(weighting)
    return f"{kind.__module__}.{kind.__qualname__}", numbers, kinds
