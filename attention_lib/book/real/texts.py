"""Five texts on which the model is measured, frozen as the ids of their tokens.

They are saved in ``texts.npz``, the first 2048 tokens of each, and are never made anew:
the book's chapters change, and a library's files change with its versions. The ids give
the text back, byte for byte, with the model's tokenizer.
"""

from importlib import resources
from typing import NamedTuple

import numpy as np

__all__ = ["SOURCES", "texts"]


class Source(NamedTuple):
    """Where a text comes from, and on which terms it may be copied."""

    title: str
    licence: str


BOOK = "CC BY 4.0, The Why softmax? authors; what it quotes of the essay is not"
PYTHON = (
    "PSF-2.0 (https://docs.python.org/3.11/license.html), Copyright (c) 2001-2023 "
    "Python Software Foundation; All Rights Reserved. Cut short, otherwise unchanged"
)
SOURCES = {
    "book 1": Source("prose of an early form of this book's first chapter", BOOK),
    "book 2": Source("prose of an early form of this book's second chapter", BOOK),
    "python licence": Source("LICENSE.txt of Python 3.11.7", PYTHON),
    "pydoc topics": Source(
        "pydoc_data/topics.py of Python 3.11.7: with, exceptions, import", PYTHON
    ),
    "python code": Source("heapq.py of Python 3.11.7", PYTHON),
}


def texts(length=2048):
    """Read the first tokens of each text.

    Parameters
    ----------
    length : int, default 2048
        How many tokens of each; the default is all.

    Returns
    -------
    dict of str to array of int64, shape (length,)
        Ids, by the names of `SOURCES`.
    """
    saved = resources.files("attention_lib.book.real") / "texts.npz"
    with saved.open("rb") as file, np.load(file) as arrays:
        return {name: arrays[name][:length].astype(np.int64) for name in SOURCES}
