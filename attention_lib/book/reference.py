"""Tables for the API page, made from the weightings and by running them."""

import dataclasses
import inspect
import re

import numpy as np

from attention_lib import scaled_dot_product_attention as attend
from attention_lib import weightings
from attention_lib.book.law_table import WEIGHTINGS, label

__all__ = ["support_rows", "weighting_rows"]

# What a state of each kind holds for a row, beside the output.
STATES = {
    "exponential": "maximum, total",
    "sum": "total",
    "pointwise": "nothing",
    "threshold": "none exists",
    "selection": "none here",
}
ROWS = np.random.default_rng(0).normal(size=(200, 5))
DTYPES = ("float16", "bfloat16", "float32", "float64")


def weighting_rows():
    """Give a row for each weighting: name, formula, kind, what it does, source.

    Returns
    -------
    list of tuple of str
        Name, formula, kind, whether the weights sum to one and can be zero (both by
        running it on random rows), state, parameters that can be learned, source.
    """
    return [
        (
            label(weighting),
            _formula(weighting),
            weighting.kind,
            _yes(np.allclose(weighting(ROWS).sum(-1), 1)),
            _yes((weighting(ROWS) == 0).any()),
            _state(weighting),
            ", ".join(_learned(weighting)) or "–",
            _source(weighting),
        )
        for weighting in WEIGHTINGS
    ]


def support_rows():
    """Give a row for each weighting: which dtypes and transforms take it, by running.

    Returns
    -------
    list of tuple of str
        Name, then "yes" or "no" for each dtype, for autocast, ``torch.func.vmap`` and
        ``torch.compile(fullgraph=True)``, what breaks in attention with it (see
        `TRACERS`), and the devices that this was run on.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return [_support(weighting, torch, device) for weighting in WEIGHTINGS]


def _support(weighting, torch, device):
    rows = torch.tensor(ROWS, device=device)
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
        with torch.autocast(device, dtype=torch.bfloat16):
            return weighting(rows)

    def compiled():
        torch._dynamo.reset()
        call = torch.compile(lambda x: weighting(x), fullgraph=True, backend="eager")
        return call(rows)

    answers = [in_dtype(name) for name in DTYPES]
    answers += [works(autocast, 1e-9)]
    answers += [works(lambda: torch.func.vmap(weighting)(rows), 1e-9)]
    answers += [works(compiled, 1e-9)]
    broken = ", ".join(_broken(weighting, torch, device)) or "nothing"
    return (label(weighting), *map(_yes, answers), broken, device)


def _broken(weighting, torch, device):
    """Name what cannot take attention apart, or gives something else."""

    class Attend(torch.nn.Module):
        def forward(self, query, key, value):
            return attend(query, key, value, is_causal=True, weighting=weighting)

    def three(n_batches, seed=0):
        rng = np.random.default_rng(seed)
        return tuple(
            torch.tensor(rng.normal(size=(n_batches, 2, n, 3)), device=device)
            for n in (5, 7, 7)
        )

    for name, tracer in TRACERS.items():
        try:
            traced = tracer(torch, Attend(), three(4))
            # Another batch has other numbers, too: a recorded look at some would show.
            other = three(4, seed=1) if name == "make_fx" else three(6)
            fine = torch.allclose(traced(*other), Attend()(*other))
        except Exception:  # whatever goes wrong, it is not supported
            fine = False
        if not fine:
            yield name


def _exported(torch, module, given):
    batches = {0: torch.export.Dim("batches", min=2, max=64)}
    shapes = (batches, batches, batches)
    return torch.export.export(
        module, given, dynamic_shapes=shapes, strict=False
    ).module()


def _recorded(torch, module, given):
    from torch.fx.experimental.proxy_tensor import make_fx

    return make_fx(module)(*given)


def _without_numbers(torch, module, given):
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


def _formula(weighting):
    """Take the formula from the first line of the docstring."""
    first = inspect.getdoc(weighting).splitlines()[0]
    found = re.search(r"``(.+)``", first)
    return found[1] if found else first.removeprefix("The weighting ").split(";")[0]


def _state(weighting):
    stream = weighting.stream(ROWS.shape[-1])
    if stream is not None and (stream.logs or stream.growth):
        return STATES["exponential"]
    return STATES[weighting.kind]


def _learned(weighting):
    """Name the parameters through which a gradient flows, by letting it."""
    import torch

    if not dataclasses.is_dataclass(weighting):
        return []
    found = []
    rows = torch.tensor(ROWS)
    for field in dataclasses.fields(weighting):
        value = getattr(weighting, field.name)
        if isinstance(value, bool | str) or field.name in ("k", "power", "eps"):
            continue
        parameter = torch.tensor(float(value), dtype=rows.dtype, requires_grad=True)
        weights = dataclasses.replace(weighting, **{field.name: parameter})(rows)
        (weights**2).sum().backward()
        if parameter.grad is not None and bool(parameter.grad != 0):
            found.append(field.name)
    return found


def _source(weighting):
    """Give authors and year of the row function's or the class's first reference."""
    name = re.search(r"see `(\w+)`", inspect.getdoc(weighting).splitlines()[0])
    documented = getattr(weightings, name[1]) if name else type(weighting)
    text = inspect.getdoc(documented)
    if "References\n----------\n" not in text:
        return "–"
    first = text.split("References\n----------\n")[1].split("\n\n")[0]
    authors, year = re.match(r"(.+?) \((\d{4})\)", " ".join(first.split())).groups()
    names = re.findall(r"[A-Z][\w'-]{2,}", authors)
    alone = len(names) == 1 and "et al" not in authors
    return f"{names[0]} ({year})" if alone else f"{names[0]} et al. ({year})"


def _yes(answer):
    return "yes" if answer else "no"
