"""A group of processes to test with: each runs the functions it is asked to."""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from datetime import timedelta

__all__ = ["Processes", "Raised", "prepare", "to_itself"]

PATIENCE = 120.0  # seconds for an answer
LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # what the machine is to itself


class Raised(Exception):
    """What a process answers where its function raised."""

    def __init__(self, kind, message, cause, trace, at):
        super().__init__(kind, message, cause, trace, at)
        self.kind, self.message, self.cause, self.trace = kind, message, cause, trace
        self.at = at  # of a clock that all processes share

    def __str__(self):
        """Give the error as its process saw it."""
        return self.trace


class Processes:
    """So many processes, one thread each, in one gloo group."""

    def __init__(self, size, timeout=60.0):
        context = prepare()
        self.size, self._folder = size, tempfile.TemporaryDirectory()
        self.pipes, self.running = [], []
        for rank in range(size):
            here, there = context.Pipe()
            given = (rank, size, f"{self._folder.name}/meeting", timeout, there)
            process = context.Process(target=_serve, args=given, daemon=True)
            process.start()
            there.close()
            self.pipes.append(here)
            self.running.append(process)

    def start(self, rank, function, *given):
        """Ask one process to run a function of `workers`, by its name."""
        self.pipes[rank].send((function, given))

    def answer(self, rank):
        """Wait for what a process gives; what it raised is a `Raised`."""
        if not self.pipes[rank].poll(PATIENCE):
            raise TimeoutError(f"process {rank} does not answer")
        return self.pipes[rank].recv()

    def run(self, function, *given):
        """Run a function on all processes; raise what any raised, else give all."""
        for rank in range(self.size):
            self.start(rank, function, *given)
        answers = [self.answer(rank) for rank in range(self.size)]
        for answer in answers:
            if isinstance(answer, Raised):
                raise answer
        return answers

    def errors(self, function, *given):
        """Run a function that raises on all processes; give what each raised."""
        for rank in range(self.size):
            self.start(rank, function, *given)
        answers = [self.answer(rank) for rank in range(self.size)]
        assert all(isinstance(answer, Raised) for answer in answers), answers
        return answers

    def send_signal(self, rank, number):
        """Send a signal to one process."""
        os.kill(self.running[rank].pid, number)

    def close(self):
        """End all processes, those that were stopped, too; and who waits for them."""
        for process in self.running:
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
            process.join()
        for pipe in self.pipes:
            pipe.close()
        self._folder.cleanup()


def prepare():
    """Load once, in the server that forks processes, what each of them needs."""
    from multiprocessing import forkserver  # which not every system has

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", "tests.distributed.workers"])
    forkserver.ensure_running()
    return context


def to_itself():
    """Give what lets gloo find this machine without asking for its name."""
    name = LOOPBACK.get(sys.platform)
    return {"GLOO_SOCKET_IFNAME": name} if name else {}


def _serve(rank, size, meeting, timeout, pipe):
    """Join the group, and answer what is asked until nobody asks."""
    import torch
    import torch.distributed as dist

    from tests.distributed import workers

    torch.set_num_threads(1)
    os.environ.update(to_itself())
    dist.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=timeout),
    )
    while True:
        try:
            function, given = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(getattr(workers, function)(*given))
        except Exception as problem:  # whatever it is, the test is told
            at = time.monotonic()
            cause = problem.__cause__
            cause = cause and type(cause).__name__
            kind, trace = type(problem).__name__, traceback.format_exc()
            pipe.send(Raised(kind, str(problem), cause, trace, at))
