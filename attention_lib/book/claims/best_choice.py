"""Claim 32, the essay's section 5: that softmax is the best choice."""

from functools import partial

import numpy as np

from attention_lib.book.claims.ledger import claim
from attention_lib.book.experiments import (
    bayes_lookup,
    cell_of,
    count_and_mean,
    maps,
    noisy_length,
    replicas,
    trained,
    trigger,
)

CLEARLY = 0.9  # of an error: less than this part of it is clearly better
PAIRS, LONG = 32, 2048


def look_up_in_noise(name):
    """Look up queries that are a key with much noise: how far from the best guess."""
    drawn = bayes_lookup.data(1, lengths=(PAIRS,), size=128)
    parameters = trained("bayes_lookup", map=name)
    found = bayes_lookup.score(parameters, maps.get_map(name), drawn)
    return found["excess_risk"][PAIRS]


def look_up_in_a_long_row(name):
    """Look up queries with a third of that noise among 2048 pairs."""
    drawn = noisy_length.data(1, noise="little", sizes={LONG: 24})
    parameters = trained("noisy_length", map=name, noise="little")
    found = noisy_length.score(parameters, maps.get_map(name), drawn)
    return found["excess_risk"][LONG]


def give_nothing_but_at_a_trigger(name):
    """Give the mean of what came before where a trigger stands, and elsewhere zero."""
    drawn = trigger.data(1, bos=False, sets=64)
    parameters = trained("trigger", map=name, bos=False, gate=False)
    return trigger.score(parameters, maps.get_map(name), drawn)["error"]


def count(name):
    """Count the tokens that match the query: what is left of the variance."""
    drawn = count_and_mean.data(1, asks="count", lengths=(), size=128)
    parameters = trained("count_and_mean", map=name, asks="count")
    found = count_and_mean.score(parameters, maps.get_map(name), drawn)
    return 1 - found["r2"]["trained"]


RIVALS = tuple(name for name in bayes_lookup.MAPS if name != "softmax")


def where_softmax_is_the_best_guess():
    """Take the task, and all other maps that were trained for it."""
    yield look_up_in_noise, RIVALS


def where_nothing_a_sum_or_one_key_is_asked():
    """Take three other tasks, and maps that are made for them."""
    yield give_nothing_but_at_a_trigger, ("off-by-one", "relu/n")
    yield count, ("sig", "raw")
    yield look_up_in_a_long_row, ("sparsemax",)


def saved(experiment, measure, key, name, **settings):
    """Give a measure of all replicas, at the map's best rate."""
    found = cell_of(experiment, map=name, **settings)[measure]
    return np.array(found[str(key)] if key else found)


def every_replica_says_the_same_and_one_rival_has_become_softmax():
    """Read what was saved: the worst of the better map is better than the other's."""
    off = partial(saved, "bayes_lookup", "excess_risk", PAIRS)
    much, little = (
        partial(saved, "noisy_length", "excess_risk", LONG, noise=noise)
        for noise in ("much", "little")
    )
    left = partial(saved, "trigger", "error", None, bos=False, gate=False)
    explained = partial(saved, "count_and_mean", "r2", "trained", asks="count")
    others = [off(name).min() for name in RIVALS if name != "sig/Σ"]
    return (
        off("softmax").max() < min(others)
        and much("softmax").max() < much("sparsemax").min()
        and little("sparsemax").max() < little("softmax").min()
        and left("off-by-one").max() < 0.001 < 0.9 < left("softmax").min()
        and explained("softmax").max() < 0.1 < 0.999 < explained("sig").min()
        and normalized_sigmoid_and_softmax_differ_by() < 0.01
    )


def normalized_sigmoid_and_softmax_differ_by():
    """Give half of the sum of differences of the weights, in the sigmoid's head."""
    parameters, (keys, values, query, *_) = replicas.frozen(
        trained("bayes_lookup", map="sig/Σ"),
        bayes_lookup.data(1, lengths=(PAIRS,), size=64)[PAIRS],
    )
    one, other = (
        bayes_lookup.look_up(parameters, maps.get_map(name), keys, values, query)[1]
        for name in ("sig/Σ", "softmax")
    )
    return (abs(one - other).sum(-1).mean() / 2).item()


@claim(
    "32",
    "5",
    "So it is the best choice for attention.",
    "It depends on what is asked; and claim 31, from which it is to follow, is false. "
    "Where a query is a key of length one with much noise, softmax is the best guess "
    "that there is (claim 10). Of the eight other maps that we trained none came "
    "clearly nearer, and the one that came as near, the normalised sigmoid, had "
    "learned to be softmax (claim 29). Where mostly nothing is to be read, softmax "
    "with one more key of value zero does far better; where keys are to be counted, "
    "sigmoid; and where there is little noise, in rows much longer than in training, "
    "sparsemax. These are toys.",
    "06c_which_weighting#Is softmax the best choice?",
    one=where_softmax_is_the_best_guess,
    other=where_nothing_a_sum_or_one_key_is_asked,
    why="Softmax is Bayes' rule for keys of one length in Gaussian noise. Other "
    "questions have other answers: nothing, a sum, or one key alone.",
    besides=every_replica_says_the_same_and_one_rival_has_become_softmax,
)
def no_rival_errs_clearly_less(case):
    """Let trained heads do a task, each with the map that it was trained with."""
    task, rivals = case
    own, others = task("softmax"), {name: task(name) for name in rivals}
    best = min(others, key=lambda name: others[name].mean())
    holds = all((CLEARLY * own <= found).all() for found in others.values())
    task = task.__name__.replace("_", " ")
    return holds, f"{task}: error {own.mean():.2g}, {best} {others[best].mean():.2g}"
