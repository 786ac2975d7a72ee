"""What a result must say of the machine that gave it, and nothing more."""

import os
import platform
from importlib.metadata import version

from threadpoolctl import threadpool_info

from attention_lib.book.machine import processor

__all__ = ["machine", "versions"]

PACKAGES = ("numpy", "scipy", "torch", "threadpoolctl")


def machine() -> dict[str, object]:
    """Return processor, cores, system and how busy it was; no names, no paths."""
    return {
        "processor": processor() or "unknown",
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages, and of NumPy's BLAS."""
    import numpy  # noqa: F401  # loads the BLAS to be asked

    blas = [
        f"{pool['internal_api']} {pool['version']}"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
    found = {"python": platform.python_version(), "blas": ", ".join(blas) or "unknown"}
    return found | {name: version(name) for name in PACKAGES}


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
