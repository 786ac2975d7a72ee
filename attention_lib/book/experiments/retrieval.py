"""Ask which maps can learn to look a pair up, and how far it carries.

Protocol. A token is a unit key of 16 dimensions and a one-hot class of 16; the query is
one of the keys, without a class. Keys and classes are embedded to 32 and added; one
head attends (d 32; scores 2 q . k, since those that start near zero are slow to learn),
the embedded query is added, then LayerNorm and a linear read-out of the class. Biases
start at zero. 400 batches of 64 sets of 32 pairs; Adam (0.9, 0.98), clipped at 1 a
replica, 10 % warm-up, cosine to zero, rate 1e-2 (tanh: 3e-3); 6 replicas. Accuracy on
512 new sets of 32 pairs and 256 of 512.

The rate and the start decide which maps fail: `protocol` also runs other rates, and at
2e-2 every replica of `exp/n` dies. With scores twice as sharp one replica of sparsemax
in twelve died, and with biases drawn like the matrices two of ReLU in six. The
LayerNorm can replace a denominator: at its rate `exp/n` does as well as softmax. A toy
that shows what is learnable at all, and no ranking of maps that learn.
"""

import torch

from attention_lib.book.experiments import maps, replicas

__all__ = ["LENGTHS", "protocol", "rate_of", "train_and_measure"]

D_KEY, CLASSES, WIDTH = 16, 16, 32
PAIRS, SHARPNESS = 32, 2.0
LENGTHS = (32, 512)
RATES = (3e-3, 1e-2, 2e-2)
CELLS = (
    "softmax",
    "sparsemax",
    "sig+b",
    "sig/Σ",
    "relu",
    "exp/n",
    "raw/n",
    "tanh",
    "linear",
    "uniform",
)


def rate_of(name):
    """Give the rate at which a map of this name learns best, of those tried."""
    return 3e-3 if name == "tanh" else 1e-2


def sets(source, n_replicas, size, pairs):
    """Draw keys, one-hot classes, a query, and the class that is asked for."""
    keys = replicas.units(source, n_replicas, size, pairs, D_KEY)
    classes = torch.randint(CLASSES, (n_replicas, size, pairs), generator=source)
    hot = torch.nn.functional.one_hot(classes, CLASSES).float()
    # Pairs are alike, so the first is as good as any.
    return keys, hot, keys[..., :1, :], classes[..., 0]


def start(source, n_replicas):
    """Start the embedding, the head, LayerNorm and the read-out."""
    sizes = {
        "embed key": (D_KEY, WIDTH),
        "embed class": (CLASSES, WIDTH),
        "query": (WIDTH, WIDTH),
        "key": (WIDTH, WIDTH),
        "value": (WIDTH, WIDTH),
        "read": (WIDTH, CLASSES),
    }
    parameters = {}
    for name, (fan_in, fan_out) in sizes.items():
        parameters[name] = replicas.matrix(source, n_replicas, fan_in, fan_out)
        # A drawn bias can make every score of a ReLU negative, for good.
        zeros = torch.zeros(n_replicas, 1, fan_out, requires_grad=True)
        parameters[f"{name} bias"] = zeros
    parameters["gain"] = torch.ones(n_replicas, 1, 1, WIDTH, requires_grad=True)
    parameters["shift"] = torch.zeros(n_replicas, 1, 1, WIDTH, requires_grad=True)
    return parameters


def class_scores(parameters, weighting, keys, hot, query):
    """Give the read-out, (replicas, size, classes)."""

    def layer(x, name):
        return replicas.apply(x, parameters[name], parameters[f"{name} bias"])

    tokens = layer(keys, "embed key") + layer(hot, "embed class")
    query = layer(query, "embed key")
    weights = replicas.weights_of(
        weighting, layer(query, "query"), layer(tokens, "key"), scale=SHARPNESS
    )
    mixed = query + weights @ layer(tokens, "value")
    normed = torch.nn.functional.layer_norm(mixed, (WIDTH,))
    normed = normed * parameters["gain"] + parameters["shift"]
    return layer(normed, "read")[..., 0, :]


def train_and_measure(
    weighting,
    *,
    lengths=LENGTHS,
    n_replicas=6,
    steps=400,
    rate=1e-2,
    seed=0,
):
    """Train one map on 32 pairs and test it at several lengths.

    Parameters
    ----------
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    lengths : sequence of int
        Numbers of pairs it is tested on.
    n_replicas, steps, rate, seed
        As in the protocol.

    Returns
    -------
    dict of int to array, shape (n_replicas,)
        Accuracy by number of pairs; chance is 1/16.
    """
    weighting, source = maps.get_map(weighting), replicas.stream(seed)
    parameters = start(source, n_replicas)

    def losses():
        *given, answer = sets(source, n_replicas, 64, PAIRS)
        read = class_scores(parameters, weighting, *given)
        return cross_entropy(read, answer)

    replicas.train(parameters, losses, steps, rate)
    return {
        length: accuracy(parameters, weighting, source, n_replicas, length)
        for length in lengths
    }


def cross_entropy(read, answer):
    """Give the mean loss of each replica."""
    losses = torch.nn.functional.cross_entropy(
        read.flatten(0, 1), answer.flatten(), reduction="none"
    )
    return losses.view(answer.shape).mean(1)


def accuracy(parameters, weighting, source, n_replicas, length):
    """Give the part of right answers of each replica, 64 sets at a time."""
    tested = 512 if length <= PAIRS else 256
    right = 0
    with torch.no_grad():
        for _ in range(tested // 64):
            *given, answer = sets(source, n_replicas, 64, length)
            read = class_scores(parameters, weighting, *given)
            right = right + (read.argmax(-1) == answer).sum(1)
    return (right / tested).numpy()


def protocol():
    """Run every map at its rate, and five replicas at three rates."""
    return {
        "settings": {
            "seed": 0,
            "replicas": 6,
            "steps": 400,
            "batch": 64,
            "pairs": PAIRS,
        },
        "accuracy": {
            name: {"rate": rate_of(name), **train_and_measure(name, rate=rate_of(name))}
            for name in CELLS
        },
        "by_rate": [
            {"map": name, "rate": rate, **train_and_measure(name, rate=rate)}
            for name in CELLS
            for rate in RATES
            if rate != rate_of(name)
        ],
    }
