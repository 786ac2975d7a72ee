"""Whole blocks to threads, in each of which torch works alone.

By itself torch splits each operation among its threads, and all wait for the last one.
Beside a program that keeps the processor busy, each of many small operations so costs a
slice of that program's time. Threads that take whole blocks wait once, at the end.

Torch's threads stay busy for some milliseconds after a large operation, and would be in
the way of ours: what comes before blocks is shared as they are, too.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import torch

from attention_lib._threads import Jobs

__all__ = ["each", "share", "threads_for"]

THREADED_BYTES = 1024 * 1024  # below, threads cost more than they save


def threads_for(like, n_numbers):
    """Say how many threads should share the work on blocks of so many numbers."""
    if like.device.type != "cpu" or n_numbers * like.element_size() < THREADED_BYTES:
        return 1
    return torch.get_num_threads()  # one in a thread of ours: it does not start more


def share(work, jobs, threads):
    """Run ``work(jobs)`` in several threads that take the jobs from one iterator.

    With one thread no other is started, and torch uses its own as ever. An error in a
    thread ends the others after their present job, and is raised here.
    """
    if threads == 1:
        return work(iter(jobs))
    jobs, inference = Jobs(jobs), torch.is_inference_mode_enabled()

    def take():
        # Modes belong to a thread. A new one has autocast off, but gradients on.
        with jobs.stopped_by_errors(), torch.inference_mode(inference), torch.no_grad():
            work(jobs)

    taking = []
    try:
        pool = _workers(threads)
        taking.extend(pool.submit(take) for _ in range(threads))
    except RuntimeError:  # no thread can start, as when the interpreter ends
        take()
    with jobs.stopped_by_errors():  # such as an interrupt
        wait(taking)
    for taken in taking:
        taken.result()


def each(functions, threads):
    """Call functions in several threads, and give what they return."""
    found = [None] * len(functions)

    def work(jobs):
        for i in jobs:
            found[i] = functions[i]()

    share(work, range(len(functions)), threads)
    return found


def _workers(threads):
    """Give a pool of so many threads or more, which stay for later calls."""
    global _pool, _size
    with _lock:
        if _size < threads:
            _pool, _size = _start(threads), threads
        return _pool


def _start(threads):
    """Start threads in which torch has one thread each.

    That number belongs to a thread, but to set it also sets the number with which later
    threads begin. So that is read before, and set again after, in threads that end.
    """
    pool = ThreadPoolExecutor(threads, "attention_lib", _work_alone)
    all_began = threading.Barrier(threads)  # so that each is started now
    before = _elsewhere(torch.get_num_threads)
    try:
        wait([pool.submit(all_began.wait) for _ in range(threads)])
    finally:
        all_began.abort()  # where one cannot start, the others do not wait for it
        _elsewhere(torch.set_num_threads, before)
    return pool


def _work_alone():
    """Give torch one thread in this thread, for good."""
    torch.get_num_threads()  # the first look sets the number that was set elsewhere
    torch.set_num_threads(1)


def _elsewhere(function, *arguments):
    """Call a function in a new thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def _forget():
    """Begin without threads, of which a forked process has none, and no locked lock."""
    global _lock, _pool, _size
    _lock, _pool, _size = threading.Lock(), None, 0


_forget()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
