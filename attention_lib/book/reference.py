"""Tables for the API page: what the weightings are, and what running them gave."""

import dataclasses
import inspect
import re

import numpy as np

from attention_lib import weightings
from attention_lib.book.experiments import load
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
    """Give a row for each weighting: which dtypes and transforms take it, on a CPU.

    Returns
    -------
    list of list of str
        As `attention_lib.book.experiments.support` found by running each, and saved.
    """
    return load("support")["result"]["rows"]


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
