"""The tokenizer, on a handful of merges."""

import pytest

from attention_lib.book.real.tokenizer import SIGN, Tokenizer, words_of


def tokenizer(*merges):
    merged = [merge.replace(" ", "") for merge in merges]
    tokens = [*SIGN.values(), *merged]
    return Tokenizer(
        {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": list(merges)}
    )


def pieces(cutter, text):
    return [cutter.decode([i]) for i in cutter.encode(text)]


def test_a_word_takes_the_space_before_it():
    found = list(words_of("It's  late, the old_key!\n\nNext "))
    assert found == [
        *("It", "'s", " ", " late", ",", " the", " old", "_", "key", "!"),
        *("\n", "\n", "Next", " "),
    ]
    assert "".join(found) == "It's  late, the old_key!\n\nNext "


def test_numerals_stand_alone_in_any_script():
    assert list(words_of("a 42 x² ½٣")) == [
        "a",
        " ",
        "4",
        "2",
        " x",
        "²",
        " ",
        "½",
        "٣",
    ]


def test_the_merge_that_is_listed_first_comes_first():
    assert pieces(tokenizer("a b", "b c"), "abc") == ["ab", "c"]
    assert pieces(tokenizer("b c", "a b"), "abc") == ["a", "bc"]


def test_merges_build_on_merges_within_a_word():
    cutter = tokenizer("h e", "Ġ t", "Ġt he")
    assert pieces(cutter, "the the then") == ["t", "he", " the", " the", "n"]
    assert pieces(cutter, "hehe") == ["he", "he"]


@pytest.mark.parametrize("text", ["", "naïve 键 🗝\t\x00", "a\r\n  b"])
def test_every_text_comes_back(text):
    cutter = tokenizer("Ã ¯")
    assert cutter.decode(cutter.encode(text)) == text


def test_bytes_have_the_signs_of_gpt_2():
    assert [SIGN[byte] for byte in b"A \n\xa1\xad\xff"] == [*"AĠĊ¡Ńÿ"]
    assert len(set(SIGN.values())) == 256


def test_bytes_that_are_no_character_are_marked():
    cutter = tokenizer()
    first, second = cutter.encode("é")
    assert cutter.decode([first, second]) == "é"
    assert cutter.decode([first]) == "\ufffd"
