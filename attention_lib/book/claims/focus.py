"""Claim 12, the essay's section 2.2: focus."""

import numpy as np
import torch

from attention_lib.book.claims.ledger import claim
from attention_lib.book.experiments import maps, replicas, retrieval, trained

CLEARLY = 0.9  # part of the look-ups that must be right


def the_map_is_blunt_or_signed(name):
    """Let one of two keys lead by a score of ten, and compare their weights."""
    query = 5**0.5 * replicas.units(replicas.stream(0), 1, 1, 1, 32)
    key = torch.cat([query, -query], 2)
    weights = replicas.weights_of(maps.get_map(name), query, key, scale=1.0)
    best, worst = weights.flatten().tolist()
    return worst < 0 or best < 100 * worst


def look_ups(name):
    """Give the part of look-ups among 32 pairs that a trained model gets right."""
    parameters, drawn = trained("retrieval", map=name), retrieval.data(sizes={32: 500})
    found = retrieval.score(parameters, maps.get_map(name), drawn)
    return found["accuracy"][32]


def softmax_changes_no_order():
    """Rank random scores before softmax and after, and look up with it."""
    scores = np.random.default_rng(0).normal(size=(1000, 16))
    same = np.array_equal(maps.get_map("softmax")(scores).argsort(), scores.argsort())
    return same and look_ups("softmax").min() > CLEARLY


@claim(
    "12",
    "2.2",
    "Without softmax the model may be unable to tell clearly which parts matter more.",
    "If the map in its place is blunt or signed. The scores hold the order already; "
    "but in our toy plain scores, tanh, the kernel of linear attention and equal "
    "weights do not learn to find one pair of 32 reliably. Maps that are sharp and not "
    "negative learn it, and softmax is one of several.",
    "01b_memory_and_cost#How much can it remember?",
    condition=the_map_is_blunt_or_signed,
    inside=["raw/n", "tanh", "linear", "uniform"],
    outside=["sparsemax", "sig+b", "sig/Σ", "relu", "exp/n"],
    besides=softmax_changes_no_order,
    stays={
        "sparsemax": "it speaks of what is there without softmax",
        "sigmoid": "it speaks of what is there without softmax",
    },
)
def the_look_up_is_not_learned(name):
    """Count the look-ups that models trained with a map get right."""
    right = look_ups(name)
    return right.max() < CLEARLY, f"{name} gets {right.mean():.0%} right"
