"""Ask how well the real model predicts five texts, and how much of that attention does.

Protocol. SmolLM2-135M-Instruct reads the first 512 tokens of each of five frozen texts.
Measured is the mean cost of the tokens after the first, in nats: minus the log of the
probability that the model gave the token which came. Once with its own attention, once
with equal weights on all tokens so far (scores times 0). What any change of attention
costs lies between these two. Licence and library texts were probably seen in training.
One small model, quantised to 4 bits: an example, and no more.
"""

from attention_lib.book.real import load_model, texts
from attention_lib.book.real.attending import weighed
from attention_lib.book.real.wheel import SETTINGS

__all__ = ["protocol", "reduced"]

LENGTH = 512


def measured(model, count):
    """Measure the first `count` texts."""
    read = dict(list(texts(LENGTH).items())[:count])
    ways = {"own weights": weighed(), "equal weights": weighed(sharpness=0.0)}
    return {
        "settings": SETTINGS | {"tokens": LENGTH},
        "text": list(read),
        **{
            name: [model.nats(ids, attend).mean().item() for ids in read.values()]
            for name, attend in ways.items()
        },
    }


def reduced(model):
    """Measure the first text again, for ``make real``."""
    return measured(model, 1)


def protocol():
    """Measure all texts."""
    return measured(load_model(), len(texts()))
