"""Ask whether a head can count, and average, at lengths it has not seen.

Protocol. A token is a one-hot colour of 8 and a value from N(0, 1). The query is a
colour that occurs. One model learns how many tokens have it, another the mean of their
values: one head (d 32, with biases) and a linear read-out of one number. The scores are
not divided by the root of d: with softer scores sigmoid is not done in 400 steps, and
is then no good at 256. 400 batches of 64 sets of 8 to 32 tokens; Adam (0.9, 0.98),
clipped at 1 a replica, 10 % warm-up, cosine to zero, rate 1e-2; 6 replicas. R² on 512
new sets of 16, 32 and 256 tokens; below zero it is worse than always answering the
mean. A toy that shows a mechanism: the sum of what matches grows with the row, and an
average cannot.
"""

import torch

from attention_lib.book.experiments import maps, replicas

__all__ = ["LENGTHS", "TASKS", "protocol", "train_and_measure"]

COLOURS, D = 8, 32
SHORTEST, LONGEST = 8, 32
LENGTHS = (16, 32, 256)
TASKS = ("count", "mean")
TESTED = 512  # sets a replica and length
CELLS = ("softmax", "raw", "sig", "relu", "sig+b", "relu/n")


def sets(source, n_replicas, size, shortest, longest, task):
    """Draw tokens (replicas, size, longest, 9), which of them are there, and the rest.

    The rest is the colour asked for, and the answer.
    """
    shape = (n_replicas, size, longest)
    lengths = torch.randint(shortest, longest + 1, (*shape[:2], 1), generator=source)
    there = torch.arange(longest) < lengths
    colour = torch.randint(COLOURS, shape, generator=source)
    value = replicas.normal(source, *shape)
    asked = colour[..., :1]  # a colour that occurs
    match = ((colour == asked) & there).float()
    answer = match.sum(-1)
    if task == "mean":
        answer = (match * value).sum(-1) / answer
    query = torch.nn.functional.one_hot(asked, COLOURS).float()
    hot = torch.nn.functional.one_hot(colour, COLOURS)
    return torch.cat([hot, value[..., None]], -1), there[..., None, :], query, answer


def start(source, n_replicas):
    """Start the head and its read-out."""
    sizes = {
        "query": (COLOURS, D),
        "key": (COLOURS + 1, D),
        "value": (COLOURS + 1, D),
        "read": (D, 1),
    }
    parameters = {}
    for name, (fan_in, fan_out) in sizes.items():
        parameters[name] = replicas.matrix(source, n_replicas, fan_in, fan_out)
        parameters[f"{name} bias"] = replicas.bias(source, n_replicas, fan_in, fan_out)
    return parameters


def answers(parameters, weighting, tokens, there, query):
    """Give the model's number for each set."""

    def layer(x, name):
        return replicas.apply(x, parameters[name], parameters[f"{name} bias"])

    query, key = layer(query, "query"), layer(tokens, "key")
    weights = replicas.weights_of(weighting, query, key, there, scale=1.0)
    return layer(weights @ layer(tokens, "value"), "read")[..., 0, 0]


def train_and_measure(
    weighting,
    task,
    *,
    lengths=LENGTHS,
    n_replicas=6,
    steps=400,
    rate=1e-2,
    seed=0,
):
    """Train one map for one task and measure it at several lengths.

    Parameters
    ----------
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    task : {"count", "mean"}
        What to answer.
    lengths : sequence of int
        Sizes of the sets it is tested on.
    n_replicas, steps, rate, seed
        As in the protocol.

    Returns
    -------
    dict of int to array, shape (n_replicas,)
        R² by length.
    """
    weighting, source = maps.get_map(weighting), replicas.stream(seed)
    parameters = start(source, n_replicas)

    def errors(size, shortest, longest):
        *given, answer = sets(source, n_replicas, size, shortest, longest, task)
        return answers(parameters, weighting, *given) - answer, answer

    def losses():
        return errors(64, SHORTEST, LONGEST)[0].square().mean(1)

    replicas.train(parameters, losses, steps, rate)
    explained = {}
    for length in lengths:
        with torch.no_grad():
            error, answer = errors(TESTED, length, length)
        scores = 1 - error.square().mean(1) / answer.var(1, correction=0)
        explained[length] = scores.numpy()
    return explained


def protocol():
    """Run every map on both tasks."""
    return {
        "settings": {"seed": 0, "replicas": 6, "steps": 400, "batch": 64, "rate": 1e-2},
        "r2": {
            task: {name: train_and_measure(name, task) for name in CELLS}
            for task in TASKS
        },
    }
