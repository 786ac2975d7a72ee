"""Run the real model again, and compare what it gives with what is saved.

Usage: ``python -m attention_lib.book.real``. Fetches the model first, 93 MB. Each
experiment of the model offers ``reduced(model)``, which measures some of what its
``protocol()`` does, in the same form; a list may have the first entries alone.
"""

import math
import time
from importlib import import_module

from attention_lib.book.experiments import OF_THE_MODEL, load
from attention_lib.book.real import ATTRIBUTION, load_model

# What is saved has four digits, and another processor sums in another order: together
# these move a value by [0.0003].
MOST = 0.005


def main():
    """Compare each experiment, and say how far the farthest number is."""
    print(ATTRIBUTION, flush=True)
    try:
        model = load_model()
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    failures = 0
    for name in OF_THE_MODEL:
        start = time.perf_counter()
        again = import_module(f"attention_lib.book.experiments.{name}").reduced(model)
        found = list(distances(again, load(name)["result"]))
        far = [f"{where} is {distance:.2g} away" for where, distance in found]
        wrong = [line for line, (_, d) in zip(far, found, strict=True) if not d <= MOST]
        failures += len(wrong)
        farthest = far[max(range(len(found)), key=lambda i: found[i][1])]
        seconds = time.perf_counter() - start
        print(
            f"{name}: {len(found)} values compared with the saved ones in "
            f"{seconds:.0f} s; {farthest}, of at most {MOST}",
            *wrong,
            sep="\n  ",
            flush=True,
        )
    if failures:
        raise SystemExit(f"{failures} values are not as saved")


def distances(again, saved, where=""):
    """Give the path and the distance of each value from the saved one.

    Parameters
    ----------
    again, saved : dict, list, array, number or str
        What was measured again, and the result that it is a part of.
    where : str
        The path to both.

    Yields
    ------
    tuple of str and float
        Differences of numbers are relative where the saved one is above 1. A text, or
        another number of parts than is saved, is either right or infinitely far.
    """
    if isinstance(again, dict):
        for key, value in again.items():
            yield from distances(value, saved[key], f"{where}/{key}")
    elif isinstance(again, str):
        yield where, 0.0 if again == saved else math.inf
    elif hasattr(again, "__len__"):
        if len(again) > len(saved):
            yield where, math.inf
        for i, (value, before) in enumerate(zip(again, saved, strict=False)):
            yield from distances(value, before, f"{where}/{i}")
    else:
        yield where, abs(again - saved) / max(1.0, abs(saved))


if __name__ == "__main__":
    main()
