"""The scale, or level, a head with which another weighting comes nearest to softmax.

Nothing of the model is trained. The heads are given what they are given in the trained
model, one by one; that their errors add up through the layers is not seen here.
"""

import torch

from attention_lib import attention_scores, masks, softmax
from attention_lib.book.real.by_layer import by_layer

__all__ = ["STEP", "fitted", "products"]

STEP = 16  # every 16th row is looked at, but for the first three of these


def products(model, ids, ways):
    """Multiply what heads read with other weightings by what they read with softmax.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        The text.
    ways : dict of str to (Weighting, sequence of (float, float))
        Maps from scores to weights, and by what their scores are multiplied and what is
        then added: all that is tried.

    Returns
    -------
    dict of str to Tensor, shape (2, layers, tried, heads)
        Over all rows, the products of the outputs with softmax's, then those with
        themselves, relative to those of softmax's with themselves.
    """
    rows = torch.arange(4 * STEP - 1, len(ids), STEP)
    seen = masks.causal(len(ids), len(ids), like=rows)[rows]

    def measure(query, key, value):
        scores, where = attention_scores(query[:, rows], key, seen, enable_gqa=True)
        values = value.repeat_interleave(len(query) // len(value), 0)

        def read(weighting, scale=1.0, level=0.0):
            weights = weighting(scale * scores + level, where=where)
            return (weights @ values).flatten(1)

        own = read(softmax)
        power = own.square().sum(-1)

        def beside_own(out):
            return torch.stack([(out * own).sum(-1), out.square().sum(-1)]) / power

        return {
            name: torch.stack([beside_own(read(each, *t)) for t in tried], 1)
            for name, (each, tried) in ways.items()
        }

    return by_layer(model, ids, measure, dim=1)


def fitted(found, *, factor=False):
    """Choose for each head, of all that was tried, the least square error.

    Parameters
    ----------
    found : sequence of Tensor, each of shape (2, layers, tried, heads)
        What `products` gave for each of some texts, which count alike.
    factor : bool, default False
        Whether the weights may have a factor too, the best for each that was tried.

    Returns
    -------
    places : Tensor of int, shape (layers, heads)
        Which of those that were tried is best.
    factors, left : Tensor, shape (layers, heads)
        The factors, and what part of the power of a head's output the error then has.
    """
    along, size = torch.stack(list(found)).mean(0)
    factors = along / size if factor else torch.ones_like(along)
    left = 1 - 2 * factors * along + factors**2 * size
    left = left.nan_to_num(torch.inf)  # where exponentials overflow
    best = left.argmin(1, keepdim=True)
    factors, left = (x.gather(1, best)[:, 0] for x in (factors, left))
    return best[:, 0], factors, left
