"""The reader, on files written here byte by byte."""

import struct

import numpy as np
import pytest

from attention_lib.book.real.gguf import read_gguf
from tests.book.real import tiny


def half(number):
    return np.float16(number).tobytes()


def read_one(shape, kind, raw):
    _, tensors = read_gguf(tiny.gguf({}, {"x": (shape, kind, raw)}))
    return tensors["x"]


def test_metadata_come_back_as_they_were_written():
    written = {
        "an int": 7,
        "a float": 0.5,
        "a text": "Ġthé",
        "a list": ["a", "", "b c"],
    }
    assert read_gguf(tiny.gguf(written, {})) == (written, {})


@pytest.mark.parametrize("alignment", [32, 64])
def test_each_tensor_is_found_at_its_place(alignment):
    arrays = {"a": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.ones(5, "<f4") / 3}
    given = {name: (a.shape, 0, a.tobytes()) for name, a in arrays.items()}
    metadata = {"general.alignment": alignment}
    _, found = read_gguf(tiny.gguf(metadata, given, alignment))
    assert list(found) == ["a", "b"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_q8_0_is_a_step_times_signed_bytes():
    levels = np.arange(-32, 32, dtype=np.int8)
    blocks = half(0.25) + levels[:32].tobytes() + half(2) + levels[32:].tobytes()
    expected = [[*levels[:32] * 0.25], [*levels[32:] * 2.0]]
    np.testing.assert_array_equal(read_one((2, 32), 8, blocks), expected)


def test_q4_1_is_a_step_times_half_bytes_and_the_least():
    # The lower halves count up and are the first 16 numbers; the upper ones count down.
    raw = bytes(i | (15 - i) << 4 for i in range(16))
    found = read_one((32,), 3, half(0.5) + half(-1) + raw)
    up = np.arange(16) * 0.5 - 1
    np.testing.assert_array_equal(found, [*up, *up[::-1]])
    assert found.dtype == np.float32


def test_what_is_not_read_is_refused():
    with pytest.raises(ValueError, match="starts with b'GGUF'; got b'PK"):
        read_gguf(b"PK\3\4")
    with pytest.raises(ValueError, match="got version 2"):
        read_gguf(b"GGUF" + struct.pack("<IQQ", 2, 0, 0))
    with pytest.raises(ValueError, match="x is of type 2; only F32, Q4_1, Q8_0"):
        read_one((32,), 2, bytes(18))
