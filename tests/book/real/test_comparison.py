"""``make real``: what was measured again is compared with what is saved, all of it."""

import math
from importlib import import_module

import numpy as np
import pytest

from attention_lib.book.experiments import OF_THE_MODEL, load, text_loss
from attention_lib.book.real import __main__ as comparison
from attention_lib.book.real.wheel import SHA256

SAVED = {"a": {"words": ["x", "y"], "b": [1.0, 0.5]}, "c": 200.0, "d": [[1, 2], [3, 4]]}


def farthest(again):
    return max(comparison.distances(again, SAVED), key=lambda pair: pair[1])


def test_a_part_that_is_as_saved_is_no_distance_away():
    again = {"a": {"words": ["x"], "b": np.array([1.0])}, "d": np.array([[1, 2]])}
    assert [d for _, d in comparison.distances(again, SAVED)] == [0.0] * 4


@pytest.mark.parametrize(
    ("again", "where", "distance"),
    [
        ({"a": {"b": [1.0, 0.4]}}, "/a/b/1", 0.1),
        ({"c": 204.0}, "/c", 0.02),
        ({"a": {"words": ["x", "z"]}}, "/a/words/1", math.inf),
        ({"d": [[1, 2, 3]]}, "/d/0", math.inf),
    ],
)
def test_what_differs_is_found_where_it_is(again, where, distance):
    assert farthest(again) == (where, pytest.approx(distance))


def test_what_is_not_a_number_is_no_agreement(compared):
    status, said = compared([math.nan])
    assert "own weights/0 is nan away" in said
    assert status == "1 values are not as saved"


@pytest.fixture
def compared(monkeypatch, capsys):
    """Give what the command says of losses that take the place of the model's."""

    def run(losses):
        again = {"own weights": losses, "text": ["book 1"]}
        monkeypatch.setattr(comparison, "load_model", lambda: None)
        monkeypatch.setattr(comparison, "OF_THE_MODEL", ["text_loss"])
        monkeypatch.setattr(text_loss, "reduced", lambda model: again)
        status = None
        try:
            comparison.main()
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().out

    return run


def test_the_command_fails_where_a_value_has_moved(compared):
    saved = load("text_loss")["result"]["own weights"][0]
    status, said = compared([saved * 1.001])
    assert status is None
    assert "text_loss: 2 values compared" in said
    status, said = compared([saved * 1.01])
    assert status == "1 values are not as saved"
    assert said.count("own weights/0 is 0.01 away") == 2


def test_without_the_model_the_command_says_why_in_a_sentence(monkeypatch):
    def fail():
        raise OSError("Is there a network?")

    monkeypatch.setattr(comparison, "load_model", fail)
    with pytest.raises(SystemExit, match=r"^Is there a network\?$"):
        comparison.main()


@pytest.mark.parametrize("name", OF_THE_MODEL)
def test_each_experiment_of_the_model_can_be_compared(name):
    assert callable(import_module(f"attention_lib.book.experiments.{name}").reduced)
    assert load(name)["result"]["settings"]["sha256"] == SHA256
