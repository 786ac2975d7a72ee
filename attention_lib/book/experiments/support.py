"""What torch may do with each weighting: dtypes, autocast, transforms, and tracers.

Each is tried on random rows, and attention with it is taken apart for inputs of other
numbers or sizes, or of no numbers. What gives the right result is supported.
"""

import numpy as np
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.law_table import WEIGHTINGS, label

__all__ = ["protocol", "support"]

ROWS = np.random.default_rng(0).normal(size=(200, 5))
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPES = ("float16", "bfloat16", "float32", "float64")


def protocol():
    """Try every weighting of the table.

    Returns
    -------
    dict
        ``device``: where it was run, and ``rows``: one list for each weighting, as
        `support` gives it.
    """
    return {"device": DEVICE, "rows": [support(weighting) for weighting in WEIGHTINGS]}


def support(weighting):
    """Try one weighting.

    Returns
    -------
    list of str
        Name, then "yes" or "no" for each dtype, for autocast, ``torch.func.vmap`` and
        ``torch.compile(fullgraph=True)``, and what breaks in attention with it (see
        `TRACERS`).
    """
    rows = torch.tensor(ROWS, device=DEVICE)
    exact = weighting(rows)

    def works(compute, close):
        try:
            return bool(torch.allclose(compute().double(), exact, atol=close))
        except Exception:  # whatever goes wrong, it is not supported
            return False

    def in_dtype(name):
        dtype = getattr(torch, name)
        close = 20 * float(torch.finfo(dtype).eps)
        return works(lambda: weighting(rows.to(dtype)), close)

    def autocast():
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            return weighting(rows)

    def compiled():
        torch._dynamo.reset()
        call = torch.compile(lambda x: weighting(x), fullgraph=True, backend="eager")
        return call(rows)

    answers = [in_dtype(name) for name in DTYPES]
    answers += [works(autocast, 1e-9)]
    answers += [works(lambda: torch.func.vmap(weighting)(rows), 1e-9)]
    answers += [works(compiled, 1e-9)]
    broken = ", ".join(_broken(weighting)) or "nothing"
    said = ["yes" if answer else "no" for answer in answers]
    return [label(weighting), *said, broken]


def _broken(weighting):
    """Name what cannot take attention apart, or gives something else."""

    class Attend(torch.nn.Module):
        def forward(self, query, key, value):
            return attend(query, key, value, is_causal=True, weighting=weighting)

    def three(n_batches, seed=0):
        rng = np.random.default_rng(seed)
        return tuple(
            torch.tensor(rng.normal(size=(n_batches, 2, n, 3)), device=DEVICE)
            for n in (5, 7, 7)
        )

    for name, tracer in TRACERS.items():
        try:
            traced = tracer(Attend(), three(4))
            # Another batch has other numbers, too: a recorded look at some would show.
            other = three(4, seed=1) if name == "make_fx" else three(6)
            fine = torch.allclose(traced(*other), Attend()(*other))
        except Exception:  # whatever goes wrong, it is not supported
            fine = False
        if not fine:
            yield name


def _exported(module, given):
    batches = {0: torch.export.Dim("batches", min=2, max=64)}
    shapes = (batches, batches, batches)
    return torch.export.export(
        module, given, dynamic_shapes=shapes, strict=False
    ).module()


def _recorded(module, given):
    return make_fx(module)(*given)


def _without_numbers(module, given):
    shape = module(*(a.to("meta") for a in given)).shape
    if shape != given[0].shape:
        raise ValueError(f"the shape is {tuple(shape)}")
    return module


# What takes attention apart for inputs of other numbers or sizes, or of no numbers.
TRACERS = {
    "export for any batch": _exported,
    "make_fx": _recorded,
    "meta tensors": _without_numbers,
}
