"""A made-up model of a few numbers, as arrays and as the bytes of a GGUF file."""

import struct

import numpy as np

from attention_lib.book.real.model import LanguageModel
from attention_lib.book.real.tokenizer import SIGN

LAYERS, HEADS, WIDTH, D, INNER = 2, 2, 4, 2, 3
METADATA = {
    "llama.block_count": LAYERS,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": 1,
    "llama.attention.layer_norm_rms_epsilon": 0.0,
    "llama.rope.freq_base": 100.0,
    "tokenizer.ggml.tokens": [*SIGN.values(), "he", "Ġt", "Ġthe"],
    "tokenizer.ggml.merges": ["h e", "Ġ t", "Ġt he"],
}
SHAPES = {
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (D, WIDTH),
    "attn_v": (D, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (INNER, WIDTH),
    "ffn_up": (INNER, WIDTH),
    "ffn_down": (WIDTH, INNER),
}


def silent(n_tokens=3):
    """Give the arrays of a model whose layers add nothing."""
    embedding = np.zeros((n_tokens, WIDTH), np.float32)
    arrays = {"token_embd.weight": embedding}
    arrays["output_norm.weight"] = np.ones(WIDTH, np.float32)
    for layer in range(LAYERS):
        for name, shape in SHAPES.items():
            arrays[f"blk.{layer}.{name}.weight"] = np.zeros(shape, np.float32)
        for name in ("attn_norm", "ffn_norm"):
            arrays[f"blk.{layer}.{name}.weight"] = np.ones(WIDTH, np.float32)
    return arrays


def random(seed=0):
    """Give the arrays of a model that has a token for each of its signs."""
    rng = np.random.default_rng(seed)
    tokens = len(METADATA["tokenizer.ggml.tokens"])
    return {
        name: rng.normal(size=array.shape).astype(np.float32)
        for name, array in silent(tokens).items()
    }


def model(arrays):
    """Give the model of some arrays."""
    return LanguageModel(METADATA, arrays)


def text(words):
    """Write a text, as a GGUF file has it."""
    raw = words.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def value(entry):
    """Write a whole number, a float, a text, or a list of texts, with its type."""
    if isinstance(entry, list):
        return struct.pack("<IIQ", 9, 8, len(entry)) + b"".join(map(text, entry))
    if isinstance(entry, str):
        return struct.pack("<I", 8) + text(entry)
    if isinstance(entry, int):
        return struct.pack("<II", 4, entry)
    return struct.pack("<If", 6, entry)


def gguf(metadata, tensors, alignment=32):
    """Write a GGUF file, whose tensors are given as shape, type and bytes."""
    written = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for name, entry in metadata.items():
        written += text(name) + value(entry)
    numbers = b""
    for name, (shape, kind, raw) in tensors.items():
        axes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        written += text(name) + axes + struct.pack("<IQ", kind, len(numbers))
        numbers += raw + bytes(-len(raw) % alignment)
    return written + bytes(-len(written) % alignment) + numbers


def plain_file(arrays):
    """Write the file of a model in float32."""
    tensors = {name: (a.shape, 0, a.tobytes()) for name, a in arrays.items()}
    return gguf(METADATA, tensors)
