"""Cut text into tokens, as GPT-2 does: byte-level byte-pair encoding.

Text is split into words, each with the space before it. A word is written as its bytes,
one sign for each, and the pair of neighbours that comes first in the list of merges
becomes one sign, again and again (Sennrich, Haddow and Birch, 2016,
https://doi.org/10.18653/v1/P16-1162; Radford et al., 2019). Numerals stand alone.
"""

import re
from functools import lru_cache
from itertools import groupby, pairwise
from unicodedata import category

__all__ = ["Tokenizer"]

# The pattern of GPT-2, for text without numerals; a letter is what `\w` then leaves.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W_]+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
# A byte that prints as itself is its own sign; the others take signs from 256 on.
PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
HIDDEN = [byte for byte in range(256) if byte not in PRINTED]
SIGN = {byte: chr(byte) for byte in PRINTED}
SIGN |= {byte: chr(256 + i) for i, byte in enumerate(HIDDEN)}
BYTE = {sign: byte for byte, sign in SIGN.items()}


class Tokenizer:
    """The tokens of a model, from text and back.

    Parameters
    ----------
    metadata : dict of str
        What `read_gguf` gives of the file: its ``tokenizer.ggml.tokens`` and
        ``tokenizer.ggml.merges``.
    """

    def __init__(self, metadata):
        self._tokens = metadata["tokenizer.ggml.tokens"]
        self._ids = {token: i for i, token in enumerate(self._tokens)}
        merges = metadata["tokenizer.ggml.merges"]
        self._rank = {tuple(merge.split(" ")): i for i, merge in enumerate(merges)}
        self._encode_word = lru_cache(maxsize=None)(self._merged)

    def encode(self, text):
        """Give the ids of the tokens of a text. Nothing in it is special.

        Parameters
        ----------
        text : str
            Any text.

        Returns
        -------
        list of int
            The ids.
        """
        words = ("".join(SIGN[byte] for byte in w.encode()) for w in words_of(text))
        return [i for word in words for i in self._encode_word(word)]

    def decode(self, ids):
        """Give the text of some tokens.

        Parameters
        ----------
        ids : iterable of int
            The ids.

        Returns
        -------
        str
            The text; where it starts or ends within a character, with a mark in its
            place.
        """
        signs = "".join(self._tokens[i] for i in ids)
        return bytes(BYTE[sign] for sign in signs).decode("utf-8", "replace")

    def _merged(self, word):
        parts = list(word)
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            first = min(pairs, key=lambda pair: self._rank.get(pair, len(self._rank)))
            if first not in self._rank:
                break
            i = pairs.index(first)
            parts[i : i + 2] = ["".join(first)]
        return [self._ids[part] for part in parts]


def words_of(text):
    """Split a text into numerals and words, which may start with a space."""
    for is_numeral, signs in groupby(text, lambda sign: category(sign)[0] == "N"):
        run = "".join(signs)
        yield from run if is_numeral else WORDS.findall(run)
