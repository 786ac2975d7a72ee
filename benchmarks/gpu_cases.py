"""What is timed on a GPU: rows and attention by the library's public functions.

The goals are those of the prototypes' figures, within .05 (the times of one kernel lie
that far apart); a case without such a figure must not be slower than its peer.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

import attention_lib as al

__all__ = ["Case", "cases"]

WHOLE, HALF = torch.float32, torch.bfloat16
SLACK = 0.05
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
# Of the speed of torch's own softmax attention, forward and both ways.
STREAMED = {
    (64, False): {"softmax1": (0.90, 0.92), "sigmoid": (1.03, 0.96),
                  "normalized_sigmoid": (0.93, 0.84), "relu": (1.33, 1.12),
                  "normalized_relu": (1.19, 0.93), "softpick": (0.79, 0.78)},
    (64, True): {"softmax1": (0.89, 0.95), "sigmoid": (1.04, 1.02),
                 "normalized_sigmoid": (0.93, 0.88), "relu": (1.24, 1.17),
                 "normalized_relu": (1.10, 0.94), "softpick": (0.79, 0.80)},
    (128, True): {"softmax1": (0.76, 0.81), "sigmoid": (0.84, 0.82),
                  "normalized_sigmoid": (0.80, 0.73), "relu": (0.99, 0.95),
                  "normalized_relu": (0.92, 0.84), "softpick": (0.70, 0.77)},
}  # fmt: skip
SPARSE = {(4096, False): (0.32, 0.50), (16_384, True): (0.35, 0.50)}


@dataclass(frozen=True)
class Case:
    """One comparison.

    `make` takes a device, a size and a seed, and gives calls of both sides, and of what
    is exact where errors are compared. The size is "whole", "few" of the same rows, for
    which the same kernels are compiled, or "tiny".
    """

    name: str
    peer: str
    measure: str
    goal: float
    make: Callable
    best_of: int = 1


def cases(few: bool = False) -> Iterator[Case]:
    """Give what is timed, the most important first; `few`: of each table one line."""
    lines = 1 if few else None
    yield from _softmax()
    yield from _streamed(list(STREAMED.items())[:lines])
    yield from _sparse(list(SPARSE.items())[:lines])
    yield from _rows(list(SHAPES.items())[:lines])
    yield from _others()


def _name(weighting):
    return "entmax, alpha 1.25" if weighting == "entmax" else weighting


def _weighting(name):
    return al.Entmax(1.25) if name == "entmax" else al.get_weighting(name)


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
        x = _normal(shape, device, dtype, seed)
        if peer == "copy":
            # Forward reads and writes a row once; backward reads two and writes one.
            count = x.numel() * (3 if backward else 2) // 2
            given, out = x.new_ones(count), x.new_empty(count)
            theirs = _copy(given, out)
        else:
            theirs = _of_rows(_package(name, peer), x, backward)
        return _of_rows(_weighting(name), x, backward), theirs

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


def _normal(shape, device, dtype, seed):
    generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(shape, generator=generator, device=device, dtype=WHOLE).to(dtype)


def _both_ways(attend, given):
    """Give a call that attends and differentiates."""
    leaves = [a.detach().requires_grad_() for a in given]
    pull = torch.ones_like(attend(*given))
    return lambda: torch.autograd.grad(attend(*leaves), leaves, pull)


def _attention(ours, peer, sizes, dtype=HALF, both=False, exact=False):
    """Return what makes both sides of a case of attention: functions of q, k, v."""

    def make(device, size, seed=0):
        shapes = {"whole": sizes, "few": (1, 1, 256, sizes[-1]), "tiny": (1, 1, 20, 16)}
        # In the interpreter a product of bfloat16 is nonsense.
        kind = torch.float16 if size == "tiny" and dtype == HALF else dtype
        given = [_normal(shapes[size], device, kind, 3 * seed + i) for i in range(3)]
        made = [
            _both_ways(side, given) if both else _forward(side, given)
            for side in (ours, peer)
        ]
        if exact:
            return *made, _forward(_dense(ours.weighting), [a.double() for a in given])
        return made

    return make


def _forward(attend, given):
    return lambda: attend(*given)


class _Ours:
    """The library's attention with some options, by the way that it chooses itself."""

    def __init__(self, weighting, **options):
        self.weighting, self.options = weighting, options

    def __call__(self, query, key, value):
        method = "auto" if query.is_cuda else "triton"
        options = {"method": method} | self.options
        return al.scaled_dot_product_attention(
            query, key, value, weighting=self.weighting, **options
        )


def _dense(weighting, **options):
    return _Ours(weighting, method="dense", **options)


def _sdpa(causal):
    return lambda *given: sdpa(*given, is_causal=causal)


def _ours(weighting, causal):
    return _Ours(weighting, is_causal=causal)


def _sizes(d, causal, n=4096):
    return f"{'causal, ' * causal}n = {n:,}, d = {d}, bfloat16"


def _softmax():
    """Softmax by the library, against torch's own function called directly."""
    for causal, most in ((False, 1.05), (True, 1.1)):
        ours = _Ours("softmax", is_causal=causal, method="auto")
        made = _attention(ours, _sdpa(causal), (4, 16, 4096, 64))
        yield Case(
            f"softmax attention, {_sizes(64, causal)}",
            "SDPA",
            "times as long",
            most,
            made,
            3,
        )


def _streamed(table):
    """Other weightings, against torch's softmax."""
    for (d, causal), goals in table:
        for name, reached in goals.items():
            for both, share in zip((False, True), reached, strict=True):
                made = _attention(
                    _ours(name, causal), _sdpa(causal), (4, 16, 4096, d), both=both
                )
                case = f"{name} attention{', both ways' * both}, {_sizes(d, causal)}"
                yield Case(case, "SDPA", "times faster", share - SLACK, made, 3)


def _sparse(table):
    """Sparse attention, against torch's softmax and against dense with the package."""
    for (n, causal), reached in table:
        for both, share in zip((False, True), reached, strict=True):
            made = _attention(
                _ours("entmax15", causal), _sdpa(causal), (1, 16, n, 64), both=both
            )
            case = f"entmax15 attention{', both ways' * both}, {_sizes(64, causal, n)}"
            yield Case(case, "SDPA", "times faster", share - SLACK, made, 3)
    for both, goal in ((False, 50.0), (True, 25.0)):
        made = _attention(
            _ours("entmax15", False), _dense_with_package, (1, 16, 4096, 64), both=both
        )
        case = f"entmax15 attention{', both ways' * both}, {_sizes(64, False)}"
        yield Case(case, "dense with entmax", "times faster", goal, made)
    made = _attention(
        _ours("entmax15", True), _sdpa(True), (1, 16, 16_384, 64), both=True
    )
    yield Case(
        f"entmax15 attention, both ways, {_sizes(64, True, 16_384)}",
        None,
        "MB",
        150.0,
        made,
    )


def _dense_with_package(query, key, value):
    import entmax

    scores = query @ key.mT / math.sqrt(query.shape[-1])
    return entmax.entmax15(scores, -1) @ value


def _others():
    """Flex attention, the dense and the eager way, float32, and a small weight."""
    capped = _Ours("softmax", softcap=20.0)
    sizes = (4, 16, 4096, 64)
    yield Case(
        f"softmax attention with a softcap, {_sizes(64, False)}",
        "FlexAttention",
        "times faster",
        1.0,
        _attention(capped, _flex, sizes),
    )
    for name in ("softpick", "sigmoid", "entmax15"):
        made = _attention(_ours(name, False), _dense(name), (1, 16, 4096, 64))
        yield Case(
            f"{name} attention, {_sizes(64, False)}",
            "dense",
            "times faster",
            0.95,
            made,
        )
    eager = _Ours(al.Softpick(), method="streaming")
    made = _attention(eager, _dense("softpick"), (1, 16, 4096, 64))
    yield Case(
        f"softpick attention in blocks, {_sizes(64, False)}",
        "dense",
        "times faster",
        0.95,
        made,
    )
    for name in ("softmax1", "entmax15"):
        made = _attention(_ours(name, False), _sdpa(False), (1, 16, 4096, 64), WHOLE)
        yield Case(
            f"{name} attention, n = 4,096, d = 64, float32 (ieee)",
            "SDPA",
            "times faster",
            0.3,
            made,
            3,
        )
    small = al.Sigmoid("-log n")
    for name, weighting in (
        ("sigmoid, bias -log n", small),
        ("softpick", al.Softpick()),
    ):
        made = _attention(
            _ours(weighting, False),
            _dense_in_its_dtype(weighting),
            (1, 4, 2048, 64),
            exact=True,
        )
        yield Case(
            f"error of {name}, n = 2,048, d = 64, bfloat16",
            "dense",
            "times as much",
            2.0,
            made,
        )


def _dense_in_its_dtype(weighting):
    """Give dense attention as torch writes it: each step rounded to the dtype."""

    def attend(query, key, value):
        scores = query @ key.mT / math.sqrt(query.shape[-1])
        return weighting(scores.float()).to(value.dtype) @ value

    return attend


def _flex(query, key, value):
    from torch.nn.attention.flex_attention import flex_attention

    def capped(score, *place):
        return 20.0 * torch.tanh(score / 20.0)

    call = flex_attention
    if query.is_cuda:
        call = _COMPILED.setdefault(
            "flex", torch.compile(flex_attention, dynamic=False)
        )
    return call(query, key, value, score_mod=capped)


_COMPILED = {}
