"""Ask what a trained model loses where another map takes the place of its softmax.

Protocol. SmolLM2-135M-Instruct reads the first 512 tokens of each of five frozen texts.
In all heads of all layers at once, and with nothing trained again, another map makes
the weights of its scores. Measured is what that *costs*: how many nats a token it
predicts worse than with softmax, in the mean over the tokens after the first, with the
standard error of that mean. A log n that multiplies scores is divided by that of 64 or
of 256, so that rows of so many keys are softmax's. Of maps that give zeros: what part
of the keys that queries see has any weight.

A model that was trained with one map has scores of the size that this map wants. So
some maps are measured with numbers of each head's own too: sparse ones with a *scale*
of the scores, ReLUs over their sum with a *level* that is added to them, and those that
are divided by no sum with a *factor* of the weights as well as a level (ReLU), a scale
(the exponential) or both (sigmoid). They are fitted for each text on the four others,
for every head by itself, given what it is given in the trained model: of all that is
tried, what has the least square error of what the head reads with softmax, over every
16th row from the 64th on. Scales are powers of the cube root of 1/2; factors are the
best for each that is tried. Saved too is what part of the power of a head's output that
error still has. Heads that are fitted together might come nearer. The scales of a
softmax, and its largest k weights alone, are in `sharpness`.

What a map costs here is no verdict on it. This model was trained with softmax, and
needs rows that are normalised and close to its own, at its own temperature: neither the
exponential as such, for entmax with a scale comes near, nor a sum of one alone, for
equal weights have it too. Trained with another map it would be another model. One small
model, quantised to 4 bits: an example, and no more.
"""

import math

import numpy as np
import torch

from attention_lib import Entmax, NormalizedReLU, NormalizedSigmoid, ScalableSoftmax
from attention_lib.book.experiments import arrays, load, maps
from attention_lib.book.experiments.sharpness import costs
from attention_lib.book.real import load_model, texts
from attention_lib.book.real.attending import counting, weighed, weighed_by_head
from attention_lib.book.real.fitting import fitted, products
from attention_lib.book.real.wheel import SETTINGS
from attention_lib.weightings import Softpick

__all__ = ["FAMILIES", "FITTED", "numbers_of", "prices", "protocol", "reduced"]

LENGTH = 512
SCALES = tuple(2 ** (-k / 3) for k in range(19))  # from 1 down to 1/64
LEVELS = (-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0)
BIASES = (0, -2, -5, -10)
EQUAL_AT = (64, 256)  # keys in a row that a factor of log n leaves as it is

SPARSE = {
    "entmax-1.25": Entmax(1.25),
    "entmax-1.5": Entmax(1.5),
    "sparsemax": maps.get_map("sparsemax"),
}
NO_SUM = {name: maps.get_map(name) for name in ("relu/n", "sig+b", "exp/n")}
OF_A_SUM = {
    **{f"sig/Σ, bias {b}".replace("-", "−"): NormalizedSigmoid(b) for b in BIASES},
    "softpick": Softpick(),
    "relu/Σ": NormalizedReLU(),
    "relu²/Σ": NormalizedReLU(2),
    "s²/Σ": maps.get_map("s²/Σ"),
}
OF_EXPONENTIALS = {
    "off-by-one": maps.get_map("off-by-one"),
    **{f"log n, 1 at {n}": ScalableSoftmax(1 / math.log(n)) for n in EQUAL_AT},
}
ZEROS = ("softpick", "relu/Σ", "relu²/Σ")
AS_THEY_ARE = OF_EXPONENTIALS | SPARSE | OF_A_SUM | NO_SUM
RELUS = ("relu/Σ", "relu²/Σ")
# The scales and levels that are tried in each head.
TRIED = {
    **{name: [(scale, 0.0) for scale in SCALES] for name in (*SPARSE, "exp/n")},
    **{name: [(1.0, level) for level in LEVELS] for name in (*RELUS, "relu/n")},
    "sig+b": [(2 ** (-k / 3), level) for k in (-2, 0, 2, 4) for level in LEVELS],
}
FITTED = (*SPARSE, *RELUS, *NO_SUM)


def costs_by_text(model, read, own, attends):
    """Give what it costs to attend to each text in a way of its own."""
    each = [
        costs(model, [ids], [nats], attend)
        for ids, nats, attend in zip(read, own, attends, strict=True)
    ]
    return {name: [one[name][0] for one in each] for name in each[0]}


def counted(model, read, own, weighting, sharpness):
    """Measure a map that gives zeros: its costs, and the part of keys with weight."""
    parts = [[] for _ in read]
    ways = [counting(p, weighting, s) for p, s in zip(parts, sharpness, strict=True)]
    found = costs_by_text(model, read, own, ways)
    return found | {"keys": [torch.stack(p).mean().item() for p in parts]}


def as_it_is(model, read, own, name):
    """Measure a map, given the scores that the model was trained with."""
    weighting = AS_THEY_ARE[name]
    if name in SPARSE or name in ZEROS:
        ones = torch.ones(model.n_layers, model.n_heads)
        return counted(model, read, own, weighting, [ones] * len(read))
    return costs(model, read, own, weighed(weighting))


def fits(model, read):
    """Fit every head for each text on the others.

    Returns
    -------
    dict of str to list of three arrays, each of shape (texts, layers, heads)
        By map, places in `TRIED`, factors and what is left, as `fitting.fitted` has it.
    """
    ways = {name: (AS_THEY_ARE[name], TRIED[name]) for name in FITTED}
    found = [products(model, ids, ways) for ids in read]

    def on_others(name, i):
        others = [each[name] for j, each in enumerate(found) if j != i]
        return fitted(others, factor=name in NO_SUM)

    def by_text(name):
        each = [on_others(name, i) for i in range(len(read))]
        return [torch.stack(x).numpy() for x in zip(*each, strict=True)]

    return {name: by_text(name) for name in FITTED}


def as_fitted(model, read, own, name, places, factors):
    """Measure a map with what was fitted for each text."""
    weighting = AS_THEY_ARE[name]
    tried, factors = (
        torch.tensor(TRIED[name])[places.astype(int)],
        torch.tensor(factors),
    )
    scales, levels = tried.unbind(-1)
    if name in SPARSE:
        return counted(model, read, own, weighting, scales)
    each = zip(scales, levels, factors, strict=True)
    ways = [weighed_by_head(weighting, *numbers) for numbers in each]
    return costs_by_text(model, read, own, ways)


def of_heads(numbers):
    """Give the median over texts and heads, the quartiles, and the least and most."""
    parts = np.quantile(numbers, (0, 0.25, 0.5, 0.75, 1))
    return {
        "median": parts[2],
        "quartiles": parts[[1, 3]],
        "range": parts[[0, 4]],
    }


def measured(model, count, names, fit):
    """Measure the first `count` texts, with these maps as they are and those fitted."""
    read = list(texts(LENGTH).values())[:count]
    own = [model.nats(ids) for ids in read]
    return {
        "settings": SETTINGS | {"tokens": LENGTH},
        "text": list(texts())[:count],
        "own": [nats.mean().item() for nats in own],
        "as they are": {name: as_it_is(model, read, own, name) for name in names},
        "fitted": {
            name: as_fitted(model, read, own, name, *(x[:count] for x in found))
            for name, found in fit.items()
        },
    }


def numbers_of(name):
    """Read what a map was fitted by.

    Parameters
    ----------
    name : str
        One of `FITTED`.

    Returns
    -------
    scales, levels, factors : array, shape (texts, layers, heads)
        Of the scores, added to them, and of the weights; fitted on the other texts.
    """
    places, factors = saved_fit(name)
    tried = np.array(TRIED[name])[places]
    return tried[..., 0], tried[..., 1], factors


def saved_fit(name):
    """Read which of those tried is the best in each head, with its factor."""
    saved = arrays("swapped")
    return saved[f"{name}/place"], saved[f"{name}/factor"]


def with_fits(names):
    """Name maps as they are, and as they are fitted."""
    return (*names, *(f"{name}, fitted" for name in names if name in FITTED))


# By what makes the sizes of the weights, and what they are divided by.
FAMILIES = {
    "exponentials over their sum": (
        "softmax",
        "equal weights",
        *(f"largest {k}" for k in (64, 16, 4, 1)),
        *OF_EXPONENTIALS,
    ),
    "above a threshold": with_fits(SPARSE),
    "other sizes over their sum": with_fits(OF_A_SUM),
    "over no sum": with_fits(NO_SUM),
}


def prices():
    """Read what every map costs, here and in the results that measure the same texts.

    Returns
    -------
    dict of str to array, shape (texts,)
        Nats a token more than with softmax, by the names in `FAMILIES`; NaN where the
        model's numbers overflow.
    """
    result = load("swapped")["result"]
    loss, cut = (load(name)["result"] for name in ("text_loss", "sharpness"))
    equal = np.subtract(loss["equal weights"], loss["own weights"])
    found = {"softmax": cut["sharpness"]["1"]["cost"], "equal weights": equal}
    found |= {f"largest {k}": cut["largest"][k]["cost"] for k in cut["largest"]}
    found |= {name: each["cost"] for name, each in result["as they are"].items()}
    found |= {f"{name}, fitted": v["cost"] for name, v in result["fitted"].items()}
    return {
        name: np.array(found[name], dtype=float)
        for names in FAMILIES.values()
        for name in names
    }


def reduced(model):
    """Measure some of it on the first text again, for ``make real``."""
    fit = {"entmax-1.25": saved_fit("entmax-1.25")}
    return measured(model, 1, ("off-by-one", "relu/Σ"), fit)


def protocol():
    """Fit and measure everything."""
    model, kept = load_model(), {}
    found = fits(model, list(texts(LENGTH).values()))
    fit = {name: each[:2] for name, each in found.items()}
    result = measured(model, len(texts()), AS_THEY_ARE, fit)
    for name, (places, factors, left) in found.items():
        result["fitted"][name]["left"] = of_heads(left)
        kept |= {
            f"{name}/place": places.astype(np.int8),
            f"{name}/factor": factors.astype(np.float32),
        }
    return result | {"arrays": kept}
