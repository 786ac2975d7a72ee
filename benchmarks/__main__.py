"""Run the benchmarks, all or those named: python -m benchmarks [--smoke] [name ...].

With --smoke those of a GPU are run once, tiny, on a processor; nothing is written.
"""

import datetime
import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks import NAMES, ON_A_GPU
from benchmarks.machine import machine, versions

RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> None:
    """Run, print and save each; a missed goal is shown, and is no failure."""
    smoke, known = "--smoke" in names, (*NAMES, *ON_A_GPU)
    names = [name for name in names if name != "--smoke"]
    if unknown := set(names) - set(known):
        raise SystemExit(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    if smoke:
        for name in names or ON_A_GPU:
            for row in import_module(f"benchmarks.{name}").rows(smoke=True):
                print(f"  ran: {row.case} (against {row.peer})", flush=True)
        return
    for name in names or NAMES:
        run(name)


def run(name: str) -> None:
    """Run one benchmark and write its result."""
    module = import_module(f"benchmarks.{name}")
    print(f"\n{module.__doc__.splitlines()[0]}", flush=True)
    about = {
        "benchmark": name,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
    }
    rows = []
    for row in module.rows():
        print(row, flush=True)
        rows.append(asdict(row))
    if name in ON_A_GPU:
        about |= {"gpu": module.machine(), "versions": module.versions()}
    text = json.dumps(about | {"rows": rows}, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
