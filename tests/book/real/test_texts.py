"""The frozen texts: whole, unchanged, and each with its source and terms."""

import hashlib

from attention_lib.book.real import SOURCES, texts

FROZEN = "572d4d1289f658be3cf346c6805561067863e54947fc57fc1aa4b5ab6e808089"
TOKENS = 49152  # that the model knows


def test_the_texts_are_those_that_were_measured():
    read = texts()
    assert list(read) == list(SOURCES)
    assert {ids.shape for ids in read.values()} == {(2048,)}
    assert all(ids.min() >= 0 and ids.max() < TOKENS for ids in read.values())
    digest = hashlib.sha256(b"".join(i.astype("<i8").tobytes() for i in read.values()))
    assert digest.hexdigest() == FROZEN


def test_some_of_them_are_their_beginnings():
    whole = texts()
    for name, ids in texts(5).items():
        assert ids.tolist() == whole[name][:5].tolist()


def test_each_has_a_source_and_a_licence():
    for source in SOURCES.values():
        assert source.title
        assert source.licence.startswith(("CC BY 4.0, ", "PSF-2.0 (https://"))
