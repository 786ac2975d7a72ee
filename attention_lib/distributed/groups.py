"""The group of processes: who is in it, and whether its exchanges can be trusted."""

from weakref import WeakKeyDictionary

import torch.distributed as dist

__all__ = ["go_on_from", "mark_broken", "next_number", "rank_and_size", "refuse_broken"]

_numbers = WeakKeyDictionary()  # of the calls made on each group
_broken = WeakKeyDictionary()  # groups on which an exchange was cut short, and why


def rank_and_size(group):
    """Give this process's place in a group, and how many it has."""
    if not (dist.is_available() and dist.is_initialized()):
        raise ValueError(
            "no process group was made: call torch.distributed.init_process_group first"
        )
    rank = dist.get_rank(group)
    if rank < 0:
        raise ValueError("this process is not in the group that was given")
    return rank, dist.get_world_size(group)


def next_number(group):
    """Count the calls on a group; each has two numbers, one for its way back."""
    number = _numbers.get(_named(group), -1) + 1
    go_on_from(group, number)
    return number


def go_on_from(group, number):
    """Count on from a call, where one process has made fewer than another."""
    _numbers[_named(group)] = number


def mark_broken(group, reason):
    """Remember that what is under way on a group may be anybody's."""
    _broken[_named(group)] = reason


def refuse_broken(group, name):
    """Refuse a group on which an exchange was cut short."""
    reason = _broken.get(_named(group))
    if reason is not None:
        message = f"{name}: an earlier call on this group failed ({reason})"
        raise RuntimeError(f"{message}: destroy the group and make another")


def _named(group):
    return dist.group.WORLD if group is None else group
