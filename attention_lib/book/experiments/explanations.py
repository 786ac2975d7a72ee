"""Ask whether a map of attention finds the token that decides what a model predicts.

Protocol. SmolLM2-135M-Instruct reads windows of 40 tokens, 10 of each of five frozen
texts, which do not overlap, and predicts the token after each. What a token before the
last one does to that is measured in two ways: it is *erased*, hidden from all later
tokens in every layer, or its vector is *replaced* by the mean of those of all tokens.
The effect is the Kullback-Leibler divergence of the prediction then from the one
before, in nats; the Jensen-Shannon divergence is compared with it. Explanations score
the same tokens without any such trial: the weight in the last row, in the *mean of
heads* or that of the *late layers* 15 to 29; *weight × norm*, where the norm is that of
what the value adds to the last token, in the mean of all heads (Kobayashi et al., 2020,
https://doi.org/10.18653/v1/2020.emnlp-main.574); *rollout* of the heads' means (Abnar
and Zuidema, 2020, https://arxiv.org/abs/2005.00928); the *gradient norm* of the log
probability of the likeliest next token with respect to a token's vector, and the size
of *gradient × input*, its product with that vector. Two know nothing of the model:
*nearness*, which ranks later tokens higher, and a *random order*. Measured is
Spearman's correlation of the ranks, also at equal nearness, and whether the token with
the largest effect has the highest score. Token 0, a sink whatever it says, is left out,
and once left in. Against tests of one explanation by another it was said that none of
them agree well (Neely et al., 2022, https://arxiv.org/abs/2205.04559): how well these
do is measured too. Ranges are of 2000 bootstrap samples of the windows. One small
model, quantised to 4 bits: an example, and no more.
"""

import numpy as np
import torch

from attention_lib.book.experiments.agreement import rank_correlation
from attention_lib.book.real import load_model, texts
from attention_lib.book.real.explaining import divergences, explained, trials
from attention_lib.book.real.wheel import SETTINGS

__all__ = ["EXPLANATIONS", "TRUTHS", "protocol", "reduced"]

LENGTH, WINDOWS = 40, 10
LATE = 15
EXPLANATIONS = (
    "mean of heads",
    "late layers",
    "weight × norm",
    "rollout",
    "gradient norm",
    "gradient × input",
    "nearness",
    "random order",
)
TRUTHS = ("erased", "replaced")
VALUES = (*TRUTHS, "mean of heads", "late layers")  # of all others, the ranks are saved
SAMPLES = 2000


def windows(seed=0):
    """Draw windows of each text: its name, and the place of the first token."""
    rng = np.random.default_rng(seed)
    return [
        (name, LENGTH * int(number))
        for name, ids in texts().items()
        for number in sorted(rng.choice(len(ids) // LENGTH, WINDOWS, replace=False))
    ]


def of_window(model, ids, rng):
    """Give by name each explanation's scores, and what each trial changes."""
    prediction, found = explained(model, ids, LATE)
    mean = model.embedded(torch.arange(len(prediction))).mean(0)
    found["nearness"] = np.arange(len(ids) - 1)
    found["random order"] = rng.permutation(len(ids) - 1)
    for truth, vector in zip(TRUTHS, (None, mean), strict=True):
        pair = divergences(prediction, trials(model, ids, vector))
        found[truth], found[f"{truth}, Jensen-Shannon"] = pair
    return prediction, found


def correlations(a, b):
    """Give the rank correlation of each row with its fellow."""
    return np.array([rank_correlation(*rows) for rows in zip(a, b, strict=True)])


def compared(scores, truth, first=1):
    """Compare each explanation with what a trial says, window by window.

    Parameters
    ----------
    scores : dict of str to array, shape (windows, n - 1)
        Of tokens, by explanation and truth.
    truth : str
        One of `TRUTHS`.
    first : int, default 1
        The first token that counts; 0 lets the sink take part.

    Returns
    -------
    dict of str to dict of str to array, shape (windows,)
        By explanation rank correlations, and partial ones at equal nearness; whether
        the token of most effect is *found*, by the highest score; and that less
        whether nearness finds it.
    """
    right = scores[truth][:, first:]
    given = {name: scores[name][:, first:] for name in EXPLANATIONS}
    near = given["nearness"]
    base, top = correlations(near, right), right.argmax(-1)
    result = {}
    for name, each in given.items():
        found, by_near = (1.0 * (a.argmax(-1) == top) for a in (each, near))
        rank = correlations(each, right)
        result[name] = {"rank correlation": rank, "found": found}
        if name != "nearness":
            like = correlations(each, near)
            left = np.sqrt((1 - base**2) * (1 - like**2))
            result[name] |= {
                "at equal nearness": (rank - base * like) / left,
                "found, less nearness": found - by_near,
            }
    return result


def of_texts(each, seed=0):
    """Give the mean over windows, its range in bootstrap samples, and each text's."""
    drawn = np.random.default_rng(seed).choice(each, (SAMPLES, len(each)))
    return {
        "mean": each.mean(),
        "range": np.quantile(drawn.mean(-1), (0.025, 0.975)),
        "by text": each.reshape(-1, WINDOWS).mean(-1),
    }


def among_themselves(scores):
    """Give the mean rank correlation of each truth and explanation with all of them."""
    shown = {name: scores[name][:, 1:] for name in (*TRUTHS, *EXPLANATIONS)}
    return {
        name: [correlations(each, other).mean() for other in shown.values()]
        for name, each in shown.items()
    }


def of_all(scores):
    """Sum up the windows, from the ranks that are saved of them."""
    by_truth = {truth: compared(scores, truth) for truth in TRUTHS}
    by_truth["erased, with the sink"] = compared(scores, "erased", first=0)
    tops = [scores[truth][:, 1:].argmax(-1) for truth in TRUTHS]
    return {
        **{
            truth: {
                name: {quantity: of_texts(each) for quantity, each in found.items()}
                for name, found in by_name.items()
            }
            for truth, by_name in by_truth.items()
        },
        "among themselves": among_themselves(scores),
        "same token decides": of_texts(1.0 * (tops[0] == tops[1])),
        "the sink decides": of_texts(1.0 * (scores["erased"].argmax(-1) == 0)),
        "both divergences": of_texts(
            correlations(scores["erased"], scores["erased, Jensen-Shannon"])
        ),
    }


def measured(model, count):
    """Measure the first `count` windows: what is said of each, and what is kept."""
    read, decode, rng = texts(), model.tokenizer.decode, np.random.default_rng(1)
    rows, every = [], []
    for name, start in windows()[:count]:
        ids = read[name][start : start + LENGTH]
        prediction, scores = of_window(model, ids, rng)
        every.append(scores)
        rows.append(
            {
                "text": name,
                "start": start,
                "words": [decode([i]) for i in ids.tolist()],
                "next word": decode([prediction.argmax().item()]),
                "largest effect": scores["erased"][1:].max(),
            }
        )
    kept = {name: np.stack([each[name] for each in every]) for name in every[0]}
    result = {
        "settings": SETTINGS | {"tokens": LENGTH, "late layers from": LATE},
        **{name: [row[name] for row in rows] for name in rows[0]},
        **{
            f"ranks and {truth}": {
                name: found["rank correlation"]
                for name, found in compared(kept, truth).items()
            }
            for truth in TRUTHS
        },
    }
    ranks = {n: each.argsort().argsort().astype(np.int8) for n, each in kept.items()}
    values = {f"{n}, values": kept[n].astype(np.float16) for n in VALUES}
    return result, ranks | values


def reduced(model):
    """Measure the first window again, for ``make real``."""
    return measured(model, 1)[0]


def protocol():
    """Measure everything."""
    result, scores = measured(load_model(), len(windows()))
    return result | {"all windows": of_all(scores), "arrays": scores}
