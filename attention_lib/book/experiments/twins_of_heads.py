"""Ask how far the weights of a real model's heads are settled by what the heads give.

Protocol. SmolLM2-135M-Instruct reads the first n tokens of five frozen texts, for n =
32, 64, 65, 128, 256 and 512. Each of its 270 heads is measured on one of the texts: the
first on the first, the sixth on the first again. For the last query, which sees all n
keys, `twin` seeks other weights: non-negative, with a sum of one, and with the same
output from the same values, but as far away in total variation as linear programs find.
Beside it stands the number of independent *equations* that output and sum give: where
there are n, no other weights are. A head's values have 64 numbers, so from n = 66 on
there are fewer than n; up to 65 only where some values depend on others, as those of
the same token in the first layer do. With 512 tokens every fifth of these heads is
measured. With 256 also the *range* of the largest weight: the least and the most that
its key may have at the same output. *Shown* is one head with 128 keys, of the first
text: the one whose distance is nearest the median of those measured there. What is
equal is the output of one head for one query, and not what the model makes of other
queries. One small model, quantised to 4 bits: an example, and no more.
"""

import numpy as np

from attention_lib import attention_weights
from attention_lib.book.real import load_model, texts
from attention_lib.book.real.by_layer import by_layer
from attention_lib.book.real.wheel import SETTINGS
from attention_lib.book.twins import distance, equations, range_of, twin

__all__ = ["protocol", "reduced"]

LENGTHS = (32, 64, 65, 128, 256, 512)
LONGEST, EVERY = LENGTHS[-1], 5  # the length at which only some heads are measured
RANGED, SHOWN = 256, 128
N_TEXTS, FEW = 5, 0.01
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FOUND, ENDS = ("distance", "equations"), ("largest", "least", "most")


class Rows:
    """The last query of a text in every head of a model.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        The text.

    Attributes
    ----------
    weights : array of float64, shape (layers, heads, n)
        From scores in double precision.
    values : array of float64, shape (layers, key heads, n, d)
        As the model has them.
    """

    def __init__(self, model, ids):
        found = by_layer(model, ids, of_the_last)
        self.weights = found["weights"].numpy()
        self.values = found["values"].numpy()

    def of(self, layer, head):
        """Give the weights of one head, and the values that they average."""
        shared = self.weights.shape[1] // self.values.shape[1]
        return self.weights[layer, head], self.values[layer, head // shared]


def of_the_last(query, key, value):
    """Give the weights of the last query in a layer, and the values, as doubles."""
    last, keys = query[..., -1:, :].double(), key.double()
    weights = attention_weights(last, keys, enable_gqa=True)[..., 0, :]
    return {"weights": weights, "values": value.double()}


def measured_on(text, shape, n):
    """Give the heads that are measured on a text of n tokens, as layer and head."""
    step = N_TEXTS * (EVERY if n == LONGEST else 1)
    return list(np.ndindex(shape))[text::step]


def over_texts(model, count, n, measure):
    """Measure the heads of each text: an array of shape (quantities, layers, heads).

    What is not measured is no number.
    """
    shape = model.n_layers, model.n_heads
    found = None
    for text, ids in enumerate(list(texts(n).values())[:count]):
        rows = Rows(model, ids)
        for head in measured_on(text, shape, n):
            numbers = measure(*rows.of(*head))
            if found is None:
                found = np.full((len(numbers), *shape), np.nan)
            found[:, *head] = numbers
    return found


def apart(weights, values):
    """Give how far away a head's twin is, and the number of equations they obey."""
    return distance(weights, twin(weights, values)), len(equations(values))


def ends(weights, values):
    """Give the largest weight, and the least and the most that its key may have."""
    largest = weights.argmax()
    return weights[largest], *range_of(weights, values, largest)


def by_text(array, n, count):
    """Split what was measured of all heads into that of each text."""
    return [
        np.array([array[head] for head in measured_on(text, array.shape, n)])
        for text in range(count)
    ]


def said(arrays, count, lengths):
    """Sum up what was found: lists have an entry for each text."""
    result = {"distance": {}}
    for at, n in enumerate(lengths):
        far, settled = (by_text(arrays[name][at], n, count) for name in FOUND)
        result["distance"][str(n)] = {
            "heads": [len(some) for some in far],
            "median": [np.median(some) for some in far],
            "not unique": [(some < n).mean() for some in settled],
        }
    largest, least, most = (by_text(arrays[name], RANGED, count) for name in ENDS)
    result["range"] = {
        "largest": [some.mean() for some in largest],
        "least": [some.mean() for some in least],
        "most": [some.mean() for some in most],
        "may vanish": [(some < FEW).mean() for some in least],
    }
    return result


def of_all(arrays):
    """Sum up the heads of all texts, from what is saved."""
    far, settled = (arrays[name].astype(float) for name in FOUND)
    some = {n: ~np.isnan(each) for n, each in zip(LENGTHS, far, strict=True)}
    largest, least, most = (arrays[name].astype(float) for name in ENDS)
    return {
        "distance": {
            str(n): {
                "heads": some[n].sum(),
                "quantiles": np.quantile(far[at][some[n]], QUANTILES),
                "above 0.1": (far[at][some[n]] > 0.1).mean(),
                "not unique": (settled[at][some[n]] < n).sum(),
                "fewest equations": settled[at][some[n]].min(),
            }
            for at, n in enumerate(LENGTHS)
        },
        "range": {
            "largest": largest.mean(),
            "least": least.mean(),
            "most": most.mean(),
            "may vanish": (least < FEW).sum(),
            "fixed to 0.01": (most - least < FEW).sum(),
        },
    }


def shown(model, far):
    """Give a head's words, weights, values and twin: that of the middle distance."""
    ids = next(iter(texts(SHOWN).values()))
    heads = measured_on(0, far.shape, SHOWN)
    order = sorted(heads, key=lambda head: far[head])
    head = order[len(order) // 2]
    weights, values = Rows(model, ids).of(*head)
    other = twin(weights, values)
    described = {
        "head": "{}.{}".format(*head),
        "distance": distance(weights, other),
        "words": [model.tokenizer.decode([i]) for i in ids.tolist()],
    }
    # The model has values in single precision: nothing is lost here.
    kept = {"weights": weights, "twin": other, "values": values.astype(np.float32)}
    return described, kept


def measured(model, count, lengths):
    """Measure the first `count` texts: what is said of them, and what is kept."""
    found = [over_texts(model, count, n, apart) for n in lengths]
    arrays = dict(zip(FOUND, np.stack(found, 1), strict=True))
    ranges = over_texts(model, count, RANGED, ends)
    arrays |= dict(zip(ENDS, ranges, strict=True))
    result = {
        "settings": SETTINGS | {"lengths": LENGTHS, "ranged": RANGED},
        "text": list(texts())[:count],
        **said(arrays, count, lengths),
    }
    return result, arrays


def reduced(model):
    """Measure the first text again where little can turn, for ``make real``.

    Of more keys, another processor's rounding may lead to other twins.
    """
    return measured(model, 1, (64,))[0]


def protocol():
    """Measure everything."""
    model = load_model()
    result, arrays = measured(model, N_TEXTS, LENGTHS)
    described, kept = shown(model, arrays["distance"][LENGTHS.index(SHOWN)])
    heads = {name: array.astype(np.float16) for name, array in arrays.items()}
    return result | {
        "all texts": of_all(heads),
        "shown": described,
        "arrays": heads | kept,
    }
