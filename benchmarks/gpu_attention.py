"""What is timed of attention on a GPU: against SDPA, the package, the eager way."""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

import attention_lib as al
from benchmarks.gpu_case import HALF, SLACK, WHOLE, Case, normal

__all__ = ["of_attention", "of_others"]

# Of the speed of torch's own softmax attention, forward and both ways; by the features
# of a head, whether causal, and the length.
STREAMED = {
    (64, False, 4096): {
        "softmax1": (0.90, 0.92),
        "sigmoid": (1.03, 0.96),
        "normalized_sigmoid": (0.93, 0.84),
        "relu": (1.33, 1.12),
        "normalized_relu": (1.19, 0.93),
        "softpick": (0.79, 0.78),
    },
    (64, True, 4096): {
        "softmax1": (0.89, 0.95),
        "sigmoid": (1.04, 1.02),
        "normalized_sigmoid": (0.93, 0.88),
        "relu": (1.24, 1.17),
        "normalized_relu": (1.10, 0.94),
        "softpick": (0.79, 0.80),
    },
    (128, True, 4096): {
        "softmax1": (0.76, 0.81),
        "sigmoid": (0.84, 0.82),
        "normalized_sigmoid": (0.80, 0.73),
        "relu": (0.99, 0.95),
        "normalized_relu": (0.92, 0.84),
        "softpick": (0.70, 0.77),
    },
    # As at 4,096, within .08.
    (64, True, 16_384): {
        "softmax1": (0.86, 0.92),
        "normalized_sigmoid": (0.90, 0.85),
    },
}
# By weighting, length, whether causal, and how many times as large the scores are.
SPARSE = {
    ("entmax15", 4096, False, 1): (0.32, 0.50),
    ("entmax15", 16_384, True, 1): (0.35, 0.50),
    ("entmax15", 4096, False, 4): (0.32, 0.52),
    ("entmax15", 16_384, False, 4): (0.43, 0.77),
    ("sparsemax", 4096, False, 1): (0.30, 0.56),
}


def of_attention(lines=None):
    """Give softmax, then so many lines of the tables above, all if None."""
    yield from _softmax()
    yield from _streamed(list(STREAMED.items())[:lines])
    yield from _sparse(list(SPARSE.items())[:lines])


def _both_ways(attend, given):
    """Give a call that attends and differentiates."""
    leaves = [a.detach().requires_grad_() for a in given]
    pull = torch.ones_like(attend(*given))
    return lambda: torch.autograd.grad(attend(*leaves), leaves, pull)


def _attention(ours, peer, sizes, dtype=HALF, both=False, exact=False, kv_heads=None):
    """Return what makes both sides of a case of attention: functions of q, k, v."""

    def make(device, size, seed=0):
        few = {"few": (1, 1, 256, sizes[-1]), "tiny": (1, 1, 20, 16)}
        of_keys = (sizes[0], kv_heads or sizes[1], *sizes[2:])
        # In the interpreter a product of bfloat16 is nonsense.
        kind = torch.float16 if size == "tiny" and dtype == HALF else dtype
        given = [
            normal(few.get(size, whole), device, kind, 3 * seed + i)
            for i, whole in enumerate((sizes, of_keys, of_keys))
        ]
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


def _sdpa(causal, **options):
    return lambda *given: sdpa(*given, is_causal=causal, **options)


def _ours(weighting, causal, **options):
    return _Ours(weighting, is_causal=causal, **options)


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
    for (d, causal, n), goals in table:
        for name, reached in goals.items():
            for both, share in zip((False, True), reached, strict=True):
                sizes = (4 if n == 4096 else 1, 16, n, d)
                made = _attention(_ours(name, causal), _sdpa(causal), sizes, both=both)
                case = f"{name} attention{', both ways' * both}, {_sizes(d, causal, n)}"
                yield Case(case, "SDPA", "times faster", share - SLACK, made, 3)


def _sparse(table):
    """Sparse attention, against torch's softmax and against dense with the package."""
    for (name, n, causal, times), reached in table:
        sharp = {"scale": times / math.sqrt(64)}
        for both, share in zip((False, True), reached, strict=True):
            made = _attention(
                _ours(name, causal, **sharp), _sdpa(causal), (1, 16, n, 64), both=both
            )
            case = f"{name} attention{', both ways' * both}, {_sizes(64, causal, n)}"
            case += f", scores x {times}" * (times > 1)
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


def of_others():
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
    shared = {"enable_gqa": True}
    made = _attention(
        _ours("softmax1", True, **shared), _sdpa(True, **shared), sizes, kv_heads=4
    )
    yield Case(
        f"softmax1 attention, four query heads a key head, {_sizes(64, True)}",
        "SDPA",
        "times faster",
        0.89 - SLACK,
        made,
        3,
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
