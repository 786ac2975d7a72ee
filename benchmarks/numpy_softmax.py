"""Softmax of NumPy arrays, against scipy.special.softmax."""

from collections.abc import Iterator

import numpy as np
import scipy.special

from attention_lib import softmax
from benchmarks.timing import Row, time_in_turn

GOALS = {(4096, 4096): 1.8, (1_000_000, 8): 4.0, (64, 32768): 1.4}


def rows() -> Iterator[Row]:
    """Compare many long rows, very many short ones, and a few very long ones."""
    for shape, goal in GOALS.items():
        x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        np.testing.assert_allclose(
            softmax(x), scipy.special.softmax(x, axis=-1), rtol=2e-5
        )
        pairs = time_in_turn(
            lambda x=x: softmax(x), lambda x=x: scipy.special.softmax(x, axis=-1)
        )
        case = " x ".join(f"{n:,}" for n in shape)
        yield Row(case, "scipy", "times faster", goal, pairs)
