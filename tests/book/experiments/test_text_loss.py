"""What the real model's predictions cost, as saved; ``make real`` measures it again."""

import math

import numpy as np

from attention_lib.book.experiments import load
from attention_lib.book.real import SOURCES

RESULT = load("text_loss")["result"]
TOKENS = 49152


def test_the_model_predicts_every_text_far_better_than_chance():
    own = np.array(RESULT["own weights"])
    assert RESULT["text"] == list(SOURCES)
    assert own.min() > 1
    assert own.max() < math.log(TOKENS) / 2  # [3.8], of 10.8


def test_with_equal_weights_much_of_that_is_lost():
    lost = np.array(RESULT["equal weights"]) - RESULT["own weights"]
    assert lost.min() > 3  # [3.6]
    assert lost.mean() > 4  # [4.8]
