"""What the tests put in the place of attention, to see whether a claim notices."""

__all__ = ["IMPOSTORS", "all_of_them"]

# `tests/impostors.py` has the functions.
IMPOSTORS = {
    "a constant added": "one is added to every output and to every weight",
    "the mean of the values": "attention gives the mean of all values",
    "uniform weights": "every key gets the same weight",
    "shuffled weights": "every key gets another one's weight",
    "sparsemax": "sparsemax is taken for softmax",
    "sigmoid": "the sigmoid of each score is taken for softmax",
    "the scores": "the scores are given back as weights",
}


def all_of_them(reason):
    """Say of every impostor that a claim stays true under it, for one reason."""
    return dict.fromkeys(IMPOSTORS, reason)
