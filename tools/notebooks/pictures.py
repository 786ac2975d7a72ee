"""Pictures: decode two PNGs and compare what one sees; save one without a date."""

import base64
import io
import struct

import numpy as np
from PIL import Image

# What a reader would call another picture, measured on figures of 6 x 3.2 inches
# at 100 dots an inch. Each row is the root mean square of the difference, out of
# 255, over the whole picture and over its worst block of 16 x 16 pixels.
#
#     every pixel off by at most one level         0.99    1.0
#     every pixel off by at most two               1.9     1.9
#     a curve moved by 1e-6 of the axis            0.01    0.2
#     a curve moved by 1e-4 of the axis            0.35    1.8
#     ------------------------------------------------------- refused below here
#     a heat map's cell off by 0.1, of 64 x 64     0.3     6.2
#     a heat map's cell off by 0.1, of 32 x 32     0.6    10.1
#     a heat map's cell off by 0.1, of 16 x 16     1.2    14.4
#     a curve moved by 1e-3 of the axis            3.4    16.9
#     a tick label's 6 made an 8                   1.3    37.5
#
# Over the whole picture alone, the two changes that mislead would pass.
BLOCK = 16
WHOLE_PICTURE = 2.0
WORST_BLOCK = 4.0

# A PNG's chunks that decide how it looks; the others hold dates and programs.
_SEEN = {b"IHDR", b"PLTE", b"tRNS", b"pHYs", b"IDAT", b"IEND"}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def decode(png: str) -> np.ndarray:
    """Return the pixels of a base64 PNG, shape (height, width, 4), from 0 to 255."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        return np.asarray(image.convert("RGBA"), dtype=np.float64)


def width(png: str) -> int:
    """Return how many pixels wide a base64 PNG is."""
    return struct.unpack(">I", base64.b64decode(png)[16:20])[0]


def compare_pictures(saved: str, fresh: str) -> str | None:
    """Return how two base64 PNGs differ to the eye, or None."""
    if saved == fresh:
        return None
    try:
        old, new = decode(saved), decode(fresh)
    except (OSError, ValueError) as error:
        return f"a picture cannot be read: {error}"
    if old.shape != new.shape:
        (height, width, _), (new_height, new_width, _) = old.shape, new.shape
        return (
            f"saved {width} x {height} pixels, now {new_width} x {new_height}; "
            "is this the pinned Matplotlib?"
        )
    # The worst channel of each pixel, so that one colour cannot hide in three.
    squares = (np.abs(old - new).max(axis=-1)) ** 2
    whole = np.sqrt(squares.mean())
    if whole > WHOLE_PICTURE:
        return f"pictures differ by {whole:.2f} of 255 (allowed: {WHOLE_PICTURE})"
    blocks = block_means(squares)
    row, column = np.unravel_index(blocks.argmax(), blocks.shape)
    worst = np.sqrt(blocks.max())
    if worst > WORST_BLOCK:
        return (
            f"pictures differ by {worst:.1f} of 255 in the {BLOCK} x {BLOCK} pixels "
            f"at x = {column * BLOCK}, y = {row * BLOCK} (allowed: {WORST_BLOCK})"
        )
    return None


def block_means(pixels: np.ndarray) -> np.ndarray:
    """Return the mean of each block; those at the rim count as full ones."""
    height, width = pixels.shape
    padded = np.pad(pixels, ((0, -height % BLOCK), (0, -width % BLOCK)))
    rows, columns = padded.shape[0] // BLOCK, padded.shape[1] // BLOCK
    return padded.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3))


def without_metadata(png: str) -> str:
    """Return a base64 PNG without its text, its date and its line breaks."""
    data = base64.b64decode(png)
    if not data.startswith(_SIGNATURE):
        raise ValueError("an image/png output does not hold a PNG")
    kept, start = [_SIGNATURE], len(_SIGNATURE)
    while start < len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        end = start + 12 + length  # length, kind, content, checksum
        if kind in _SEEN:
            kept.append(data[start:end])
        start = end
    return base64.b64encode(b"".join(kept)).decode("ascii")
