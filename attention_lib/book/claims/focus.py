"""Claim 12, the essay's section 2.2: focus."""

import numpy as np

from attention_lib import softmax
from attention_lib.book.claims.ledger import claim
from attention_lib.book.experiments import load


@claim(
    "12",
    "2.2",
    "Without softmax the model may be unable to tell which parts matter more.",
    "false as stated",
    "The scores hold the order already, and softmax does not change it. A linear "
    "memory, with no softmax, recalls most of 32 stored pairs, and softmax of small "
    "scores far fewer. Sharpness buys capacity: softmax of large scores recalls "
    "thousands.",
    "01_motivation#How much can it remember?",
)
def a_linear_memory_recalls_better_than_blunt_softmax():
    """Compare the order, then what three memories recall."""
    rows = np.random.default_rng(0).normal(size=(1000, 16))
    assert np.array_equal(softmax(rows).argsort(), rows.argsort())
    saved = load("capacity")["result"]
    few, many = (saved["pairs"].index(n) for n in (32, 8192))
    linear, blunt, sharp = (
        np.array(saved["recall"][memory])
        for memory in ("raw", "softmax β=1", "softmax β=20")
    )
    assert linear[few].min() > 0.85
    assert (linear[few] - blunt[few]).min() > 0.3
    assert linear[many].max() < 0.01 < 0.99 < sharp[many].min()
    shares = linear[few].mean(), blunt[few].mean()
    return "{:.0%} of 32 recalled; softmax β=1: {:.0%}".format(*shares)
