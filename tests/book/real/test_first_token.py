"""What stands first: another key or value, a constant; and how much it is given."""

import pytest
import torch

from attention_lib import scaled_dot_product_attention, softmax
from attention_lib.book.real.attending import (
    from_query,
    masked,
    noting,
    with_first,
    without_key,
)
from attention_lib.book.real.first_token import first_token
from attention_lib.book.real.model import softmax_attention
from tests.book.real import tiny

IDS, START = [5, 3, 8, 3, 1, 7, 2, 6], 3
close = torch.testing.assert_close


@pytest.fixture
def model():
    return tiny.model(tiny.random())


@pytest.fixture
def found(model):
    return first_token(model, IDS, START)


@pytest.fixture
def heads():
    """Give the last two queries of two heads, and five keys and values of one."""
    generator = torch.Generator().manual_seed(0)
    sizes = (2, 2, 3), (1, 5, 3), (1, 5, 3)
    return [torch.randn(*size, generator=generator) for size in sizes]


def test_its_own_key_and_value_change_nothing(model, found):
    close(model(IDS, with_first(found["key"], found["value"])), model(IDS))


def test_another_key_and_another_value_are_read_in_each_layer(heads):
    query, key, value = heads
    keys, values = torch.arange(12.0).reshape(2, 2, 1, 1, 3)
    other_key = torch.cat([keys[1], key[:, 1:]], 1)
    other_value = torch.cat([values[1], value[:, 1:]], 1)
    for attend, pair in (
        (with_first(keys=keys), (other_key, value)),
        (with_first(values=values), (key, other_value)),
        (with_first(keys, values), (other_key, other_value)),
    ):
        close(attend(1, *heads), softmax_attention(1, query, *pair))


def test_a_fixed_score_does_not_ask_the_query(heads):
    query, key, value = heads
    scores = torch.tensor([[0.0, 0.0], [1.5, -2.0]])
    found = with_first(scores=scores)(1, *heads)
    for head, score in enumerate(scores[1]):
        row = query[head, -1] @ key[0].T / 3**0.5
        row[0] = score
        close(found[head, -1], softmax(row) @ value[0])
    # The query before it does not see the last key.
    row = query[0, 0] @ key[0, :4].T / 3**0.5
    row[0] = scores[1, 0]
    close(found[0, 0], softmax(row) @ value[0, :4])


def test_a_score_and_a_value_of_zero_are_softmax1_without_the_token(heads):
    found = with_first(values=torch.zeros(1, 1, 1, 3), scores=torch.zeros(1, 2))
    query, key, value = heads
    seen = torch.tensor([[False, True, True, True, False], [False, *[True] * 4]])
    expected = scaled_dot_product_attention(
        query, key, value, seen, enable_gqa=True, weighting="softmax1"
    )
    close(found(0, *heads), expected)


def test_only_later_queries_attend_otherwise(model):
    whole = model(IDS)
    close(model(IDS, from_query(START, softmax_attention)), whole)
    silent = with_first(values=torch.zeros(2, 1, 1, 2))
    changed = model(IDS, from_query(START, silent))
    close(changed[:START], whole[:START])
    assert abs(changed[START:] - whole[START:]).amax(-1).min() > 0.01


def test_several_keys_are_hidden_as_each_of_them_is():
    both = without_key(5, 1, 4) & without_key(5, 2, 4)
    assert (without_key(5, [1, 2], 4) == both).all()


def test_a_token_that_is_hidden_from_all_is_deleted(model):
    hidden = model(IDS, masked(without_key(len(IDS), 0)[None]))
    close(hidden[1:], model(IDS[1:]))


def test_what_later_queries_take_from_the_first_token_follows_from_all_weights(
    model, found
):
    weights, values = [], []
    note = noting(weights)

    def attend(layer, query, key, value):
        values.append(value)
        return note(layer, query, key, value)

    model(IDS, attend)
    late = torch.stack(weights)[:, :, START:]
    close(found["weight"], late[..., 0].mean(-1))
    close(found["early"], late[..., :START].mean(-2))
    lengths = torch.stack(values).norm(dim=-1)  # (layers, 1, n): both heads share it
    parts = late * lengths[:, :, None]
    close(found["contribution"], (parts[..., 0] / parts.sum(-1)).mean(-1))
    others = lengths[..., 1:].median(-1).values
    close(found["length"], lengths[..., 0] / others)


def test_the_mean_score_is_that_of_the_first_key(model, found):
    alone = []

    def attend(layer, query, key, value):
        scores = query[:, START:] @ key[:, :1].mT / 2**0.5
        alone.append(scores.mean((-2, -1)))
        return softmax_attention(layer, query, key, value)

    model(IDS, attend)
    close(found["score"], torch.stack(alone))
