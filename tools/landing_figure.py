"""Draw the landing page's figure into assets/: ``python -m tools.landing_figure``."""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl

from attention_lib.book.plots import landing_figure

__all__ = ["PLACE", "drawn", "main"]

PLACE = Path(__file__).parent.parent / "assets" / "fading.png"


def drawn():
    """Give the figure as the bytes of a PNG without a date or a version."""
    mpl.use("agg")
    picture = BytesIO()
    landing_figure().savefig(
        picture, format="png", dpi=200, metadata={"Software": None}
    )
    return picture.getvalue()


def main():
    """Write the figure."""
    PLACE.write_bytes(drawn())


if __name__ == "__main__":
    main()
