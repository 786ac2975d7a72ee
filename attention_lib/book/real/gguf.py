"""Read a GGUF file: what it says of its model, and the model's numbers.

The format is that of llama.cpp, version 3, little endian
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): a header; metadata by name;
the name, shape and type of each tensor; and the bytes of all, aligned.
"""

import math
import struct

import numpy as np

__all__ = ["read_gguf"]

# By number of the type, as `struct` writes it; 8 is text and 9 a list.
PLAIN = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
TEXT, LIST = 8, 9


def read_gguf(data):
    """Read the metadata and the tensors of a model.

    Parameters
    ----------
    data : bytes
        The whole file. Its tensors may be F32, Q4_1 or Q8_0.

    Returns
    -------
    metadata : dict of str
        Numbers, truths, texts and lists of these, by name.
    tensors : dict of str to array of float32
        The last axis is the one that is stored without gaps.

    Raises
    ------
    ValueError
        If this is no GGUF file of version 3, or a tensor is of another type.
    """
    at = _Cursor(data)
    if data[:4] != b"GGUF":
        raise ValueError(f"a GGUF file starts with b'GGUF'; got {data[:4]!r}")
    at.place = 4
    if (version := at.number("I")) != 3:
        raise ValueError(f"only version 3 of GGUF is read; got version {version}")
    n_tensors, n_metadata = at.number("Q"), at.number("Q")
    metadata = {at.text(): at.value(at.number("I")) for _ in range(n_metadata)}
    listed = [at.listed_tensor() for _ in range(n_tensors)]
    aligned = metadata.get("general.alignment", 32)
    start = -(-at.place // aligned) * aligned
    tensors = {
        name: _numbers(name, data, start + offset, shape, kind)
        for name, shape, kind, offset in listed
    }
    return metadata, tensors


class _Cursor:
    """A place in the file, which moves past what is read there."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def number(self, form):
        (value,) = struct.unpack_from(f"<{form}", self.data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return value

    def text(self):
        size = self.number("Q")
        self.place += size
        return self.data[self.place - size : self.place].decode("utf-8")

    def value(self, kind):
        if kind == TEXT:
            return self.text()
        if kind == LIST:
            kind, size = self.number("I"), self.number("Q")
            return [self.value(kind) for _ in range(size)]
        return self.number(PLAIN[kind])

    def listed_tensor(self):
        name, n_axes = self.text(), self.number("I")
        shape = [self.number("Q") for _ in range(n_axes)][::-1]
        return name, shape, self.number("I"), self.number("Q")


def _f32(blocks):
    return blocks.view("<f4")


def _q4_1(blocks):
    """Give ``step · level + least``: a level is half a byte, of 0 to 15."""
    step, least = _float16(blocks[:, :2]), _float16(blocks[:, 2:4])
    levels = blocks[:, 4:]
    # The lower halves are the first 16 numbers, the upper halves the other 16.
    return step * np.concatenate([levels & 15, levels >> 4], axis=1) + least


def _q8_0(blocks):
    """Give ``step · level``: a level is a signed byte."""
    return _float16(blocks[:, :2]) * blocks[:, 2:].view(np.int8)


def _float16(pairs):
    return np.ascontiguousarray(pairs).view("<f2").astype(np.float32)


# By number of the type: what unpacks a block, and its numbers and bytes.
BLOCKS = {0: (_f32, 1, 4), 3: (_q4_1, 32, 20), 8: (_q8_0, 32, 34)}


def _numbers(name, data, start, shape, kind):
    """Give a tensor's numbers."""
    if kind not in BLOCKS:
        raise ValueError(f"{name} is of type {kind}; only F32, Q4_1, Q8_0 are read")
    unpacked, numbers, size = BLOCKS[kind]
    n_blocks = math.prod(shape) // numbers
    blocks = np.frombuffer(data, np.uint8, n_blocks * size, start)
    return unpacked(blocks.reshape(n_blocks, size)).astype(np.float32).reshape(shape)
