"""Ask whether the heads that weigh a word most are those that matter most for it.

Protocol. SmolLM2-135M-Instruct reads 48 sentences such as "It was late. The keys to the
old wooden cabinet", those of the experiment `agreement`, and scores the next word. Of
each of its 270 heads are measured the weight of the last word on the subject, *keys*,
and its *effect*: how far the log odds of the right form of *be* against the wrong one
fall when the last word is blind for the subject in that head alone. Spearman's
correlation of the ranks over the heads is given *signed*, and with the *size* of the
effect, of all heads and of those that weigh the subject above 0.001, 0.01 and 0.1. Some
of the latter holds by construction: a head without weight has nothing to lose. So the
quotient of size and weight is also *dealt anew* among the same heads, at random, 20
times: the correlation that is left is what the weights alone bring about. (Below a
weight of 1e-4, effects are of the size of rounding errors, 1e-5, and such quotients say
nothing.) Named are heads *that matter*, whose mean effect is at least a tenth of the
largest, and *idle* ones, with a mean weight above 0.3 and a smaller effect. They are
found on eight of the sentences, and the other 40 are their test. One head's loss may be
made good by another: so each kind is blind together, and all heads but those that
matter. One small model, quantised to 4 bits: an example, and no more.
"""

import numpy as np
import torch

from attention_lib import scaled_dot_product_attention
from attention_lib.book.experiments.agreement import (
    BEFORE,
    ONE_OF_EACH,
    Agreement,
    rank_correlation,
    sentences,
)
from attention_lib.book.real import load_model
from attention_lib.book.real.wheel import SETTINGS

__all__ = ["blinded", "dealt_anew", "kinds_of", "protocol", "reduced"]

LEAST = (0, 0.001, 0.01, 0.1)  # weights on the subject, above which a head counts
MUCH, SMALL = 0.3, 0.1  # a large weight; a small part of the largest effect
DEALS = 20
OTHERS = [i for i in range(len(sentences())) if i not in ONE_OF_EACH]


def blinded(reading, groups):
    """Give how far the log odds fall with the last word blind in groups of heads.

    Parameters
    ----------
    reading : Agreement
        Of a sentence.
    groups : sequence of sequences of (int, int)
        Layers and heads in which the last word does not see the subject.

    Returns
    -------
    array, shape (groups,)
        Differences of log odds.
    """
    model, read = reading.model, {}
    shape = model.n_layers, len(groups), model.n_heads, 1, len(reading.ids)
    seen = torch.ones(shape, dtype=torch.bool)
    for trial, heads in enumerate(groups):
        for layer, head in heads:
            seen[layer, trial, head, :, reading.subject] = False
    # What stands before the last word is as it was, and is read once.
    model(reading.ids[:-1], cache=read, last=1)
    read = {
        layer: [each.expand(len(groups), -1, -1, -1) for each in pair]
        for layer, pair in read.items()
    }

    def attend(layer, query, key, value):
        return scaled_dot_product_attention(
            query, key, value, seen[layer], enable_gqa=True
        )

    last = reading.ids[-1:].expand(len(groups), -1)
    scores = model(last, attend, cache=read)[:, -1]
    return reading.log_odds - reading.preference(scores).numpy()


def each_head(reading):
    """Give each head's weight on the subject, and its effect."""
    weight = reading.weights[:, :, -1, reading.subject].numpy()
    effect = blinded(reading, [[head] for head in np.ndindex(weight.shape)])
    return weight, effect.reshape(weight.shape)


def dealt_anew(weight, size, seed=0):
    """Give the rank correlation that is left when quotients change their heads.

    Parameters
    ----------
    weight, size : array, shape (n,)
        Positive weights, and the sizes of effects.

    Returns
    -------
    float
        Mean over the deals of the correlation of the weights with what the sizes would
        be, if each head had the quotient of size and weight of another.
    """
    rng = np.random.default_rng(seed)
    deals = (weight * rng.permutation(size / weight) for _ in range(DEALS))
    return np.mean([rank_correlation(weight, deal) for deal in deals])


def correlated(weight, effect):
    """Correlate weights and effects in one sentence, of heads above each weight."""
    found = {}
    for least in LEAST:
        heads = weight > least
        w, e = weight[heads], effect[heads]
        found[f"above {least}"] = {
            "heads": heads.sum(),
            "signed": rank_correlation(w, e),
            "size": rank_correlation(w, abs(e)),
            "dealt anew": dealt_anew(w, abs(e)),
        }
    return found


def kinds_of(weight, effect):
    """Find the heads that matter, and those that are idle: two lists.

    Parameters
    ----------
    weight, effect : array, shape (layers, heads)
        Means over sentences.
    """
    matters = abs(effect) >= SMALL * abs(effect).max()
    idle = (weight > MUCH) & ~matters
    return tuple(list(zip(*np.nonzero(kind), strict=True)) for kind in (matters, idle))


def named(heads, weight, effect):
    """Give what was measured of some heads, by their names, from the most weight on."""
    ordered = sorted(heads, key=lambda head: -weight[ONE_OF_EACH].mean(0)[head])
    return {
        "{}.{}".format(*head): {
            "weight": weight[OTHERS].mean(0)[head],
            "effect": effect[OTHERS].mean(0)[head],
            "size": abs(effect[OTHERS]).mean(0)[head],
            "effect, range": np.quantile(effect[OTHERS][:, *head], (0, 1)),
        }
        for head in ordered
    }


def measured(model, count):
    """Measure the first `count` sentences."""
    readings = [Agreement(model, s) for s in sentences(BEFORE["after"])[:count]]
    pairs = [each_head(reading) for reading in readings]
    rows = [correlated(*pair) for pair in pairs]
    result = {
        "settings": SETTINGS | {"deals": DEALS},
        "text": [reading.text for reading in readings],
        "log odds": [reading.log_odds for reading in readings],
        **{
            least: {name: [row[least][name] for row in rows] for name in rows[0][least]}
            for least in rows[0]
        },
    }
    return result, readings, *map(np.stack, zip(*pairs, strict=True))


def reduced(model):
    """Measure the first sentences again, for ``make real``."""
    result = measured(model, 4)[0]
    del result["above 0"]["dealt anew"]  # on which rounding errors have a say
    return result


def protocol():
    """Measure everything."""
    result, readings, weight, effect = measured(load_model(), len(sentences()))
    matter, idle = kinds_of(weight[ONE_OF_EACH].mean(0), effect[ONE_OF_EACH].mean(0))
    rest = [head for head in np.ndindex(weight.shape[1:]) if head not in matter]
    together = [blinded(reading, [matter, idle, rest]) for reading in readings]
    kinds = ("that matter", "idle", "all but those that matter")
    return result | {
        "that matter": named(matter, weight, effect),
        "idle": named(idle, weight, effect),
        "together": dict(zip(kinds, np.transpose(together), strict=True)),
        "arrays": {
            "weight": weight.astype(np.float16),
            "effect": effect.astype(np.float16),
        },
    }
