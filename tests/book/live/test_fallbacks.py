"""What stands in the saved chapters where no script runs is the library's."""

import json

import numpy as np
import pytest
from bs4 import BeautifulSoup

import attention_lib as al
from attention_lib.book.live.rules import RULES
from tests.browser.live import as_shown, number, saved_figures

SAVED = saved_figures()


def family(state):
    scores, value = np.array(state["scores"]), state["value"]
    if state["by"] == "temperature":
        weights = al.softmax(scores, temperature=value)
    else:
        weights = al.entmax(scores, value)
    spread = [weights.max(), al.entropy(weights), al.effective_support(weights)]
    return {"Weights": weights, "How spread out they are": spread}


def drag(state):
    keys, values, query = (np.array(state[k]) for k in ("keys", "values", "query"))
    attend = al.scaled_dot_product_attention
    output = attend(query[None], keys, values, scale=state["sharpness"])[0]
    weights = al.attention_weights(query[None], keys, scale=state["sharpness"])[0]
    return {"Weights": weights, "Output": output}


def reads(state):
    return {"What it reads": np.array(state["weights"])[state["asks"]]}


def shift(state):
    weights = al.softmax(np.array(state["scores"]) + state["shift"])
    return {"Weights": [*weights, np.nan, 1.0]}


def halves(state):
    scores, values = np.array(state["scores"]), np.array(state["values"])
    columns = []
    for half in (slice(2), slice(2, 4)):
        highest = scores[half].max()
        positive = np.exp(scores[half] - highest)
        out, output = positive @ values[half], al.softmax(scores[half]) @ values[half]
        columns.append([highest, positive.sum(), out, output])
    return {"States": np.array([*columns, 4 * [np.nan]]).T}


def worked(state):
    weights = al.softmax(np.array(state["scores"]), temperature=state["temperature"])
    spread = [weights.max(), al.entropy(weights), al.effective_support(weights)]
    return {
        "From scores to weights": [*weights, np.nan, 1.0],
        "How focused it is": [3, *spread],
    }


def heat(state):
    row = np.append(state["lead"], np.zeros(state["keys"] - 1))
    weight, half = al.softmax(row)[0], np.log(state["keys"] - 1)
    return {"The leading key": [weight, 1 - weight, half, half + np.log(9)]}


def nullspace(state):
    weights, values = np.array(state["weights"]), np.array(state["values"])
    for other in np.array(state["others"]):
        assert other @ values == pytest.approx(weights @ values, abs=1e-12)
    return {"Weights": weights, "Output": np.repeat(weights @ values, 2)}


def rules(state):
    third = [weigh(np.array(state["scores"]))[2] for weigh in RULES.values()]
    return {"Weights": third}


# What the last column of each table must be, or the whole, from the state in the page.
EXPECTED = {
    each.__name__: each
    for each in (
        family,
        drag,
        reads,
        shift,
        halves,
        worked,
        heat,
        nullspace,
        rules,
    )
}
OURS = [name for name in SAVED if name.split("-")[1] in EXPECTED]


def check(html):
    figure = BeautifulSoup(html, "html.parser").figure
    state = json.loads(figure["data-state"])
    expected = EXPECTED[figure["data-aw"]](state)
    tables = figure.find_all("table")
    assert [table.caption.text for table in tables] == list(expected)
    for table, column in zip(tables, expected.values(), strict=True):
        rows = [row.find_all("td") for row in table.tbody.find_all("tr")]
        shown = np.array([[number(cell.text or "–") for cell in row] for row in rows])
        column = np.asarray(column, dtype=float)
        assert (shown if column.ndim == 2 else shown[:, -1]) == as_shown(column)


@pytest.mark.parametrize("name", OURS)
def test_it_is_what_the_library_gives_for_the_state_of_the_figure(name):
    check(SAVED[name])


@pytest.mark.parametrize("name", OURS)
def test_other_numbers_are_noticed(name):
    figure = BeautifulSoup(SAVED[name], "html.parser").figure
    figure.table.tbody.tr.find_all("td")[-1].string = "0.1234"
    with pytest.raises(AssertionError):
        check(str(figure))


def test_the_chapters_have_figures():
    assert {name.split("-")[1] for name in OURS} >= {"drag", "reads", "shift"}
