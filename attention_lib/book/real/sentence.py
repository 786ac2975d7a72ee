"""The sentence with which the book opens, and what a real head made of it."""

from typing import NamedTuple

import numpy as np

from attention_lib.book.experiments import arrays, load

__all__ = ["sentence"]


class Sentence(NamedTuple):
    """The words of a sentence, and the weights of one head on them."""

    words: list
    weights: np.ndarray


def sentence(layer=26, head=0, *, after=False):
    """Read the weights that a head of SmolLM2 gave to the words of a sentence.

    The sentence is "The keys to the old wooden cabinet", and the model expects a verb
    that agrees with *keys*. The weights are as saved: neither the model nor torch is
    needed. The experiment ``agreement`` has what else was measured on it.

    Parameters
    ----------
    layer, head : int, default 26 and 0
        The head, counted from 0: one of 9 in one of 30 layers.
    after : bool, default False
        Whether the sentence comes after "It was late.": alone, its first word serves
        the model as a sink.

    Returns
    -------
    words : list of str
        The words, and stops.
    weights : array of float64, shape (words, words)
        One row for each word as a query. It gives nothing to later words, and its
        weights sum to one.

    Examples
    --------
    >>> words, weights = sentence()
    >>> words[weights[-1].argmax()]
    'keys'
    """
    where = "after" if after else "alone"
    words = load("agreement")["result"][where]["first"]["words"]
    return Sentence(words, arrays("agreement")[where][layer, head].astype(np.float64))
