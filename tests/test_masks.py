"""Masks say True where a key takes part, entry by entry."""

from functools import partial

import numpy as np
import pytest
import torch

from attention_lib import masks, scaled_dot_product_attention
from tests.oracle import attention_by_rows, close

LENGTHS = [(0, 0), (0, 3), (3, 0), (1, 1), (5, 5), (3, 7), (7, 3)]
lengths = pytest.mark.parametrize(("n_queries", "n_keys"), LENGTHS)


LIKE = torch.zeros(1)


def entries(rule, *shape):
    """Build an array entry by entry."""
    return np.array([rule(*place) for place in np.ndindex(*shape)]).reshape(shape)


@lengths
def test_causal_from_the_start(n_queries, n_keys):
    expected = entries(lambda i, j: j <= i, n_queries, n_keys)
    actual = masks.causal(n_queries, n_keys)
    assert actual.dtype == bool
    np.testing.assert_array_equal(actual, expected)


@lengths
def test_causal_from_the_end(n_queries, n_keys):
    expected = entries(lambda i, j: n_keys - j >= n_queries - i, n_queries, n_keys)
    actual = masks.causal(n_queries, n_keys, align="end")
    np.testing.assert_array_equal(actual, expected)
    if n_queries and n_keys:
        assert actual[-1].all()


@lengths
@pytest.mark.parametrize("width", [1, 2, 3, 100])
def test_a_sliding_window(n_queries, n_keys, width):
    expected = entries(lambda i, j: abs(i - j) < width, n_queries, n_keys)
    actual = masks.sliding_window(n_queries, n_keys, width)
    assert actual.dtype == bool
    np.testing.assert_array_equal(actual, expected)


@lengths
@pytest.mark.parametrize("like", [None, torch.zeros(1)], ids=["numpy", "torch"])
def test_the_last_query_is_at_the_place_of_the_last_key(n_queries, n_keys, like):
    def away(i, j):
        return abs((n_queries - i) - (n_keys - j))

    options = {"align": "end", "like": like}
    near = np.asarray(masks.sliding_window(n_queries, n_keys, 3, **options))
    expected = entries(lambda i, j: away(i, j) < 3, n_queries, n_keys)
    np.testing.assert_array_equal(near, expected)
    lowered = np.asarray(masks.alibi(2, n_queries, n_keys, **options))
    slopes = [1 / 16, 1 / 256]
    expected = entries(lambda h, i, j: -slopes[h] * away(i, j), 2, n_queries, n_keys)
    np.testing.assert_array_equal(lowered, expected)


def test_padding_for_every_head_and_query():
    actual = masks.padding([2, 0, 5], 5)
    assert actual.shape == (3, 1, 1, 5)
    assert actual.dtype == bool
    np.testing.assert_array_equal(actual.sum(-1)[:, 0, 0], [2, 0, 5])
    assert actual[0, 0, 0, :2].all()
    assert masks.padding(3, 5).shape == (1, 1, 5)
    assert masks.padding([[1, 2], [3, 4]], 5).shape == (2, 2, 1, 1, 5)
    assert masks.padding([], 5).shape == (0, 1, 1, 5)
    np.testing.assert_array_equal(masks.padding(torch.tensor([2, 0, 5]), 5), actual)


def test_alibi_is_the_paper_s():
    slopes = 2.0 ** -np.arange(1, 9)  # for eight heads: 1/2, 1/4, ..., 1/256
    actual = masks.alibi(8, 3, 5)
    expected = entries(lambda h, i, j: -slopes[h] * abs(i - j), 8, 3, 5)
    np.testing.assert_array_equal(actual, expected)


def test_alibi_for_heads_that_are_no_power_of_two():
    slopes = -masks.alibi(12, 1, 2)[:, 0, 1]
    whole = 2.0 ** -np.arange(1, 9)
    halves = 2.0 ** -np.arange(0.5, 4.5)
    np.testing.assert_allclose(slopes, np.concatenate([whole, halves]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_like_gives_the_library_device_and_dtype(dtype, device):
    like = torch.zeros(1, dtype=dtype, device=device)
    for make, args in [
        (masks.causal, (3, 5)),
        (masks.sliding_window, (3, 5, 2)),
        (masks.padding, ([2, 3], 5)),
        (masks.alibi, (2, 3, 5)),
    ]:
        actual = make(*args, like=like)
        assert actual.device.type == device
        wanted = dtype if make is masks.alibi else torch.bool
        assert actual.dtype == wanted
        expected = torch.tensor(make(*args)).to(wanted)
        torch.testing.assert_close(actual.cpu(), expected)
        assert isinstance(make(*args, like=np.float32(1)), np.ndarray)
    assert masks.alibi(2, 3, 5, like=np.zeros(1, np.float32)).dtype == np.float32


def test_integers_lower_no_score_to_an_integer():
    expected = masks.alibi(2, 3, 5)
    actual = masks.alibi(2, 3, 5, like=np.zeros(1, int))
    np.testing.assert_array_equal(actual, expected)
    actual = masks.alibi(2, 3, 5, like=torch.zeros(1, dtype=torch.int64))
    assert actual.dtype == torch.float32
    np.testing.assert_array_equal(actual, expected)


def test_lengths_of_every_integer_dtype_are_taken():
    expected = masks.padding([2, 0, 5], 5)
    for bits in (8, 16, 32, 64):
        for name in (f"int{bits}", f"uint{bits}"):
            given = np.array([2, 0, 5], name)
            for lengths in (given, torch.from_numpy(given)):
                np.testing.assert_array_equal(masks.padding(lengths, 5), expected)
                actual = masks.padding(lengths, 5, like=torch.zeros(1))
                np.testing.assert_array_equal(actual, expected)


@pytest.mark.quick
def test_masks_do_in_attention_what_they_say(engine, rng):
    query, key, value = (rng.normal(size=(2, n, 3)) for n in (5, 7, 7))
    given = [engine.array(a) for a in (query, key, value)]
    for mask in (
        masks.causal(5, 7, align="end"),
        masks.sliding_window(5, 7, 2),
        masks.padding([3, 7], 7)[:, 0],
    ):
        out = scaled_dot_product_attention(*given, engine.array(mask))
        expected = attention_by_rows(query, key, value, where=mask)
        close(engine.numpy(out), expected, "float64", 3)
    bias = masks.alibi(2, 5, 7)
    out = scaled_dot_product_attention(*given, engine.array(bias))
    expected = attention_by_rows(query, key, value, bias=bias)
    close(engine.numpy(out), expected, "float64", 3)


@pytest.mark.parametrize(
    "make",
    [masks.causal, partial(masks.sliding_window, width=2), partial(masks.alibi, 2)],
    ids=["causal", "sliding", "alibi"],
)
def test_a_decoder_s_last_queries_see_what_they_saw_in_training(engine, make, rng):
    n, last = 7, 3
    query, key, value = (engine.array(rng.normal(size=(2, n, 3))) for _ in range(3))
    attend = scaled_dot_product_attention
    whole = attend(query, key, value, engine.array(make(L=n, S=n)))
    mask = engine.array(make(L=last, S=n, align="end"))
    actual = attend(query[:, -last:], key, value, mask)
    close(engine.numpy(actual), engine.numpy(whole)[:, -last:], "float64")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: masks.causal(2, 3, align="middle"), ValueError, "'start' or 'end'; g"),
        (lambda: masks.causal(-1, 3), ValueError, "L must be at least 0; got -1"),
        (lambda: masks.causal(2, -3), ValueError, "S must be at least 0; got -3"),
        (lambda: masks.causal(2.0, 3), TypeError, "L must be a whole number; got 2.0"),
        (lambda: masks.sliding_window(2, 3, 0), ValueError, "width must be at least 1"),
        (lambda: masks.padding([1, 6], 5), ValueError, "lengths must lie between 0 an"),
        (lambda: masks.padding([-1], 5), ValueError, "lengths must lie between 0 and"),
        (lambda: masks.padding([1.5], 5), TypeError, "lengths must be integers; got d"),
        (lambda: masks.padding([True], 5), TypeError, "lengths must be integers; got"),
        (lambda: masks.padding([6], 5, like=LIKE), ValueError, "lengths must lie betw"),
        (lambda: masks.padding([0.5], 5, like=LIKE), TypeError, "lengths must be inte"),
        (
            lambda: masks.sliding_window(2, 3, 1, align="top"),
            ValueError,
            "align must be 'start' or 'end'; got 'top'",
        ),
        (lambda: masks.alibi(1, 2, 3, align=0), ValueError, "align must be 'start' or"),
        (lambda: masks.alibi(1, 2, 3, like=LIKE > 0), TypeError, "like must hold real"),
        (lambda: masks.alibi(0, 2, 3), ValueError, "H must be at least 1; got 0"),
    ],
)
def test_what_makes_no_mask_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
