"""Ask how much of its attention a real model leaves on the first token, and what for.

Protocol. SmolLM2-135M-Instruct reads five frozen texts; queries from 64 on count, which
have many other keys. *Heads*: with the 2048 tokens of each text, the mean weight of
each of 270 heads on the first key; its *contribution*, which is its share of the sum of
all weights times the lengths of their values (as in Kobayashi et al., 2020,
https://aclanthology.org/2020.emnlp-main.574, but before the output's matrix); and the
length of its value beside the median of the others. *First*: the same for 512 tokens,
of which another is the first: one of two marks of the model, a line's end or a word is
put before the text, or the text begins 7 or 100 tokens later. Also the mean weight on
the second key, and how the weights of the 270 heads on the first correlate with those
where the text stands as it is. *Cost*: what some change costs the predictions of those
queries, in nats a token with the standard error of the mean, in all heads and layers at
once, with nothing trained again. *Hidden*: key 0 from these queries, or from all but
itself, which deletes the token; or other keys from these queries: a few; the one before
query 64 with the most weight; and all 63. *Exchanged*, for these queries: key 0, its
value, or both for those of the next text that begins with another token; its value for
zeros; and all of key 0 for a constant: the mean score that each head gave it in that
other text, with its value there or with zeros, or a score of 0 with zeros, which is
softmax1 without key 0. One small model, quantised to 4 bits: an example, and no more.
"""

import numpy as np
import torch

from attention_lib.book.experiments.sharpness import costs
from attention_lib.book.real import load_model, texts
from attention_lib.book.real.attending import (
    from_query,
    masked,
    with_first,
    without_key,
)
from attention_lib.book.real.first_token import START, first_token
from attention_lib.book.real.wheel import SETTINGS

__all__ = ["protocol", "reduced"]

LENGTH, LONG = 512, 2048
STANDS = "as it stands"
PUT = {
    "<|im_start|>": [1],
    "<|endoftext|>": [0],
    "a line's end": "\n",
    "The": "The",
    "banana": " banana",
}
CUT = (7, 100)
PLACES = (1, 4, 16, 63)
MUCH, MOST = 0.3, 0.5
KEPT = ("weight", "contribution", "length")


def openings(model, ids, n=LENGTH):
    """Give a text of n tokens, and others that begin with another one, by name."""
    first = {
        name: model.tokenizer.encode(put)[:1] if isinstance(put, str) else put
        for name, put in PUT.items()
    }
    return {
        STANDS: ids[:n],
        **{name: np.append(one, ids[: n - 1]) for name, one in first.items()},
        **{f"cut by {k}": ids[k : n + k] for k in CUT},
    }


def of_openings(model, read, noted, names):
    """Measure the first token of each text with these openings.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    read, noted : list
        Texts, and what `first_token` gives of the start of each as it stands.
    names : iterable of str
        Of the `openings` to take.
    """
    found = {name: [] for name in names}
    for ids, whole in zip(read, noted, strict=True):
        begun = openings(model, ids)
        for name, rows in found.items():
            here = whole if name == STANDS else first_token(model, begun[name])
            pair = torch.stack([each["weight"].flatten() for each in (whole, here)])
            rows.append(
                {
                    "token": model.tokenizer.decode([int(begun[name][0])]),
                    "weight": here["weight"].mean().item(),
                    "second": on_early(here)[1].item(),
                    "contribution": here["contribution"].mean().item(),
                    "length": here["length"].median().item(),
                    "correlation": torch.corrcoef(pair)[0, 1].item(),
                }
            )
    return {name: listed(rows) for name, rows in found.items()}


def ways(own, other, n=LENGTH, start=START, places=PLACES):
    """Give what can be changed for queries from `start` on, by name.

    Parameters
    ----------
    own, other : dict
        What `first_token` gives of the text, and of another one.
    n, start : int
        Number of tokens, and the first query for which anything changes.
    places : sequence of int
        Of the other keys that are hidden, one at a time.
    """

    def hiding(places, first_row=start):
        return masked(without_key(n, places, first_row)[None])

    zeros, silent = (torch.zeros_like(other[name]) for name in ("value", "score"))
    exchanged = {
        "key of another text": with_first(keys=other["key"]),
        "value of another text": with_first(values=other["value"]),
        "both of another text": with_first(other["key"], other["value"]),
        "value zero": with_first(values=zeros),
        "number and value": with_first(values=other["value"], scores=other["score"]),
        "number alone": with_first(values=zeros, scores=other["score"]),
        "softmax1": with_first(values=zeros, scores=silent),
    }
    return {
        "key 0": hiding(0),
        "key 0 from all": hiding(0, first_row=1),
        **{f"key {place}": hiding(place) for place in places},
        "heaviest other": hiding(heaviest(own)),
        "all others": hiding(list(range(1, start))),
        **{name: from_query(start, attend) for name, attend in exchanged.items()},
    }


def heaviest(found):
    """Give the place with the most weight in all, of the early ones but the first."""
    return 1 + on_early(found)[1:].argmax().item()


def on_early(found):
    """Give the mean weight of all heads on each of the early keys."""
    return found["early"].mean((0, 1))


def of_changes(model, read, noted, others, names=None):
    """Measure what changes cost on each text, and how much weight was there.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    read, noted, others : list
        Texts, and what `first_token` gives of each, and of another one.
    names : sequence of str, optional
        Of the `ways` to take; all if None.
    """
    rows, found = [], {}
    for ids, here, other in zip(read, noted, others, strict=True):
        own, changes = model.nats(ids), ways(here, other)
        for name in names or changes:
            cost = costs(model, [ids], [own], changes[name], START)
            row = {quantity: value for quantity, (value,) in cost.items()}
            found.setdefault(name, []).append(row)
        early = on_early(here)
        rows.append(
            {
                "own": own[START:].mean().item(),
                "heaviest": heaviest(here),
                "on heaviest": early[1:].max().item(),
                "on others": early[1:].sum().item(),
            }
        )
    return listed(rows) | {"cost": {name: listed(some) for name, some in found.items()}}


def listed(rows):
    """Turn a row for each text into a list for each quantity."""
    return {quantity: [row[quantity] for row in rows] for quantity in rows[0]}


def of_heads(arrays):
    """Sum up what is saved of the heads: lists by text, and by layer."""
    weight, contribution, length = (arrays[name].astype(float) for name in KEPT)
    return {
        "weight": weight.mean((1, 2)),
        "contribution": contribution.mean((1, 2)),
        "length": np.median(length, (1, 2)),
        f"above {MUCH}": (weight > MUCH).mean((1, 2)),
        f"above {MOST}": (weight > MOST).mean((1, 2)),
        "weight by layer": weight.mean((0, 2)),
        "contribution by layer": contribution.mean((0, 2)),
        "length by layer": length.mean((0, 2)),
    }


def following(read):
    """Give for each text the place of the next one that begins with another token.

    The first token sees itself alone: where it is the same, so are key and value.
    """
    begins = [ids[0] for ids in read]
    after = [[*range(i + 1, len(read)), *range(i)] for i in range(len(read))]
    return [
        next(j for j in some if begins[j] != begins[i]) for i, some in enumerate(after)
    ]


def measured(model, count, first=None, names=None):
    """Measure the first `count` texts at 512 tokens: all, or what is named."""
    read = list(texts(LONG).values())
    short, others = [ids[:LENGTH] for ids in read], following(read)[:count]
    needed = {*range(count), *others}
    noted = {i: first_token(model, short[i]) for i in sorted(needed)}
    own = [noted[i] for i in range(count)]
    opened = first or openings(model, read[0])
    return {
        "settings": SETTINGS | {"tokens": LENGTH, "long": LONG, "start": START},
        "text": list(texts())[:count],
        "first": of_openings(model, read[:count], own, opened),
        **of_changes(model, short[:count], own, [noted[i] for i in others], names),
    }


def reduced(model):
    """Measure some of it on the first text again, for ``make real``."""
    return measured(model, 1, first=(STANDS,), names=("key 0", "number and value"))


def protocol():
    """Measure everything."""
    model = load_model()
    found = [first_token(model, ids) for ids in texts(LONG).values()]
    arrays = {
        name: np.stack([each[name].numpy() for each in found]).astype(np.float16)
        for name in KEPT
    }
    result = measured(model, len(texts()))
    return result | {"heads": of_heads(arrays), "arrays": arrays}
