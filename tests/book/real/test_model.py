"""The forward pass, on models small enough to follow by hand."""

import math

import numpy as np
import pytest
import torch

from attention_lib.book.real.attending import masked, noting, weighed, without_key
from attention_lib.book.real.model import softmax_attention, turned
from attention_lib.book.real.reading import Reading
from tests.book.real import tiny

IDS = [5, 3, 8, 3, 1]


def close(found, expected, **options):
    expected = torch.as_tensor(np.asarray(expected), dtype=torch.float32)
    torch.testing.assert_close(found, expected, **options)


@pytest.fixture
def random_model():
    return tiny.model(tiny.random())


@pytest.fixture
def averaging():
    """Give arrays whose first layer adds to a token the mean of those so far."""
    arrays = tiny.silent()
    # Root mean squares of one: the norms before attention change nothing.
    arrays["token_embd.weight"][:] = [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]]
    arrays["blk.0.attn_v.weight"][:] = np.eye(2, 4)
    arrays["blk.0.attn_output.weight"][:] = np.eye(4)
    return arrays


def test_a_token_is_divided_by_its_root_mean_square_and_read_again():
    arrays = tiny.silent()
    arrays["token_embd.weight"][:2] = [[3, 4, 0, 0], [1, 0, 0, 5]]
    arrays["output_norm.weight"][:] = [1, 2, 1, 1]
    # [3, 4, 0, 0] has a root mean square of 2.5: [1.2, 1.6 · 2, 0, 0] remains.
    close(tiny.model(arrays)([0]), [[3 * 1.2 + 4 * 3.2, 1.2, 0]])


def test_equal_scores_read_the_mean_with_every_head(averaging):
    _, second = tiny.model(averaging)([0, 1])
    # Both heads read the mean of [2, 0] and [0, 2]; added to [0, 2, 0, 0].
    x = np.array([1, 3, 1, 1])
    close(second, x / math.sqrt(3) @ averaging["token_embd.weight"].T)


def test_the_perceptron_is_gated():
    arrays = tiny.silent()
    arrays["token_embd.weight"][0] = [2, 0, 0, 0]
    arrays["blk.1.ffn_gate.weight"][0, 0] = math.log(3) / 2
    arrays["blk.1.ffn_up.weight"][0, 0] = 2
    arrays["blk.1.ffn_down.weight"][1, 0] = 1
    # The norm keeps [2, 0, 0, 0]: silu(log 3) is 3/4 of it, and what it gates is 4.
    x = np.array([2, 3 * math.log(3), 0, 0])
    scores = tiny.model(arrays)([0])
    close(scores[0, 0], 2 * x[0] / math.sqrt((x**2).mean()))


def test_pairs_of_features_are_turned_by_their_place():
    places = torch.tensor([0, 1, 3])
    found = turned(torch.tensor([[1.0, 0.0, 0.0, 2.0]]), places, base=100.0)
    close(found[0], [1, 0, 0, 2])
    for row, place in zip(found[1:], (1, 3), strict=True):
        fast, slow = place, place / 10
        pair = [math.cos(fast), math.sin(fast)]
        close(row, [*pair, -2 * math.sin(slow), 2 * math.cos(slow)])
    # Neighbours make a pair: the second of the first pair is alone here.
    close(
        turned(torch.tensor([[0.0, 1.0, 0.0, 0.0]]), places, 100.0)[:, 2:],
        [[0] * 2] * 3,
    )


def test_queries_and_keys_are_both_turned(averaging):
    averaging["blk.0.attn_q.weight"][[0, 2], 0] = 0.5
    averaging["blk.0.attn_k.weight"][0, 0] = 0.5
    weights = []
    tiny.model(averaging)([0, 0, 0], noting(weights))
    # Queries and keys are [1, 0], turned by place: scores are cosines of distances.
    scores = np.cos([2, 1, 0]) / math.sqrt(2)
    close(weights[0][:, 2], [np.exp(scores) / np.exp(scores).sum()] * 2)


def test_scores_depend_on_how_far_apart_places_are():
    query, key = torch.randn(2, 1, 6, generator=torch.Generator().manual_seed(0))

    def product(i, j):
        at_i, at_j = torch.tensor([i]), torch.tensor([j])
        return (turned(query, at_i, 100.0) * turned(key, at_j, 100.0)).sum()

    close(product(9, 7), product(2, 0))
    assert abs(product(9, 7) - product(7, 9)) > 0.01


def test_a_token_sees_none_that_comes_later(random_model):
    whole = random_model(IDS)
    close(random_model(IDS[:3]), whole[:3])
    close(random_model(IDS, last=2), whole[-2:])


def test_a_cache_goes_on_where_it_stopped(random_model):
    cache = {}
    steps = [random_model(part, cache=cache) for part in (IDS[:2], IDS[2:4], IDS[4:])]
    close(torch.cat(steps), random_model(IDS))
    assert cache[1][0].shape == (1, 5, 2)


def test_sentences_side_by_side_do_not_meet(random_model):
    ids = torch.tensor([IDS, IDS[::-1]])
    close(random_model(ids), torch.stack([random_model(row) for row in ids]))


def test_nats_are_minus_the_log_of_what_came(random_model):
    probabilities = random_model(IDS).softmax(-1)
    expected = [-math.log(probabilities[i, IDS[i + 1]]) for i in range(4)]
    close(random_model.nats(IDS), expected)


def test_gradients_reach_the_tokens(random_model):
    x = random_model.embedded(IDS).requires_grad_()
    random_model.scores(x)[2].sum().backward()
    reached = (x.grad != 0).any(-1)
    assert reached.tolist() == [True, True, True, False, False]


def test_another_attention_is_given_each_layer(random_model):
    seen = []

    def attend(layer, query, key, value):
        seen.append((layer, query.shape, key.shape, value.shape))
        return softmax_attention(layer, query, key, value)

    close(random_model(IDS, attend), random_model(IDS))
    shapes = (2, 5, 2), (1, 5, 2), (1, 5, 2)
    assert seen == [(0, *shapes), (1, *shapes)]


def test_other_weights_take_the_place_of_softmax(random_model):
    whole = random_model(IDS)
    close(random_model(IDS, weighed()), whole)
    for attend in (
        weighed("sparsemax"),
        weighed(sharpness=0.5),
        weighed(sharpness=0.0),
    ):
        assert abs(random_model(IDS, attend) - whole).max() > 0.1
    equal = random_model(IDS, weighed(sharpness=0.0))
    arrays = tiny.random()
    for layer in range(tiny.LAYERS):
        arrays[f"blk.{layer}.attn_q.weight"][:] = 0
    close(equal, tiny.model(arrays)(IDS))


def test_each_query_may_have_a_sharpness_of_its_own(random_model):
    whole = random_model(IDS)
    factors = torch.tensor([1.0, 1.0, 1.0, 0.5, 0.5])[:, None]
    found = random_model(IDS, weighed(sharpness=factors))
    close(found[:3], whole[:3])
    assert abs(found[3:] - whole[3:]).amax(-1).min() > 0.01
    close(
        random_model(IDS, weighed(sharpness=torch.full((5, 1), 0.5))),
        random_model(IDS, weighed(sharpness=0.5)),
    )


def test_weights_are_noted_layer_by_layer(random_model):
    weights = []
    close(random_model(IDS, noting(weights)), random_model(IDS))
    assert [tuple(w.shape) for w in weights] == [(2, 5, 5)] * 2
    for layer in weights:
        close(layer.sum(-1), np.ones((2, 5)))
        assert (layer.triu(1) == 0).all()


def test_a_hidden_token_is_hidden_from_those_rows_alone():
    assert without_key(3, 0).int().tolist() == [[1, 1, 1], [0, 1, 1], [0, 1, 1]]
    assert without_key(3, 0, first_row=2)[:, 0].tolist() == [True, True, False]


def test_a_mask_may_differ_from_layer_to_layer(random_model):
    whole = random_model(IDS)
    open_, hidden = torch.ones(1, 5, 5).bool(), without_key(5, 1)[None]
    close(random_model(IDS, masked(open_)), whole)
    second = random_model(IDS, masked(torch.stack([open_, hidden])))
    both = random_model(IDS, masked(torch.stack([hidden, hidden])))
    assert abs(second - whole).max() > 0.01
    assert abs(second - both).max() > 0.01
    close(random_model(IDS, masked(hidden)), both)


def test_an_erased_token_is_as_one_that_was_not_there(averaging):
    reading = Reading(tiny.model(averaging), [2, 0, 1])
    erased = reading.scores_with([reading.erased(0), reading.erased(1)])
    for found, kept in zip(erased, ([0, 1], [2, 1]), strict=True):
        close(found, reading.model(kept)[-1])
    assert abs(erased - reading.scores).max() > 0.1


def test_only_the_blind_heads_do_not_see_a_token(averaging):
    reading = Reading(tiny.model(averaging), [0, 1])
    blind = reading.scores_with([reading.blind([(0, 1)], place=0)])
    # Head 0 still reads the mean, [1, 1], and head 1 the last token alone, [0, 2].
    x = np.array([1, 3, 0, 2])
    expected = x / math.sqrt((x**2).mean()) @ averaging["token_embd.weight"].T
    close(blind, expected[None])


def test_a_reading_has_words_weights_and_the_next_tokens_scores(random_model):
    ids = random_model.tokenizer.encode("the the")
    reading = Reading(random_model, ids)
    assert reading.words == ["t", "he", "the"]
    assert reading.weights.shape == (2, 2, 3, 3)
    close(reading.scores, random_model(ids)[-1])
