"""What a measure gives in every layer of a model that reads a text."""

import torch

from attention_lib.book.real.model import softmax_attention

__all__ = ["by_layer"]


def by_layer(model, ids, measure, dim=0):
    """Let a model read as it does, and measure what each layer is given.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        The text.
    measure : callable
        ``(query, key, value)`` gives Tensors by name.
    dim : int, default 0
        Where the axis of the layers comes.

    Returns
    -------
    dict of str to Tensor
        By the same names, all layers.
    """
    layers = []

    def attend(layer, query, key, value):
        layers.append(measure(query, key, value))
        return softmax_attention(layer, query, key, value)

    model(ids, attend, last=1)
    return {name: torch.stack([m[name] for m in layers], dim) for name in layers[0]}
