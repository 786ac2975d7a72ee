"""The saved benchmark results: complete, consistent, and silent on whose they are.

No test takes a time: a slow machine is no fault of the code.
"""

import json
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from benchmarks import NAMES
from benchmarks.timing import Row

ALL = (*NAMES, "before_and_after")  # which needs another checkout
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
each_result = pytest.mark.parametrize("name", ALL)


def load(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def test_every_result_has_its_benchmark():
    assert {path.stem for path in RESULTS.glob("*")} == set(ALL)


@each_result
def test_a_result_says_when_and_on_what(name):
    result = load(name)
    assert set(result) == {"benchmark", "date", "machine", "versions", "rows"}
    assert result["benchmark"] == name
    assert date.fromisoformat(result["date"])
    assert set(result["machine"]) == {"processor", "cores", "system", "load"}
    assert {"python", "blas", "numpy", "scipy", "torch"} <= set(result["versions"])


@each_result
def test_the_figures_follow_from_the_pairs(name):
    given = [field.name for field in fields(Row) if field.init]
    for row in load(name)["rows"]:
        assert len(row["pairs"]) >= 7
        again = Row(**{key: row[key] for key in given})
        concluded = {field.name: getattr(again, field.name) for field in fields(Row)}
        assert concluded == row


@each_result
def test_no_result_tells_whose_machine_it_was(name):
    text = (RESULTS / f"{name}.json").read_text("utf-8")
    assert not any(mark in text for mark in ("/home", "/root", "/Users", "\\\\", "@"))
