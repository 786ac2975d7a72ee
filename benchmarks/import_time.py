"""`import attention_lib`, against `import numpy`, in fresh processes."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.timing import Row

CODE = """
import time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""


def rows() -> Iterator[Row]:
    """Compare the two imports."""
    for module in ("attention_lib", "numpy"):  # compile and cache both once
        seconds_to_import(module)
    pairs = [
        (seconds_to_import("attention_lib"), seconds_to_import("numpy"))
        for _ in range(15)
    ]
    yield Row("import attention_lib", "import numpy", "ms more", 30, pairs)


def seconds_to_import(module: str) -> float:
    """Return the time that a fresh interpreter takes for the import."""
    command = [sys.executable, "-c", CODE.format(module)]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)
