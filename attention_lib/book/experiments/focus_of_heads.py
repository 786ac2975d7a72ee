"""Ask on how many keys the heads of a real model focus, and whether length undoes it.

Protocol. SmolLM2-135M-Instruct reads the 2048 tokens of each of five frozen texts. In
each of its 270 heads some rows are measured: those of 8 neighbouring queries, of which
the last sees 32, 64, 128, 256, 512, 1024 or 2048 keys. Of a row, over the keys that it
sees: the entropy of its weights, and of those on all keys but key 0, on which many
heads rest, made to sum to one; the weight on key 0, and the largest one; the *lead*,
the largest score less the second, with key 0 and without; the variance of the scores;
what part of the weights is below 1e-3 and 1e-6, and how much weight the former have
together; whether the row is *led*, with a lead above log(n - 1), which buys half of the
weight even if all others tie; and whether the largest weight is above a half. A head is
given the means over its 8 rows, and as effective support exp of the mean entropy. Its
*exponent* is the slope of the mean entropy against the logarithm of the number of keys:
1 where it takes the same part of the keys at any length, 0 where it takes as many.
Where n grows, other words ask as well. So the *same queries*, the last 8 of each text,
ask again where the text begins later and has but 32 to 1024 tokens. Normal scores that
are drawn at random have an entropy of log n less half their variance, while that is
small. One small model, quantised to 4 bits: an example, and no more.
"""

from itertools import pairwise

import numpy as np

from attention_lib.book.real import load_model, texts
from attention_lib.book.real.rows import QUERIES, rows_of_heads
from attention_lib.book.real.wheel import SETTINGS

__all__ = ["FLAT", "STEEP", "beside_random", "exponents", "protocol", "reduced"]

# Layer and head, counted from 0: found on these texts. Neither rests on key 0.
STEEP, FLAT = (0, 0), (11, 1)
LENGTHS = (32, 64, 128, 256, 512, 1024, 2048)
ENTROPIES = ("entropy", "entropy, same queries", "entropy without key 0")
FEW, MANY = 0.2, 0.8  # exponents of heads that hardly fade, and of those that do
MIDDLE, SPREADS = 512, (0, 1.2, 2, 3, np.inf)  # where random scores stand beside
# Of these the mean over the heads is given.
LEADS, PARTS = (
    ("lead", "lead without key 0", "led", "half"),
    ("below 1e-3", "below 1e-6"),
)
MEANS = ("on key 0", "largest", *LEADS, *PARTS, "weight below 1e-3")


def heads_of(model, ids, lengths=LENGTHS):
    """Measure every head on a text, as long as the last of `lengths`."""
    found = rows_of_heads(model, ids, lengths)
    cut = [rows_of_heads(model, ids[-n:], [n])["entropy"] for n in lengths[:-1]]
    same = np.concatenate([*cut, found["entropy"][..., -1:]], -1)
    return found | {"entropy, same queries": same}


def keys_seen(lengths=LENGTHS):
    """Give the mean number of keys that 8 queries see."""
    return np.array(lengths) - (QUERIES - 1) / 2


def exponents(entropy):
    """Fit the power of the number of keys with which effective support grows.

    Parameters
    ----------
    entropy : array, shape (..., 7)
        Entropies in nats, by length.

    Returns
    -------
    array, shape (...)
        Slopes against the logarithm of the number of keys, by least squares.
    """
    x = np.log(keys_seen())
    x = x - x.mean()
    return entropy @ x / (x @ x)


def beside_random(entropy, variance):
    """Divide effective support by that of random normal scores as widely spread.

    Parameters
    ----------
    entropy, variance : array, shape (..., 7)
        Of the weights, in nats, and of the scores; by length.

    Returns
    -------
    array, shape (..., 7)
        Quotients; 1 where ``n exp(-variance / 2)`` holds.
    """
    return np.exp(entropy - np.log(keys_seen()) + variance / 2)


def of_text(found):
    """Sum up one text over the heads: lists by length, then what all lengths say."""
    heads = (0, 1)
    slopes = of_slopes(exponents(found["entropy"]))
    return {
        **{
            name.replace("entropy", "support"): np.median(np.exp(found[name]), heads)
            for name in ENTROPIES
        },
        "spread": np.sqrt(found["variance"]).mean(heads),
        **{name: found[name].mean(heads) for name in MEANS},
        "heads led": (found["lead"] > np.log(keys_seen() - 1)).mean(heads),
        **{f"exponent, {part}": slopes[part] for part in slopes if part != "range"},
    }


def kept(found):
    """Give what is saved of the heads: entropies by text, of all else the means."""
    arrays = {name: np.stack([each[name] for each in found]) for name in found[0]}
    return {
        name: (array if name in ENTROPIES else array.mean(0)).astype(np.float16)
        for name, array in arrays.items()
    }


def of_all(arrays):
    """Sum up the heads, each by its mean over the texts, from what is saved."""
    arrays = {name: array.astype(float) for name, array in arrays.items()}
    entropies = {name: arrays[name].mean(0) for name in ENTROPIES}
    at = LENGTHS.index(MIDDLE)
    spread = np.sqrt(arrays["variance"][..., at])
    ratio = beside_random(entropies["entropy"], arrays["variance"])[..., at]
    bands = {
        f"{low:g} to {high:g}": ratio[(low <= spread) & (spread < high)]
        for low, high in pairwise(SPREADS)
    }
    return {
        **{
            name.replace("entropy", "exponent"): of_slopes(exponents(each))
            for name, each in entropies.items()
        },
        "spread": of_heads(spread),
        "beside random scores": {
            band: {"heads": len(some), **of_heads(some)} for band, some in bands.items()
        },
    }


def of_heads(numbers):
    """Give the median of some heads, and the least and the most."""
    return {
        "median": np.median(numbers),
        "range": [numbers.min(), numbers.max()],
    }


def of_slopes(slopes):
    """Sum up exponents: of how many heads they are small, and of how many large."""
    return {
        **of_heads(slopes),
        "below 0.2": (slopes < FEW).mean(),
        "above 0.8": (slopes > MANY).mean(),
    }


def measured(model, count):
    """Measure the first `count` texts: what is said of them, and what is kept."""
    read = dict(list(texts().items())[:count])
    found = [heads_of(model, ids) for ids in read.values()]
    rows = [of_text(each) for each in found]
    result = {
        "settings": SETTINGS | {"lengths": LENGTHS, "queries": QUERIES},
        "text": list(read),
        "keys": keys_seen(),
        **{name: [row[name] for row in rows] for name in rows[0]},
    }
    return result, kept(found)


def reduced(model):
    """Measure the first text again, for ``make real``."""
    return measured(model, 1)[0]


def protocol():
    """Measure everything."""
    result, heads = measured(load_model(), len(texts()))
    return result | {"all texts": of_all(heads), "arrays": heads}
