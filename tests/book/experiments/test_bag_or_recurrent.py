"""Bag or recurrent: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen.
"""

import numpy as np
import pytest
import torch

from attention_lib.book.experiments import (
    bag_or_recurrent,
    cell_of,
    encoders,
    maps,
    rates,
    replicas,
)
from tests.book.experiments.cells import trained_anew

ENCODERS = ("bag", "recurrent")
FIRST = "attention, gradient × input"


def saved():
    """Give the saved cells of softmax in the task of the sum."""
    return {
        encoder: cell_of("bag_or_recurrent", map="softmax", asks="sum", encoder=encoder)
        for encoder in ENCODERS
    }


def again():
    """Train both encoders anew."""
    data = bag_or_recurrent.data(1, asks="sum", size=64)
    steps = {"bag": 150, "recurrent": 80}
    wanted = {"map": "softmax", "asks": "sum"}
    return {
        encoder: trained_anew(
            bag_or_recurrent.task("sum", encoder),
            "bag_or_recurrent",
            data=data,
            steps=steps[encoder],
            batch=24,
            n_replicas=5,
            encoder=encoder,
            **wanted,
        )
        for encoder in ENCODERS
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def measured(request):
    return [request.param()[encoder] for encoder in ENCODERS]


def test_attention_agrees_less_with_gradients_in_the_recurrent_encoder(measured):
    bag, recurrent = (np.array(cell["tau"][FIRST]) for cell in measured)
    assert len(bag) >= 5
    assert bag.min() > recurrent.max()  # [0.48 against 0.38]


def test_shuffled_weights_move_the_bag_and_hardly_the_recurrent_encoder(measured):
    bag, recurrent = (np.array(cell["shuffled"]) for cell in measured)
    assert bag.min() > 0.15  # [0.22]
    assert recurrent.max() < 0.15  # [0.12]


def test_the_adversary_wins_on_both(measured):
    for cell in measured:
        assert min(cell["adversary"]) > 0.8 * np.log(2)  # [0.85]


def cell(**wanted):
    return cell_of("bag_or_recurrent", **wanted)


def test_the_bag_agrees_more_at_every_rate_and_how_much_turns_with_it():
    bag, recurrent = (
        rates.by_rate(cell(map="softmax", asks="sum", encoder=encoder))
        for encoder in ENCODERS
    )
    for rate in set(bag) & set(recurrent):
        assert min(bag[rate]["tau"][FIRST]) > max(recurrent[rate]["tau"][FIRST])
    assert min(bag[1e-2]["tau"][FIRST]) > 0.75  # [0.80]
    assert max(bag[1e-1]["tau"][FIRST]) < 0.65  # [0.57]


def test_gradients_and_leaving_out_do_not_agree_with_each_other_either():
    recurrent = cell(map="softmax", asks="sum", encoder="recurrent")
    assert max(recurrent["tau"]["gradient × input, leave one out"]) < 0.55  # [0.49]
    # And where all weights are equal, so that attention cannot be to blame.
    for encoder in ENCODERS:
        equal = cell(map="uniform", asks="sum", encoder=encoder)
        assert max(equal["tau"]["gradient × input, leave one out"]) < 0.4  # [0.34]


def test_models_that_learn_with_equal_weights_need_no_attention():
    for encoder in ENCODERS:
        assert min(cell(map="uniform", asks="sum", encoder=encoder)["right"]) > 0.98
    bag, recurrent = (
        cell(map="softmax", asks="sum", encoder=encoder)["uniform"]
        for encoder in ENCODERS
    )
    assert max(bag) < 0.92  # [0.88]
    assert min(recurrent) > 0.95  # [0.97]


def test_where_one_word_decides_no_adversary_gets_far_in_either():
    for encoder in ENCODERS:
        one = cell(map="softmax", asks="one", encoder=encoder)
        assert min(one["right"]) > 0.99
        assert max(one["adversary"]) < 0.08  # [0.05] of 0.69
    # Though the order of all the words that say nothing agrees with nothing.
    assert max(one["tau"][FIRST]) < 0.3  # [0.24]


def test_sparse_weights_explain_no_better():
    dense, sparse = (
        cell(map=name, asks="sum", encoder="recurrent")
        for name in ("softmax", "sparsemax")
    )
    assert max(sparse["auc"]["attention"]) <= min(dense["auc"]["attention"]) + 0.005
    bag = cell(map="sparsemax", asks="sum", encoder="bag")
    assert max(bag["right"]) < 0.85  # it learned little, at each rate
    assert min(bag["tau"][FIRST]) > 0.9  # and agrees with itself, word for zero


@pytest.mark.parametrize("asks", ["sum", "one"])
def test_a_text_is_what_its_values_say(asks):
    texts, answer = bag_or_recurrent.data(3, asks=asks, size=2000)
    values = bag_or_recurrent.values(asks)
    carried = values[texts]
    sums = carried.sum(-1)
    if asks == "sum":
        assert torch.equal((sums > 0).float(), answer)
        assert sums.abs().min() > 0.3
        assert sorted(values[values != 0].abs().tolist())[::59] == [0.5, 1.5]
    else:
        assert torch.equal(sums, answer)
        counts = (carried != 0).sum(-1)
        assert counts.unique().tolist() == [0, 1]
        assert counts.float().mean() == pytest.approx(0.75, abs=0.03)
        assert answer.unique().tolist() == [-2, -1, 0, 1, 2]


def test_the_units_are_those_of_torch():
    torch.manual_seed(0)
    theirs = torch.nn.GRU(32, 16, batch_first=True, bidirectional=True)
    # Torch has the gates in the order reset, keep, new, and two biases.
    parameters = {"input": [], "input bias": []}
    for side, end in (("forward", ""), ("backward", "_reverse")):
        held = {
            name: getattr(theirs, f"{name}_l0{end}").detach()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        parameters["input"].append(held["weight_ih"].T)
        parameters["input bias"].append(held["bias_ih"])
        parameters[side] = held["weight_hh"].T[None]
        parameters[f"{side} bias"] = held["bias_hh"][None, None]
    parameters["input"] = torch.cat(parameters["input"], -1)[None]
    parameters["input bias"] = torch.cat(parameters["input bias"])[None, None]
    x = torch.randn(1, 3, 20, 32)
    torch.testing.assert_close(encoders.encode(parameters, x)[0], theirs(x[0])[0])


def test_the_output_is_the_average_of_what_each_word_would_give_alone():
    for encoder in ENCODERS:
        parameters = encoders.start(replicas.stream(5), 2, None, encoder=encoder)
        texts = bag_or_recurrent.data(1, asks="sum", size=3)[0].expand(2, -1, -1)
        x = encoders.embed(parameters, texts)
        assert torch.equal(x[1, 2, 7], parameters["words"][1, texts[1, 2, 7]])
        weigh = maps.get_map("softmax")
        output, weights, alone = encoders.read(parameters, weigh, x)
        torch.testing.assert_close((weights * alone).sum(-1), output)


def test_who_carries_a_value_is_above_who_does_not_by_hand():
    carries = np.array([[True, False, False], [False, True, True]])
    scores = np.array([[[3.0, 1.0, 3.0], [1.0, 2.0, 0.0]]])
    # Of four pairs: a win and a tie, a win and a loss.
    assert bag_or_recurrent.above(scores, carries[None]) == pytest.approx(2.5 / 4)
