"""One checkout against another: python -m benchmarks.before_and_after OTHER.

Three processes take each case in turn: this checkout, the other, and the other once
more. What the other is against itself says how far two equal things lie apart here.
They end and begin anew: where a process finds its memory can decide by a factor of two,
for as long as it runs. So can whether its allocator gives memory back after each call,
which hangs on what else has been there: here it keeps what it can (GNU's does).
"""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
PROCESSES = 3  # begun one after the other, on each side
ROUNDS = 3  # in each
KEPT = 32 * 1024 * 1024  # bytes of an array up to which GNU's allocator can keep it
MEASURE = "times as long"
MOST = 1.05  # or as far as the other is from itself
ATTENTION = (
    "softmax",
    "softmax1",
    "scalable_softmax",
    "sigmoid",
    "relu",
    "normalized_sigmoid",
    "normalized_tanh",
    "normalized_relu",
    "softpick",
    "sparsemax",
    "entmax15",
)
SHAPES = ((4096, 4096), (65536, 128), (64, 32768), (1_000_000, 8))


def cases() -> dict[str, Callable[[], Callable[[], object]]]:
    """Name what is timed; each gives the call, its arrays made and its code loaded."""
    found = {}
    for shape in SHAPES:
        for name in ("softmax", "sparsemax", "entmax"):
            if shape[1] == 8 and name != "softmax":
                continue
            for library in ("NumPy", "torch"):
                words = " x ".join(f"{n:,}" for n in shape)
                found[f"{name}, {words}, {library}"] = rows_of(name, shape, library)
    for name in ATTENTION:
        for backward in (False, True):
            way = "both ways" if backward else "forward"
            found[f"{name} attention, {way}, torch"] = attention(name, backward)
    for name in ("softmax", "sigmoid", "softpick", "sparsemax"):
        found[f"{name} attention, NumPy"] = numpy_attention(name)
    found["softmax of ten numbers, NumPy"] = few("softmax", "NumPy")
    found["softmax attention of ten keys, torch"] = few("attention", "torch")
    return found


def rows_of(name: str, shape: tuple, library: str) -> Callable:
    """Return what makes a call of a row function."""

    def make():
        import attention_lib

        rng = np.random.default_rng(0)
        x = rng.standard_normal(shape, dtype=np.float32)
        if library == "torch":
            import torch

            x = torch.from_numpy(x)
        return lambda: getattr(attention_lib, name)(x)

    return make


def attention(name: str, backward: bool) -> Callable:
    """Return what makes a call of torch attention, 8 heads, n = 2048, d = 64."""

    def make():
        import torch

        from attention_lib import scaled_dot_product_attention

        torch.manual_seed(0)
        given = [torch.randn(1, 8, 2048, 64, requires_grad=backward) for _ in range(3)]
        pull = torch.ones(1, 8, 2048, 64)

        def call():
            out = scaled_dot_product_attention(*given, weighting=name)
            return torch.autograd.grad(out, given, pull) if backward else out

        return call

    return make


def numpy_attention(name: str) -> Callable:
    """Return what makes a call of NumPy attention, 8 heads, n = 2048, d = 64."""

    def make():
        from attention_lib import scaled_dot_product_attention

        rng = np.random.default_rng(0)
        shape = (3, 1, 8, 2048, 64)
        given = rng.standard_normal(shape, dtype=np.float32)
        return lambda: scaled_dot_product_attention(*given, weighting=name)

    return make


def few(name: str, library: str) -> Callable:
    """Return what makes a small call, in which nothing but overhead counts."""

    def make():
        import attention_lib

        x = np.random.default_rng(0).standard_normal((1, 1, 10, 10))
        if library == "torch":
            import torch

            x = torch.from_numpy(x)
        if name == "attention":
            return lambda: attention_lib.scaled_dot_product_attention(x, x, x)
        return lambda: attention_lib.softmax(x)

    return make


def work() -> None:
    """Time the cases whose names come in, one a line, with the library at hand."""
    from benchmarks.timing import calls_per_sample, seconds_a_call

    made, calls = {}, {}
    for name in map(str.strip, sys.stdin):
        if name not in made:
            made.clear()  # one case's arrays at a time
            made[name] = cases()[name]()
            calls[name] = calls_per_sample([made[name]])
        print(seconds_a_call(made[name], calls[name]), flush=True)


class Worker:
    """A process that times cases with one checkout's library."""

    def __init__(self, checkout: Path) -> None:
        # Its library, and the benchmark of this checkout.
        paths = f"{checkout}{os.pathsep}{ROOT}"
        code = (
            "import sys, attention_lib, importlib.util as u; "
            f"spec = u.spec_from_file_location('both', {__file__!r}); "
            "both = u.module_from_spec(spec); spec.loader.exec_module(both); "
            "both.work()"
        )
        kept = {"MALLOC_MMAP_THRESHOLD_": KEPT, "MALLOC_TRIM_THRESHOLD_": 64 * KEPT}
        environment = {"PYTHONPATH": paths} | {k: str(v) for k, v in kept.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
            env=os.environ | environment,
        )

    def seconds(self, name: str) -> float:
        """Return the seconds of a call."""
        print(name, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self) -> None:
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


def main(other: str, names: list[str]) -> None:
    """Compare, print and save."""
    from benchmarks.machine import machine, versions
    from benchmarks.timing import Row

    found = subprocess.run(
        ["git", "-C", other, "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    )
    peer = f"commit {found.stdout.strip()}"
    names = names or list(cases())
    times = {name: [] for name in names}
    for _ in range(PROCESSES):
        workers = [Worker(ROOT), Worker(Path(other)), Worker(Path(other))]
        try:
            for name in names:
                taken = [[w.seconds(name) for w in workers] for _ in range(ROUNDS + 1)]
                times[name] += taken[1:]  # the first loads code
        finally:
            for worker in workers:
                worker.end()
    rows = []
    for name in names:
        now, before, again = zip(*times[name], strict=True)
        apart = list(zip(again, before, strict=True))
        most = max(a / b for a, b in apart)
        itself = Row(f"{name}: {peer} itself", peer, MEASURE, most, apart)
        pairs = list(zip(now, before, strict=True))
        row = Row(name, peer, MEASURE, max(MOST, most), pairs)
        print(row, flush=True)
        rows += [asdict(row), asdict(itself)]
    about = {
        "benchmark": "before_and_after",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "rows": rows,
    }
    text = json.dumps(about, indent=1, ensure_ascii=False)
    path = ROOT / "benchmarks" / "results" / "before_and_after.json"
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
