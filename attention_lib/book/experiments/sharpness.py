"""Ask what a model loses where its scores are made larger or smaller, or cut short.

Protocol. SmolLM2-135M-Instruct reads the first 512 tokens of each of five frozen texts.
Measured is what another attention *costs*: how many nats a token it predicts worse than
with its own, in the mean over the tokens after the first, with the standard error of
that mean (neighbouring tokens are taken as independent). In all heads of all layers at
once, and with nothing trained again: scores times a *sharpness* β, the inverse of the
temperature; other roots than that of the head's 64 numbers, namely of the vector's 576,
and none; and all but the k *largest* weights of a row left out, the others made to sum
to one. In *late* the model reads 2048 tokens, and scores are changed for queries with
many keys: they grow like the logarithm of the number of keys, as scalable softmax has
it (Nakanishi, 2025, https://arxiv.org/abs/2501.19399), from 256, 512 or 1024 keys on.
Measured is the cost of what queries with more than 1024 keys predict. Two controls of
the last: the same factor on average for all of them, and a fall by as much as it grows.
The model's file gives 8192 tokens as its range, and all these lengths lie within. One
small model, quantised to 4 bits: an example, and no more.
"""

import math

import torch

from attention_lib import TopK
from attention_lib.book.real import load_model, texts
from attention_lib.book.real.attending import weighed
from attention_lib.book.real.wheel import SETTINGS

__all__ = ["protocol", "reduced"]

LENGTH, LONG, LATE = 512, 2048, 1024
SHARPNESS = (0.25, 0.5, 0.7, 0.85, 0.9, 0.95, 1, 1.05, 1.2, 1.5, 2, 4)
ROOTS = ("of the vector", "none")
KEPT = (64, 16, 4, 1)
FROM = (256, 512, 1024)


def growing(n, start):
    """Give each of n queries a factor: log(keys) / log(start) from `start` keys on."""
    keys = torch.arange(1.0, n + 1)[:, None]
    return keys.clamp(min=start).log() / math.log(start)


def other_roots(model):
    """Give the sharpness that another root, or none, comes to."""
    # The vector's numbers are shared out among the heads.
    head = model.embedded([0]).shape[-1] // model.n_heads
    return dict(zip(ROOTS, (model.n_heads**-0.5, head**0.5), strict=True))


def late_ways(n=LONG, late=LATE, starts=FROM):
    """Give the factors for each of n queries, by name."""
    ways = {f"log n from {start}": growing(n, start) for start in starts}
    factors = growing(n, late)
    same = torch.ones_like(factors)
    same[late:] = factors[late:].mean()
    return ways | {"the same on average": same, "a fall": 1 / factors}


def costs(model, read, own, attend, start=0):
    """Give what another attention costs on each text, with the standard errors.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    read, own : list
        Texts, and the nats that each of their tokens costs with softmax.
    attend : function
        What computes attention instead.
    start : int, default 0
        The first query whose prediction counts.
    """
    pairs = zip(read, own, strict=True)
    more = [(model.nats(ids, attend) - nats)[start:] for ids, nats in pairs]
    return {
        "cost": [each.mean().item() for each in more],
        "error": [(each.std() / len(each) ** 0.5).item() for each in more],
    }


def measured(model, count, sharpness=SHARPNESS, roots=ROOTS, kept=KEPT):
    """Measure the first `count` texts, with these changes alone."""
    read = list(texts(LENGTH).values())[:count]
    own = [model.nats(ids) for ids in read]
    factors = other_roots(model)

    def cost(attend):
        return costs(model, read, own, attend)

    return {
        "settings": SETTINGS | {"tokens": LENGTH, "long": LONG, "late": LATE},
        "text": list(texts())[:count],
        "own": [nats.mean().item() for nats in own],
        "sharpness": {f"{b:g}": cost(weighed(sharpness=b)) for b in sharpness},
        "root": {
            name: {
                "sharpness": factors[name],
                **cost(weighed(sharpness=factors[name])),
            }
            for name in roots
        },
        "largest": {f"{k}": cost(weighed(TopK(k))) for k in kept},
    }


def measured_late(model):
    """Measure what late queries predict where scores depend on the number of keys."""
    read = list(texts(LONG).values())
    own = [model.nats(ids) for ids in read]
    return {
        "own": [nats[LATE:].mean().item() for nats in own],
        **{
            name: costs(model, read, own, weighed(sharpness=factors), LATE)
            for name, factors in late_ways().items()
        },
    }


def reduced(model):
    """Measure some of it on the first text again, for ``make real``."""
    return measured(model, 1, sharpness=(0.5, 0.95), roots=(), kept=(16,))


def protocol():
    """Measure everything."""
    model = load_model()
    return measured(model, len(texts())) | {"late": measured_late(model)}
