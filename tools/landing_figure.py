"""Draw the landing page's figure into assets/: ``python -m tools.landing_figure``."""

from pathlib import Path

import matplotlib as mpl

from attention_lib.book.plots import landing_figure
from tools.plates import in_few_colours

__all__ = ["PLACE", "drawn", "main"]

PLACE = Path(__file__).parent.parent / "assets" / "fading.png"


def drawn():
    """Give the figure as the bytes of a PNG without a date or a version."""
    mpl.use("agg")
    return in_few_colours(landing_figure())


def main():
    """Write the figure."""
    PLACE.write_bytes(drawn())


if __name__ == "__main__":
    main()
