"""What a result says of the processor that gave it."""

import platform
import subprocess
from pathlib import Path

__all__ = ["processor"]


def processor():
    """Give the processor's name as its system gives it, without a sign of addresses.

    Returns
    -------
    str
        Empty where the system gives none.
    """
    return _named().replace(" @ ", " at ")


def _named():
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
