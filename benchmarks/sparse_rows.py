"""Sparse rows, against the entmax package: its defaults, and its best partial sort."""

from collections.abc import Iterator

import numpy as np
import torch
from entmax import entmax15, entmax_bisect
from entmax import sparsemax as their_sparsemax

from attention_lib import entmax, sparsemax
from benchmarks.timing import Row, seconds_a_call, time_in_turn

LARGE = (4096, 4096)
SHAPES = {LARGE: 1.0, (65536, 128): 1.0, (64, 32768): 0.95}
SCALES = (0.1, 1.0, 10.0)
SORTED = (32, 128, 512)  # keys that the package may sort instead of all


def rows() -> Iterator[Row]:
    """Compare with the defaults first, then with the best choice for each case."""
    x = scores(LARGE, 1.0)
    tensor = torch.from_numpy(x)
    cases = (
        ("sparsemax", lambda a: sparsemax(a), lambda: their_sparsemax(tensor), 9, 15),
        ("entmax-1.5", lambda a: entmax(a), lambda: entmax15(tensor), 10, 15),
        (
            "alpha 1.25",
            lambda a: entmax(a, 1.25),
            lambda: entmax_bisect(tensor, alpha=1.25),
            30,
            None,
        ),
    )
    for name, ours, peer, torch_goal, numpy_goal in cases:
        torch.testing.assert_close(ours(tensor), peer(), rtol=1e-3, atol=1e-5)
        pairs = time_in_turn(lambda ours=ours: ours(tensor), peer, pairs=7)
        yield Row(f"{name}, torch", "entmax", "times faster", torch_goal, pairs)
        if numpy_goal:
            pairs = time_in_turn(lambda ours=ours: ours(x), peer, pairs=7)
            case = f"{name}, NumPy against torch"
            yield Row(case, "entmax", "times faster", numpy_goal, pairs)
    yield from against_the_best()


def against_the_best() -> Iterator[Row]:
    """Compare with the fastest partial sort of the package, shape by shape."""
    for shape, goal in SHAPES.items():
        for scale in SCALES:
            tensor = torch.from_numpy(scores(shape, scale))
            for name, ours, peer in (
                ("sparsemax", sparsemax, their_sparsemax),
                ("entmax-1.5", entmax, entmax15),
            ):
                best = fastest(peer, tensor, min(shape[1], max(SORTED)))
                pairs = time_in_turn(
                    lambda ours=ours, a=tensor: ours(a),
                    lambda peer=peer, a=tensor, k=best: peer(a, k=k),
                    pairs=7,
                )
                case = f"{name}, {shape[0]:,} x {shape[1]:,}, scores x {scale:g}"
                yield Row(case, f"entmax, k={best}", "times faster", goal, pairs)


def fastest(peer, tensor, most):
    """Give the k with which the package is fastest here; None sorts everything."""
    times = {}
    for k in (None, *(k for k in SORTED if k <= most)):
        peer(tensor, k=k)
        times[k] = seconds_a_call(lambda k=k: peer(tensor, k=k), 1)
    return min(times, key=times.get)


def scores(shape, scale):
    """Give normal scores in float32."""
    rng = np.random.default_rng(0)
    return scale * rng.standard_normal(shape, dtype=np.float32)
