"""What counts as the same print and the same picture, and what does not."""

import numpy as np
import pytest
from nbformat.v4 import new_output

from tests.notebooks.seeds import encode
from tools.notebooks.outputs import compare_outputs
from tools.notebooks.pictures import compare_pictures
from tools.notebooks.printed_text import LAST_DIGIT, compare_texts


@pytest.mark.parametrize(
    ("saved", "fresh"),
    [
        ("0.30000000000000004", "0.3"),
        ("1.0000000001e-05 of 3", "1e-05 of 3"),
        ("[0.25 0.5 ]", "[0.25000001 0.5       ]"),
        ("tensor([0.6590, 0.2424])", "tensor([0.6590, 0.2424])"),
        ("residue 3e-17", "residue -2e-16"),
        ("-0.000", "0.000"),
        ("<td>659001.1</td>", "<td>659001.2</td>"),
        ("x = \N{MINUS SIGN}0.50000001", "x = \N{MINUS SIGN}0.5"),
    ],
)
def test_noise_passes(saved, fresh):
    assert compare_texts(saved, fresh) is None
    assert compare_texts(fresh, saved) is None


@pytest.mark.parametrize(
    ("saved", "fresh"),
    [
        ("0.659", "0.669"),
        ("0.659001", "0.659101"),
        ("1000001", "1000000"),  # integers, however close
        ("3 keys", "3 heads"),
        ("0.5", "0.50"),  # the same number in another format
        ("0.5", "-0.5"),
        ("1.", "1"),
        ("0.5", "nan"),
        ("inf", "1e308"),
        ("[0.5, 0.25]", "[0.5]"),
        ("0.5\n0.5\n", "0.5\n"),
        ("float32 0.5", "float64 0.5"),
        ("[0.5  0.25]", "[0.5 0.25]"),
        ("two  words", "two words"),
        ("numpy 2.4.6", "numpy 2.4.7"),
        ("<td>0.5</td>", "<th>0.5</th>"),
        ("", "0.5"),
    ],
)
def test_another_print_is_refused(saved, fresh):
    assert compare_texts(saved, fresh)
    assert compare_texts(fresh, saved)
    assert compare_texts(saved, fresh, LAST_DIGIT)


def test_a_digit_that_a_cell_prints_counts_however_small():
    assert compare_texts("0.659", "0.658")
    assert compare_texts("0.659001", "0.659002")


@pytest.mark.parametrize(
    ("saved", "fresh", "same"),
    [
        ("0.6590", "0.6591", True),
        ("0.6590", "0.6592", False),
        ("9.86e-02", "9.87e-02", True),
        ("0.0066", "0.0067", False),  # more than 1 %
        ("0.66", "0.67", False),
        ("0.65900114", "0.65903", True),
        ("12 keys", "13 keys", False),
    ],
)
def test_a_noisy_cell_may_differ_in_its_last_digit(saved, fresh, same):
    assert (compare_texts(saved, fresh, LAST_DIGIT) is None) == same


def test_the_message_says_what_was_saved_and_what_came():
    assert compare_texts("sum 0.3 of 3", "sum 0.4 of 3") == "saved 0.3, now 0.4"
    assert compare_texts("a\nb 0.5", "a\nc 0.5") == "saved 'b 0.5', now 'c 0.5'"
    assert compare_texts("a\nb\n", "a\n") == "saved 2 lines, now 1"


@pytest.fixture
def page():
    """Return a picture of 100 x 100 pixels, white with a grey band."""
    pixels = np.full((100, 100, 4), 255.0)
    pixels[30:60, :, :3] = 128
    return pixels


def test_a_picture_may_be_off_by_a_level(page):
    noise = np.random.default_rng(0).integers(-1, 2, page.shape)
    assert compare_pictures(encode(page), encode(page + noise)) is None


@pytest.mark.parametrize(
    ("where", "levels"),
    [
        (np.s_[:, :, :3], -3),  # everything, a little
        (np.s_[40:44, 40:44, :3], 22),  # one small square of a heat map, by 0.1
        (np.s_[2:11, 3:8, :3], -200),  # one digit
        (np.s_[97:, 97:, :3], -60),  # in the corner, where no block is full
        (np.s_[10:26, 10:26, 3], -100),  # transparency
        (np.s_[40:56, 40:56, 2], 12),  # one channel
    ],
)
def test_another_picture_is_refused(page, where, levels):
    other = page.copy()
    other[where] += levels
    assert "pictures differ" in compare_pictures(encode(page), encode(other))


def test_a_picture_of_another_size_is_refused(page):
    complaint = compare_pictures(encode(page), encode(page[:-1]))
    assert complaint.startswith("saved 100 x 100 pixels, now 100 x 99")


def test_how_often_a_stream_was_flushed_does_not_count():
    def stream(*texts):
        return [new_output("stream", name="stdout", text=text) for text in texts]

    assert compare_outputs(stream("0.", "5\n"), stream("0.5\n")) == []


def test_the_order_and_kind_of_outputs_count():
    word = new_output("stream", name="stdout", text="word\n")
    value = new_output("display_data", {"text/plain": "0.5"})
    table = new_output("display_data", {"text/plain": "0.5", "text/html": "0.5"})
    for saved, fresh in (
        ([word, value], [value, word]),
        ([value], [table]),
        ([value], []),
        ([], [value]),
        ([value], [value, value]),
    ):
        assert compare_outputs(saved, fresh)
