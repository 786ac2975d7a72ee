"""The kernels on a GPU, against a copy, torch's attention, entmax and the eager way."""

import gc
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import torch

from attention_lib.torch_backend.kernels import device
from benchmarks.gpu_case import Case
from benchmarks.gpu_cases import cases
from benchmarks.gpu_timing import ROUNDS, errors, memory, time_in_turn
from benchmarks.timing import Row

__all__ = ["machine", "rows", "versions"]

SECONDS = 285  # after that no case is begun, and those left out are named
COMPILING = 12  # at once, before the first time is taken


def rows(smoke: bool = False) -> Iterator[Row]:
    """Time each case; `smoke`: once, tiny, in Triton's interpreter, for tests."""
    on_gpu = not smoke
    if on_gpu and not torch.cuda.is_available():
        raise SystemExit("gpu needs a CUDA device; --smoke runs it tiny without one")
    if smoke and not device.INTERPRETED:
        raise SystemExit("--smoke needs Triton, and TRITON_INTERPRET=1")
    start, place = time.perf_counter(), "cuda" if on_gpu else "cpu"
    if on_gpu:
        _compile(place)
    for case in cases(few=smoke):
        if time.perf_counter() - start > SECONDS:
            print(f"  left out, for want of time: {case.name}", flush=True)
            continue
        try:
            yield _row(case, place, on_gpu)
        except ImportError as missing:
            print(f"  left out, for {missing.name} is missing: {case.name}", flush=True)
        gc.collect()


def _row(case: Case, place: str, on_gpu: bool) -> Row:
    """Take the figures of a case."""
    size, times = ("whole", ROUNDS) if on_gpu else ("tiny", 1)
    ours, peer, *exact = case.make(place, size)
    if case.measure == "MB":
        pairs = [(memory(ours, on_gpu), None) for _ in range(times)]
    elif exact:
        pairs = [errors(*case.make(place, size, seed)) for seed in range(times)]
    else:
        pairs = time_in_turn(ours, peer, on_gpu, case.best_of)
    return Row(case.name, case.peer, case.measure, case.goal, pairs)


def _compile(place: str) -> None:
    """Call each case once on few rows, several at a time, so that all is compiled."""

    def call(case):
        try:
            for side in case.make(place, "few")[:1]:
                side()
        except ImportError:
            return  # which its own row says

    with ThreadPoolExecutor(COMPILING) as pool:
        list(pool.map(call, cases()))
    torch.cuda.synchronize()


def versions() -> dict[str, str]:
    """Return the versions of what was compared, and of CUDA."""
    found = {name: _version(name) for name in ("torch", "triton", "entmax")}
    return found | {"python": platform.python_version(), "cuda": torch.version.cuda}


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def machine() -> dict[str, object]:
    """Return which GPU it was."""
    found = torch.cuda.get_device_properties(0)
    return {
        "device": found.name,
        "capability": f"sm_{found.major}{found.minor}",
        "memory": f"{found.total_memory / 2**30:.0f} GiB",
    }
