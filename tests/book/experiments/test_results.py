"""The saved results: complete, dated, and silent on whose machine it was."""

import json
import re
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest

from attention_lib.book import experiments

FOLDER = Path(experiments.__file__).parent
each_result = pytest.mark.parametrize("name", experiments.NAMES)


def lists_of(value):
    """Find the lists of numbers in a result."""
    if isinstance(value, dict):
        for entry in value.values():
            yield from lists_of(entry)
    elif isinstance(value, list) and not isinstance(value[0], dict | list):
        yield value
    elif isinstance(value, list):
        for entry in value:
            yield from lists_of(entry)


def test_every_experiment_has_a_result_and_every_result_an_experiment():
    saved = {path.stem for path in (FOLDER / "results").glob("*.json")}
    assert saved == set(experiments.SAVED)
    modules = {path.stem for path in FOLDER.glob("*.py")}
    shared = {"__init__", "__main__", "limits", "maps", "rates", "replicas"}
    shared |= {"encoders", "flagged_tokens"}
    assert modules - shared == saved
    assert {path.stem for path in (FOLDER / "results").glob("*.npz")} <= saved


@each_result
def test_a_result_says_when_on_what_and_with_which_seed(name):
    saved = experiments.load(name)
    assert saved["experiment"] == name
    assert date.fromisoformat(saved["date"])
    assert set(saved["versions"]) == {"python", "numpy", "torch"}
    assert saved["machine"].startswith("one core of ")
    assert saved["seconds"] > 0
    assert saved["result"]["settings"]["seed"] == 0


@each_result
def test_no_conclusion_rests_on_fewer_than_five_replicas(name):
    result = experiments.load(name)["result"]
    # A range has two ends.
    rows = [row for row in lists_of(result) if len(row) != 2]
    assert rows
    assert min(map(len, rows)) >= 5


@each_result
def test_every_number_is_one(name):
    text = (FOLDER / "results" / f"{name}.json").read_text("utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    json.loads(text)


@each_result
def test_no_result_tells_whose_machine_it_was(name):
    text = (FOLDER / "results" / f"{name}.json").read_text("utf-8")
    assert not any(mark in text for mark in ("/home", "/root", "/tmp", "/Users"))
    assert not re.search(r"\S@", text)  # someone at a host, and not "@ 2.50GHz"


@each_result
def test_an_experiment_states_its_protocol_and_can_be_run(name):
    module = import_module(f"attention_lib.book.experiments.{name}")
    assert "Protocol." in module.__doc__
    assert callable(module.protocol)


def test_an_unknown_name_is_refused():
    for read in (experiments.load, experiments.arrays):
        with pytest.raises(ValueError, match="one of support, trigger"):
            read("nothing")


def test_a_cell_is_found_by_its_settings_and_must_be_the_only_one():
    asked = {"map": "softmax", "bos": True, "gate": False}
    assert min(experiments.cell_of("trigger", **asked)["sink"]) > 0.95
    with pytest.raises(ValueError, match=r"trigger has 0 cells with .*'map': 'none'"):
        experiments.cell_of("trigger", map="none")
    with pytest.raises(ValueError, match=r"trigger has \d+ cells with .*expected one"):
        experiments.cell_of("trigger", map="softmax")
