"""Run the full protocols, all or those named, and save what they give.

Usage: ``python -m attention_lib.book.experiments [name ...]``, on one thread.
"""

import datetime
import json
import math
import platform
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from attention_lib.book.experiments import SAVED, label
from attention_lib.book.machine import processor

RESULTS = Path(__file__).parent / "results"
DIGITS = 4  # significant ones, with two decimals at least


def main(names):
    """Run each and save it."""
    if unknown := set(names) - set(SAVED):
        raise SystemExit(f"unknown: {', '.join(unknown)}; there are {', '.join(SAVED)}")
    torch.set_num_threads(1)
    for name in names or SAVED:
        try:
            run(name)
        except OSError as error:  # the real model cannot be fetched
            raise SystemExit(f"{name} was not run: {error}") from None


def run(name):
    """Run one protocol and write its result, one line for each list of numbers.

    What a cell has trained goes into a file of its own, by the cell's settings; so does
    what the result has under "arrays".
    """
    module = import_module(f"attention_lib.book.experiments.{name}")
    start = time.process_time()
    result = module.protocol()
    arrays = result.pop("arrays", {}) | {
        f"{label(cell)}/{key}": array
        for cell in result.get("cells", [])
        for key, array in cell.pop("parameters", {}).items()
    }
    if arrays:
        np.savez_compressed(RESULTS / f"{name}.npz", **arrays)
    unknown = "an unknown processor"
    saved = {
        "experiment": name,
        "date": datetime.date.today().isoformat(),
        "machine": f"one core of {processor() or unknown}, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", "torch")},
        },
        "seconds": round(time.process_time() - start, 1),
        "result": plain(result),
    }
    (RESULTS / f"{name}.json").write_text(written(saved) + "\n", encoding="utf-8")


def plain(value):
    """Give what JSON can hold: lists for arrays, floats of a few digits.

    It has no name for what is not finite, as where training diverged: null.
    """
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic | torch.Tensor):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return round(value, 2) if abs(value) >= 100 else float(f"{value:.{DIGITS}g}")


def written(value, indent=""):
    """Write JSON with every list of plain values on one line."""
    deeper = indent + " "
    if isinstance(value, dict):
        rows = [
            f"{deeper}{json.dumps(k, ensure_ascii=False)}: {written(v, deeper)}"
            for k, v in value.items()
        ]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        rows = [deeper + written(v, deeper) for v in value]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main(sys.argv[1:])
