"""Claim 12, the essay's section 2.2: focus."""

import numpy as np
import torch

from attention_lib.book.claims.ledger import claim
from attention_lib.book.experiments import (
    cell_of,
    maps,
    replicas,
    retrieval,
    trained,
)

CLEARLY = 0.9  # part of the look-ups that must be right
FAILING = ("raw/n", "tanh", "linear", "uniform")
LEARNING = ("sparsemax", "sig+b", "sig/Σ", "relu", "exp/n")


def the_map_is_blunt_or_signed(name):
    """Let one of two keys lead by a score of ten, and compare their weights."""
    query = 5**0.5 * replicas.units(replicas.stream(0), 1, 1, 1, 32)
    key = torch.cat([query, -query], 2)
    weights = replicas.weights_of(maps.get_map(name), query, key, scale=1.0)
    best, worst = weights.flatten().tolist()
    return worst < 0 or best < 100 * worst


def look_ups(name, size=256):
    """Give the part of new look-ups among 32 pairs that a trained model gets right."""
    found = retrieval.score(
        trained("retrieval", map=name),
        maps.get_map(name),
        retrieval.data(1, sizes={32: size}),
    )
    return found["accuracy"][32]


def the_order_is_kept_and_every_replica_agrees():
    """Rank scores before softmax and after; read all that was trained at best rates."""
    scores = np.random.default_rng(0).normal(size=(1000, 16))
    kept = np.array_equal(maps.get_map("softmax")(scores).argsort(), scores.argsort())
    agree = []
    for names, learned in ((FAILING, False), (("softmax", *LEARNING), True)):
        for name in names:
            right = np.array(cell_of("retrieval", map=name)["accuracy"]["32"])
            agree.append(len(right) >= 5 and ((right > CLEARLY) == learned).all())
    return kept and all(agree)


@claim(
    "12",
    "2.2",
    "Without softmax the model may be unable to tell clearly which parts matter more.",
    "If the map in its place is blunt or signed. The scores hold the order already; "
    "but in our toy plain scores, tanh, the kernel of linear attention and equal "
    "weights do not learn to find one pair of 32 reliably. Those we tried that are "
    "sharp and not negative learned it, each at its best rate, and softmax is one of "
    "several.",
    "01b_memory_and_cost#How much can it remember?",
    condition=the_map_is_blunt_or_signed,
    inside=FAILING,
    outside=LEARNING,
    besides=the_order_is_kept_and_every_replica_agrees,
    stays={
        "sparsemax": "it speaks of what is there without softmax",
        "sigmoid": "it speaks of what is there without softmax",
    },
)
def the_look_up_is_not_learned(name):
    """Count the look-ups that models trained with a map get right."""
    right = look_ups(name)
    return right.max() < CLEARLY, f"{name} gets {right.mean():.0%} right"
