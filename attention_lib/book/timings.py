"""What the benchmarks measured, for a page to print."""

import json
from pathlib import Path

__all__ = ["saved", "timed"]

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def timed(benchmark, case):
    """Read a row of a benchmark's saved result.

    Parameters
    ----------
    benchmark : str
        The benchmark, such as "streamed_attention".
    case : str
        The beginning of the row's case; one row must begin so.

    Returns
    -------
    dict
        ``median``, ``min`` and ``max`` of what ``measure`` names, against ``peer``;
        also ``case``, ``date`` and ``machine``.

    Raises
    ------
    FileNotFoundError
        If the results are not there: they lie beside the library in the book's
        folder, and are not installed with it.
    ValueError
        If no row begins so, or more than one.
    """
    results = saved(benchmark)
    if results is None:
        raise FileNotFoundError(
            f"no saved benchmark {benchmark!r}: the results are in the book's folder, "
            "in benchmarks/results, and are not installed with the library"
        )
    rows = [row for row in results["rows"] if row["case"].startswith(case)]
    if len(rows) != 1:
        raise ValueError(f"{benchmark} has {len(rows)} rows {case!r}; expected one")
    kept = ("case", "measure", "peer", "median", "min", "max")
    about = {"date": results["date"], "machine": results["machine"]}
    return {name: rows[0][name] for name in kept} | about


def saved(benchmark):
    """Read all that a benchmark saved, or None where it has saved nothing."""
    file = RESULTS / f"{benchmark}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None
