"""Compile the kernels for GPUs that are not here, and print what each needs of one.

python tools/compile_kernels.py [--target sm_80 ...] [--only WORDS] [part ...]

It needs Triton and no GPU: the library's own functions are called on tensors of a
processor, and each launch is compiled instead. Of every kernel the registers of a
thread, the bytes that were spilled and the shared memory are printed; more than is
allowed, or a kernel that does not compile, is an error.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import triton  # noqa: E402
from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.runtime import driver, jit  # noqa: E402

from attention_lib.torch_backend.kernels import device  # noqa: E402
from tools import kernel_plan  # noqa: E402

TARGETS = ("sm_80", "sm_86", "sm_90")
# Shared memory of one program, in bytes: CUDA C++ Programming Guide, table 24.
SHARED = {"sm_80": 163 * 1024, "sm_86": 99 * 1024, "sm_90": 227 * 1024}
MOST_SPILLED = 512  # bytes of a thread
DISASSEMBLER = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"


@dataclass
class NoGpu:
    """What Triton asks of a driver, answered for a GPU that is not here."""

    target: str

    def get_current_target(self):
        """Give the GPU to compile for."""
        return GPUTarget("cuda", int(self.target.removeprefix("sm_")), 32)

    def get_current_device(self):
        """Give a device for each target: Triton keeps what it compiled by device."""
        return TARGETS.index(self.target)

    def get_current_stream(self, device=None):
        """Give the only stream."""
        return 0

    def get_active_torch_device(self):
        """Give where the tensors are."""
        return torch.device("cpu")


def usage(compiled):
    """Give registers and spilled bytes of a thread, from the assembler's own notes."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        asked = [str(DISASSEMBLER), "--dump-resource-usage", file.name]
        notes = subprocess.run(asked, capture_output=True, text=True, check=True)
    return map(int, re.search(r"REG:(\d+) STACK:(\d+)", notes.stdout).groups())


def main(argv=None):
    """Compile what was asked for; give the number of kernels that need too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", nargs="+", choices=TARGETS, default=TARGETS)
    parser.add_argument("--only", default="", help="calls whose label has these words")
    parser.add_argument("part", nargs="*", help="of the plan: all of it")
    asked = parser.parse_args(argv)
    if device.INTERPRETED:
        parser.error("TRITON_INTERPRET is set: nothing would be compiled")
    device.refuses = lambda *tensors: None  # no tensor here is on a GPU
    parts = {name: calls for name, calls in kernel_plan.PARTS.items()
             if name in (asked.part or kernel_plan.PARTS)}  # fmt: skip
    wrong = 0
    for target in asked.target:
        driver.set_active(NoGpu(target))
        for name, calls in parts.items():
            wrong += compile_part(target, name, calls, asked.only)
    return wrong


def compile_part(target, name, calls, only):
    """Compile what the calls of one part launch; give the number of errors."""
    seen, wrong, start = {}, 0, time.perf_counter()

    def compiled_instead(kernel, grid):
        def launch(*given, **options):
            made = kernel.warmup(*given, grid=grid, **options)
            seen[made.hash] = (kernel.fn.__name__, options, made)

        return launch

    jit.JITFunction.__getitem__ = compiled_instead
    for label, call in calls():
        if only not in label:
            continue
        before = set(seen)
        try:
            call()
        except Exception as problem:  # any of these is what we are here to find
            print(f"{target} {label}: {type(problem).__name__}: {problem}"[:2000])
            wrong += 1
        for key in set(seen) - before:
            wrong += report(target, label, *seen[key])
    took = time.perf_counter() - start
    print(f"{target} {name}: {len(seen)} kernels in {took:.0f} s", flush=True)
    return wrong


def report(target, label, name, options, made):
    """Print one kernel; tell whether it needs too much."""
    registers, spilled = usage(made)
    shared, warps = made.metadata.shared, made.metadata.num_warps
    too_much = spilled > MOST_SPILLED or shared > SHARED[target]
    print(
        f"{target} {label} {name}: {warps} warps, {registers} registers, "
        f"{spilled} B spilled, {shared} B shared{' TOO MUCH' if too_much else ''}",
        flush=True,
    )
    return too_much


if __name__ == "__main__":
    sys.exit(bool(main()))
