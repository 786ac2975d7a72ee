"""Claim 19, the essay's section 2.3: what a map of the weights is good for."""

import numpy as np

from attention_lib.book import seeded_bugs
from attention_lib.book.claims.ledger import claim
from attention_lib.book.experiments import (
    cell_of,
    flagged_tokens,
    maps,
    replicas,
    trained,
    which_token,
)

FOUND = 0.9  # part of the sets in which the largest weight must point rightly


def models_and_sets(asks):
    """Give models that were trained for a task, and new sets of it."""
    return replicas.frozen(
        trained("which_token", map="softmax", asks=asks),
        which_token.data(1, asks=asks, size=128),
    )


def pointing(asks):
    """Give how often each model that solves a task weighs the deciding token most."""
    parameters, (tokens, deciding, answer) = models_and_sets(asks)
    content = replicas.apply(tokens, parameters["content"])
    weigh = maps.get_map("softmax")
    scores, weights, _ = flagged_tokens.read(parameters, weigh, content)
    solved = (scores.argmax(-1) == answer).float().mean(1) > which_token.SOLVED
    _, top = which_token.above(weights[-1][..., -1, :-1], tokens, deciding)
    return top[solved.numpy()]


def what_points_elsewhere_has_read_it_and_what_is_left_out_is_found():
    """Follow the weights of both layers, read all runs, and find faults elsewhere."""
    direct, hop = (
        cell_of("which_token", map="softmax", asks=asks) for asks in ("direct", "hop")
    )
    top = which_token.solved(hop, "top_1", "attention")
    both = np.add(top, which_token.solved(hop, "on_flag"))
    spread = len(top) >= 5 and max(top) > FOUND and min(both) > 0.8
    parameters, (tokens, deciding, _) = models_and_sets("hop")
    weigh = maps.get_map("softmax")
    ways = flagged_tokens.routes(parameters, weigh, tokens, deciding)
    beside = ways["answer reads marker"] > FOUND
    read = beside.any() and (ways["marker reads digit"][beside] > FOUND).all()
    straight = min(which_token.solved(direct, "top_1", "attention")) > FOUND
    hidden = min(which_token.solved(hop, "auc", "occlusion")) > FOUND
    others = (seeded_bugs.maps(seed).items() for seed in range(1, 4))
    found = all(seeded_bugs.diagnosis(w) == name for head in others for name, w in head)
    return spread and read and straight and hidden and found


@claim(
    "19",
    "2.3",
    "This makes the model more interpretable, and easier to debug and to analyse.",
    "For what a map shows it does: which token one layer reads, and faults in the code "
    "of a head, such as a mask that begins too late. What a model of several layers "
    "answers by is another question. In our toy of two layers a flag points at a "
    "digit. Models that all answer rightly give this digit more weight than any other "
    "digit always, or hardly ever; leaving tokens out ranks it above nearly all others "
    "in each.",
    "04b_which_token#What a map is good for",
    one=["faults", "direct"],
    other=["hop"],
    why="A map says from where a layer reads. After the first layer the place of a "
    "token also holds what was read from others, so that the answer may come through "
    "any of them.",
    besides=what_points_elsewhere_has_read_it_and_what_is_left_out_is_found,
)
def the_map_shows_what_is_asked(case):
    """Name faults by the map of a head, or find the token that decides."""
    if case == "faults":
        found = seeded_bugs.maps()
        right = sum(seeded_bugs.diagnosis(found[name]) == name for name in found)
        return right == len(found), f"{right} of {len(found)} heads named by their maps"
    shares = pointing(case)
    if not len(shares):
        return False, "no model solves it"
    shown = " and ".join(f"{share:.0%}" for share in np.sort(shares)[[0, -1]])
    layers = flagged_tokens.LAYERS[case]
    figure = f"the largest weight in layer {layers} finds it in {shown} of the sets"
    return shares.min() > FOUND, figure
