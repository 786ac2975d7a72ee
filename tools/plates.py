"""Draw the plates of the chapters into assets/plates: ``python -m tools.plates``."""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from PIL import Image

from attention_lib.book.plates import PLATES, plate

__all__ = ["FOLDER", "drawn", "in_few_colours", "main", "place"]

FOLDER = Path(__file__).parent.parent / "assets" / "plates"
DPI = 200
COLOURS = 64  # enough for few colours and their edges, at a third of the bytes


def place(page):
    """Give where the plate of a page is saved."""
    return FOLDER / f"{page}.png"


def drawn(page):
    """Give a plate as the bytes of a PNG without a date or a version."""
    mpl.use("agg")
    return in_few_colours(plate(page))


def in_few_colours(figure):
    """Give a figure as the bytes of such a PNG, and close it."""
    picture, small = BytesIO(), BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    plt.close(figure)
    few = Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue()


def main():
    """Write all plates."""
    FOLDER.mkdir(exist_ok=True)
    for page in PLATES:
        place(page).write_bytes(drawn(page))


if __name__ == "__main__":
    main()
