"""Pictures in few colours: lines, areas and maps need no more, and weigh a third."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

__all__ = ["in_few_colours", "setup"]

COLOURS = 256
SMALL = 30_000  # bytes


def in_few_colours(path):
    """Save a picture anew, if it has no transparent parts and becomes smaller.

    Parameters
    ----------
    path : pathlib.Path
        A PNG.
    """
    with Image.open(path) as picture:
        if picture.mode not in ("RGB", "RGBA"):
            return
        if picture.mode == "RGBA" and picture.getchannel("A").getextrema()[0] < 255:
            return
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    other = path.with_suffix(".few")
    few.save(other, format="png", optimize=True)
    if other.stat().st_size < path.stat().st_size:
        other.replace(path)
    else:
        other.unlink()


def lighten(app, error):
    """Do so with the large pictures of the site."""
    if error is None and app.builder.name == "html":
        pictures = Path(app.outdir, "_images").glob("*.png")
        large = [path for path in pictures if path.stat().st_size > SMALL]
        with ThreadPoolExecutor(2) as workers:
            list(workers.map(in_few_colours, large))


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", lighten)
