"""The colours of the book, for its figures, its pages and their scripts.

Each has two shades, one to stand on white and one to stand on a dark page, and each
shade has there the contrast of 4.5 that a word needs: lines are named in their own
colour. Neither tells anything alone: lines also differ in their dashes and marks.
"""

from typing import NamedTuple

__all__ = ["INK", "SERIES", "WEIGHTINGS", "Colour"]


class Colour(NamedTuple):
    """A colour in its two shades, as ``#rrggbb``."""

    light: str
    dark: str


INK = Colour("#1f1f1f", "#f2f2f2")
INDIGO = Colour("#332288", "#a79bf0")
BLUE = Colour("#2b6be0", "#7fa9f7")
WINE = Colour("#661100", "#f0a58f")
ROSE = Colour("#c93a55", "#ff9aa6")
GREEN = Colour("#117733", "#66c789")
AMBER = Colour("#a8510b", "#f0a04b")
TEAL = Colour("#00687a", "#5cc8d6")
PURPLE = Colour("#8a3d9e", "#d79be6")
OLIVE = Colour("#6b6414", "#cfc65e")
GREY = Colour("#5f6368", "#b8bcc2")

# The lines of a figure in their order, whatever they are: keys, layers, methods.
SERIES = (INDIGO, BLUE, WINE, ROSE)

# One colour a rule, by the names of the library: dividing by a sum or scaling the
# scores leaves it. "raw" is the score itself.
WEIGHTINGS = {
    "softmax": INDIGO,
    "scalable_softmax": INDIGO,
    "softmax1": TEAL,
    "entmax": BLUE,
    "sparsemax": WINE,
    "softpick": PURPLE,
    "sigmoid": GREEN,
    "normalized_sigmoid": GREEN,
    "relu": AMBER,
    "normalized_relu": AMBER,
    "normalized_tanh": OLIVE,
    "hardmax": INK,
    "top_k_softmax": GREY,
    "raw": ROSE,
}
