"""What can stand in the place of a model's attention: other weights, masks, a notebook.

Each function here gives one to pass as ``attend`` to a `LanguageModel`.
"""

import torch

from attention_lib import attention_weights, masks, scaled_dot_product_attention
from attention_lib.book.real.model import softmax_attention

__all__ = [
    "counting",
    "from_query",
    "masked",
    "noting",
    "weighed",
    "weighed_by_head",
    "with_first",
    "without_key",
]


def weighed(weighting="softmax", sharpness=1.0, level=None):
    """Attend with another weighting, or with scores of another size.

    Parameters
    ----------
    weighting : str or Weighting, default "softmax"
        The map from scores to weights.
    sharpness : float or Tensor, shape (n, 1), default 1.0
        Factor of the scores that the model was trained with, or one for each query; 0
        makes all equal.
    level : Tensor, shape (heads, 1, 1), optional
        What is then added to the scores.
    """

    def attend(layer, query, key, value):
        return scaled_dot_product_attention(
            query * sharpness,
            key,
            value,
            level,
            is_causal=True,
            enable_gqa=True,
            weighting=weighting,
        )

    return attend


def weighed_by_head(weighting, sharpness, levels, factors):
    """Attend with another weighting, fitted to each head by three numbers.

    Parameters
    ----------
    weighting : str or Weighting
        The map from scores to weights.
    sharpness : Tensor, shape (layers, heads)
        Factors of the scores that the model was trained with.
    levels : Tensor, shape (layers, heads)
        What is then added to the scores.
    factors : Tensor, shape (layers, heads)
        Factors of the weights.
    """

    def attend(layer, query, key, value):
        scale, level, factor = (
            each[layer][:, None, None] for each in (sharpness, levels, factors)
        )
        return factor * weighed(weighting, scale, level)(layer, query, key, value)

    return attend


def counting(parts, weighting, sharpness):
    """Attend with scores of another size a head, and append how many keys have weight.

    Parameters
    ----------
    parts : list
        Grows by a Tensor of shape (heads,) a layer: of all keys that the queries see,
        the part with a weight above zero.
    weighting, sharpness
        As of `weighed_by_head`.
    """

    def attend(layer, query, key, value):
        query = query * sharpness[layer][:, None, None]
        weights = attention_weights(
            query, key, is_causal=True, enable_gqa=True, weighting=weighting
        )
        n = weights.shape[-1]
        parts.append((weights > 0).sum((-2, -1)) / (n * (n + 1) / 2))
        return weights @ value.repeat_interleave(len(query) // len(value), -3)

    return attend


def masked(mask):
    """Attend as usual, but only where a mask is true too.

    Parameters
    ----------
    mask : bool Tensor, shape (1 or layers, ..., 1 or heads, n, n)
        By layer, or once for all.
    """

    def attend(layer, query, key, value):
        here = mask[layer if len(mask) > 1 else 0]
        return scaled_dot_product_attention(
            query, key, value, here, is_causal=True, enable_gqa=True
        )

    return attend


def noting(weights):
    """Attend as usual, and append the weights of each layer to a list.

    Parameters
    ----------
    weights : list
        Grows by a Tensor of shape (..., heads, n, n) a layer.
    """

    def attend(layer, query, key, value):
        weights.append(attention_weights(query, key, is_causal=True, enable_gqa=True))
        return softmax_attention(layer, query, key, value)

    return attend


def from_query(start, attend):
    """Attend as usual up to a query, and in another way from it on.

    Parameters
    ----------
    start : int
        The first query that attends otherwise.
    attend : function
        How it and all later ones do: the last query is at the last key's place.
    """

    def both(layer, query, key, value):
        before = (each[..., :start, :] for each in (query, key, value))
        after = attend(layer, query[..., start:, :], key, value)
        return torch.cat([softmax_attention(layer, *before), after], -2)

    return both


def with_first(keys=None, values=None, scores=None):
    """Attend as usual, but with another first key or value, or a fixed score for it.

    A fixed score and a fixed value leave nothing of the first token but its place: a
    score of 0 and a value of 0 are softmax1 without that token.

    Parameters
    ----------
    keys, values : Tensor, shape (layers, key heads, 1, d), optional
        In place of the first token's own.
    scores : Tensor, shape (layers, heads), optional
        For each head a score of the first key, whatever the query.
    """

    def attend(layer, query, key, value):
        mask = masks.causal(query.shape[-2], key.shape[-2], align="end", like=query)
        if keys is not None:
            key = torch.cat([keys[layer], key[..., 1:, :]], -2)
        if values is not None:
            value = torch.cat([values[layer], value[..., 1:, :]], -2)
        if scores is not None:
            # A key of zeros scores 0 with every query; the mask adds the rest.
            key = torch.cat([torch.zeros_like(key[..., :1, :]), key[..., 1:, :]], -2)
            mask = torch.where(mask, 0.0, -torch.inf).repeat(query.shape[-3], 1, 1)
            mask[..., 0] += scores[layer][:, None]
        return scaled_dot_product_attention(query, key, value, mask, enable_gqa=True)

    return attend


def without_key(n, place, first_row=None):
    """Hide the token at a place from later ones: a bool Tensor of shape (n, n).

    The token still sees itself. A token hidden from *every* query would be deleted, and
    where it is the first, the next one would take over what it does.

    Parameters
    ----------
    n : int
        Number of tokens.
    place : int or list of int
        The place of the one that is hidden; of several, where `first_row` is given.
    first_row : int, optional
        The first query from which it is hidden; the next token's if None.
    """
    mask = torch.ones(n, n, dtype=torch.bool)
    mask[place + 1 if first_row is None else first_row :, place] = False
    return mask
