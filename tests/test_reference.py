"""The tables of the API page say what the weightings do."""

import pytest
import torch

from attention_lib import weightings
from attention_lib.book.experiments import load, support
from attention_lib.book.law_table import WEIGHTINGS, label
from attention_lib.book.reference import support_rows, weighting_rows
from tests.in_rotation import WHOLE

TABLE = {row[0]: row[1:] for row in weighting_rows()}


def test_every_weighting_has_a_row():
    objects = {name for name in weightings.__all__ if name[0].isupper()} - {"Weighting"}
    assert {name.partition("(")[0] for name in TABLE} == objects
    assert len(WEIGHTINGS) == len(TABLE)


def test_the_names_stand_for_weightings_of_the_table():
    for name in (name for entry in weightings.REGISTRY for name in entry.strings):
        shown = {type(weighting) for weighting in WEIGHTINGS}
        assert type(weightings.get_weighting(name)) in shown


@pytest.mark.parametrize(
    ("name", "sums_to_one", "zeros"),
    [
        ("Softmax", "yes", "no"),
        ("Softmax1", "no", "no"),
        ("Sparsemax", "yes", "yes"),
        ("Softpick", "no", "yes"),
        ("Sigmoid", "no", "no"),
        ("TopK(k=2)", "yes", "yes"),
    ],
)
def test_what_a_weighting_does_is_told(name, sums_to_one, zeros):
    assert TABLE[name][2:4] == (sums_to_one, zeros)


@pytest.mark.parametrize(
    ("name", "learned"),
    [("Entmax", "alpha"), ("Softmax1", "offset"), ("ScalableSoftmax", "scale")],
)
def test_the_parameters_that_learn_are_named(name, learned):
    assert TABLE[name][5] == learned


def test_sources_are_named_with_their_year():
    assert TABLE["Sparsemax"][6] == "Martins et al. (2016)"
    assert TABLE["Softmax1"][6] == "Miller (2023)"


def test_every_dtype_and_transform_is_supported_but_compiled_thresholds():
    for name, *answers, broken in support_rows():
        compiled = answers.pop()
        looks = name in ("Sparsemax", "Entmax")
        assert answers == ["yes"] * 6, name
        assert compiled == ("no" if looks else "yes")
        traced = "export for any batch, make_fx"
        assert broken == (traced if looks else "nothing"), name


# A weighting that is supported in all, and one that is not, or each of the table.
FEW = TABLE if WHOLE else ("Softpick", "Entmax")


@pytest.mark.parametrize("name", FEW)
def test_the_table_is_what_running_gives(name):
    (weighting,) = (w for w in WEIGHTINGS if label(w) == name)
    (saved,) = (row for row in support_rows() if row[0] == name)
    assert support.support(weighting) == saved


def test_the_table_was_run_with_the_torch_that_is_used():
    used = torch.__version__.partition("+")[0]
    assert load("support")["versions"]["torch"].partition("+")[0] == used


def test_every_weighting_was_tried_on_a_cpu():
    assert load("support")["result"]["device"] == "cpu"
    assert [row[0] for row in support_rows()] == [label(w) for w in WEIGHTINGS]


def test_what_goes_wrong_in_attention_is_in_the_table(monkeypatch):
    def refuse(module, given):
        raise RuntimeError("not here")

    monkeypatch.setattr(support, "TRACERS", {"refused": refuse})
    assert support.support(WEIGHTINGS[0])[-1] == "refused"
