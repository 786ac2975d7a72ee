"""The saved benchmark results: complete, consistent, and silent on whose they are.

No test takes a time: a slow machine is no fault of the code.
"""

import json
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from benchmarks import NAMES, ON_A_GPU
from benchmarks.__main__ import main
from benchmarks.timing import Row

ALL = (*NAMES, "before_and_after")  # which needs another checkout
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
each_result = pytest.mark.parametrize("name", ALL)


def load(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def test_every_result_has_its_benchmark():
    # Those of a GPU are there once somebody has run them on one.
    assert {path.stem for path in RESULTS.glob("*")} - set(ON_A_GPU) == set(ALL)


@pytest.mark.parametrize("name", ON_A_GPU)
def test_a_result_of_a_gpu_says_which_it_was(name):
    if not (RESULTS / f"{name}.json").exists():
        pytest.skip("none has been measured")
    result = load(name)
    assert set(result["gpu"]) == {"device", "capability", "memory"}
    assert {"torch", "triton", "cuda"} <= set(result["versions"])
    assert date.fromisoformat(result["date"])
    test_the_figures_follow_from_the_pairs(name)
    test_no_result_tells_whose_machine_it_was(name)


def test_a_benchmark_of_a_gpu_says_that_it_needs_one():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(SystemExit, match="gpu needs a CUDA device; --smoke runs it"):
        main(["gpu"])


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
