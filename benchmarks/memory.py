"""The memory that a function needs beyond its input, measured in a process of its own.

    python -m benchmarks.memory module function [argument ...]

calls the module's function with the arguments, as text; it returns another, and what is
printed is by how many MB that one's call raises the process's peak.
"""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

__all__ = ["extra_megabytes"]

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


def extra_megabytes(module: str, function: str, *arguments: object) -> float:
    """Return the extra peak of `module.function(*arguments)()`, in a fresh process."""
    given = [module, function, *map(str, arguments)]
    command = [sys.executable, "-m", "benchmarks.memory", *given]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


def main(module: str, function: str, *arguments: str) -> None:
    """Print the extra peak of one call."""
    work = getattr(import_module(module), function)(*arguments)
    before = current_and_reset_peak()
    result = work()
    print((peak() - before) / 1e6)
    del result  # held until here: the output is part of what is needed


def current_and_reset_peak() -> int:
    """Return the bytes in use now, and begin a new peak from there."""
    if not RESET.exists():
        return peak()  # elsewhere the peak until now: only growth beyond it is seen
    RESET.write_text("5")
    return status_bytes("VmRSS")


def peak() -> int:
    """Return the largest number of bytes the process has had in memory."""
    if RESET.exists():
        return status_bytes("VmHWM")
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def status_bytes(name: str) -> int:
    """Return one of the kernel's figures for this process."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"no {name} in {STATUS}")


if __name__ == "__main__":
    main(*sys.argv[1:])
