"""What is timed of rows on a GPU, against a copy, torch's softmax and the package."""

import torch

from benchmarks.gpu_case import HALF, SLACK, WHOLE, Case, normal, weighting_of

__all__ = ["of_rows"]

SHAPES = {  # rows, keys, dtype; what of a copy's speed was reached, by weighting
    (4096, 4096, WHOLE): {"softmax1": 1.00, "softpick": 1.00,
                          "normalized_sigmoid": 0.98, "sparsemax": 0.93,
                          "entmax15": 0.97, "entmax": 0.82},
    (4096, 4096, HALF): {"softmax1": 1.05, "softpick": 0.95, "normalized_sigmoid": 0.93,
                         "sparsemax": 0.73, "entmax15": 0.85, "entmax": 0.52},
    (65_536, 1024, WHOLE): {"softmax1": 0.99, "sparsemax": 0.98, "entmax15": 0.99,
                            "entmax": 0.61},
    (1_000_000, 64, WHOLE): {"softmax1": 0.99, "sparsemax": 0.73, "entmax15": 0.77,
                             "entmax": 0.48},
    (8192, 32_768, WHOLE): {"softmax1": 0.91, "sparsemax": 0.93, "entmax15": 0.92},
    (8192, 32_768, HALF): {"softmax1": 0.62, "entmax15": 0.60},
}  # fmt: skip
BACKWARD = {(4096, WHOLE): 0.92, (4096, HALF): 0.77, (32_768, WHOLE): 0.86,
            (32_768, HALF): 0.97, (1024, WHOLE): 1.03, (64, WHOLE): 1.02}  # fmt: skip


def of_rows(lines=None):
    """Give the cases of so many shapes, all if None."""
    yield from _rows(list(SHAPES.items())[:lines])


def _name(weighting):
    return "entmax, alpha 1.25" if weighting == "entmax" else weighting


def _short(dtype):
    return "float32" if dtype == WHOLE else "bfloat16"


def _rows(table):
    """Weigh rows, against a copy of the same bytes, torch's softmax and the package."""
    for (r, n, dtype), goals in table:
        shape = f"{r:,} x {n:,}, {_short(dtype)}"
        yield Case(
            f"softmax, {shape}",
            "torch.softmax",
            "times faster",
            1.0,
            _row("softmax", r, n, dtype, "torch.softmax"),
        )
        for name, share in goals.items():
            yield Case(
                f"{_name(name)}, {shape}",
                "copy",
                "times faster",
                share - SLACK,
                _row(name, r, n, dtype, "copy"),
            )
            if name in ("softmax1", "entmax15"):
                share = BACKWARD[n, dtype]
                yield Case(
                    f"{name} backward, {shape}",
                    "copy",
                    "times faster",
                    share - SLACK,
                    _row(name, r, n, dtype, "copy", True),
                )
            if name in ("sparsemax", "entmax15") and dtype == WHOLE:
                yield Case(
                    f"{name}, {shape}",
                    "entmax",
                    "times faster",
                    25.0,
                    _row(name, r, n, dtype, "entmax"),
                )
    for name in ("sparsemax", "entmax15"):
        yield Case(
            f"{name} backward, 4,096 x 4,096, float32",
            "entmax",
            "times faster",
            4.0,
            _row(name, 4096, 4096, WHOLE, "entmax", True),
        )


def _row(name, r, n, dtype, peer, backward=False):
    """Return what makes both sides of a case of rows."""

    def make(device, size, seed=0):
        shape = {"whole": (r, n), "few": (16, n), "tiny": (16, min(n, 64))}[size]
        x = normal(shape, device, dtype, seed)
        if peer == "copy":
            # Forward reads and writes a row once; backward reads two and writes one.
            count = x.numel() * (3 if backward else 2) // 2
            given, out = x.new_ones(count), x.new_empty(count)
            theirs = _copy(given, out)
        else:
            theirs = _of_rows(_package(name, peer), x, backward)
        return _of_rows(weighting_of(name), x, backward), theirs

    return make


def _copy(given, out):
    return lambda: out.copy_(given)


def _package(name, peer):
    """Give the peer's function of rows."""
    if peer == "torch.softmax":
        return lambda x: torch.softmax(x, -1)
    import entmax

    return getattr(entmax, name)


def _of_rows(weigh, x, backward):
    """Give a call of rows, forward or backward alone."""
    if not backward:
        return lambda: weigh(x)
    given, pull = x.detach().requires_grad_(), torch.randn_like(x)
    weights = weigh(given)
    return lambda: torch.autograd.grad(weights, given, pull, retain_graph=True)
