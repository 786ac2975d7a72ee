"""What only the chapters need: the claims, the figures' style, the experiments.

The library below never imports this package.
"""

__all__ = ["set_up"]


def set_up():
    """Give a chapter its style: figures from `book.mplstyle`, arrays in four digits."""
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    plt.style.use("attention_lib.book.book")
    # The figure as laid out, not cropped: its size must not depend on the fonts.
    set_matplotlib_formats("png", bbox_inches=None)
    np.set_printoptions(precision=4, suppress=True, floatmode="maxprec_equal")
