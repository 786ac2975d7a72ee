"""How well a map can do at best in the trained tasks, where a formula says it.

Each function is of the experiment of its name. A limit is what the best parameters
would reach, or come as close to as one likes, on all sequences; a sample of them can be
a little kinder. Where no formula is known there is None.
"""

import math

import numpy as np

from attention_lib import softmax

__all__ = [
    "bayes_lookup",
    "count_and_mean",
    "match_or_nothing",
    "needle",
    "noisy_length",
    "retrieval",
    "trigger",
    "which_token",
]

SUM_TO_ONE = {"softmax", "sparsemax", "entmax-1.5", "sig/Σ", "uniform"}
SUMS = {"raw", "sig", "relu"}  # each key by itself, whatever the length of the row
PARTS = {"exp/n", "raw/n", "relu/n", "sig+b"}  # divided by the number of keys, or so


def trigger(name, bos, gate, *, places=range(3, 16), length=16, share=0.7):
    """Give the least error in the trigger task.

    A head that sums to one, with no BOS and no gate, does best to average all it sees
    where there is no trigger. The error of values c times the content is then
    ``(c² N + (1 - c)² A) / A``, with ``A`` the power that is asked for and ``N`` that
    of the averages in the other rows; the best c leaves ``N / (N + A)``.

    Weights ``c / i`` in row i miss the mean of the m earlier tokens that count, by the
    trigger itself and the BOS: with ``r = m / i`` there is left
    ``1 - (Σ r/m)² / (Σ r²/m Σ 1/m)``, summed over the places of the trigger. A sigmoid
    of s - log i can be no better, for ``1 / (1 + i e^-s)`` falls more slowly than 1/i.
    All others can come as close to zero as they like.
    """
    rows = np.array(places) + 1
    if name in SUM_TO_ONE and not (bos or gate):
        asked = share * (1 / (rows - 1)).mean()
        averages = (1 / np.arange(1, length + 1)).sum() - share * (1 / rows).mean()
        return averages / (averages + asked)
    if name in PARTS:
        counted = rows - 1 - bos
        share, power = counted / rows, 1 / counted
        explained = (power * share).sum() ** 2 / (power * share**2).sum()
        return 1 - explained / power.sum()
    return 0.0


def match_or_nothing(name, bos, *, pairs=16):
    """Give the least error of match or nothing, in the mean of hits and misses.

    A head that sums to one gives, with values times c, at best ``(1 - c)²`` on a hit,
    where all its weight is on the match, and ``c²/n`` on a miss, where it averages all
    n pairs. The best c, n / (n + 1), leaves half of ``1 / (n + 1)``.
    """
    return 0.5 / (pairs + 1) if name in SUM_TO_ONE and not bos else 0.0


def retrieval(name, pairs, *, classes=16):
    """Give the largest accuracy of retrieval.

    Equal weights show how often each class stands in the row, and no more: the best
    answer is the most frequent, right for ``E[max count] / n`` of the queries. The
    number of rows with no count above m is ``n!`` times a coefficient of the power of
    ``Σ_{k ≤ m} x^k / k!`` that has one factor for each class.
    """
    if name in {"raw/n", "tanh", "linear"}:
        return None
    if name != "uniform":
        return 1.0
    # Poisson probabilities instead of 1/k!, so that nothing overflows.
    mean = pairs / classes
    counts = np.arange(pairs + 1)
    logs = (
        counts * math.log(mean) - mean - np.array([math.lgamma(k + 1) for k in counts])
    )
    whole = pairs * math.log(pairs) - pairs - math.lgamma(pairs + 1)
    below = 0.0
    for m in range(pairs):
        once, power = np.exp(logs[: m + 1]), np.ones(1)
        for _ in range(classes):
            power = np.convolve(power, once)[: pairs + 1]
        below += power[pairs] / math.exp(whole) if len(power) > pairs else 0.0
    return (pairs - below) / pairs


def count_and_mean(name, task, *, lengths=range(8, 33), colours=8):
    """Give the largest R² of counting or averaging, at the lengths that are trained on.

    The asked colour occurs c times among n tokens, ``c - 1`` binomial. For the count,
    weights that are shares of what the colours get show only c/n, whose best guess is
    ``E[c | c/n]``, and ReLU over n gives a multiple of c/n, which explains the square
    of its correlation with c. For the mean, a map that weighs each key by
    itself can give the sum of the c values that match one factor f(n), whose best
    multiple explains ``E[f]² / (E[f² c] E[1/c])``. That of sums is constant, that of
    ReLU over n is 1/n, and a sigmoid of s - log n has the best of all, one over
    ``n + colours - 1``, at ``e^s = colours - 1``.
    """
    chances, n, c = _counts(lengths, colours)
    if task == "mean":
        if name in SUM_TO_ONE:
            return 1.0
        factor = np.ones_like(n)
        if name in PARTS:
            factor = 1 / (n + (colours - 1) * (name == "sig+b"))
        explained = (chances @ factor) ** 2 / (chances @ (factor**2 * c))
        return explained / (chances @ (1 / c))
    count, share = c - chances @ c, c / n
    if name == "relu/n":
        share = share - chances @ share
        return (chances @ (count * share)) ** 2 / (
            (chances @ count**2) * (chances @ share**2)
        )
    if name not in SUM_TO_ONE:
        return 1.0
    _, group = np.unique(share.round(9), return_inverse=True)
    total, guess = np.bincount(group, chances), np.bincount(group, chances * count)
    return (guess**2 / total).sum() / (chances @ count**2)


def _counts(lengths, colours):
    """Give all pairs of a length and a count, and how likely each is."""
    rows = [
        (
            math.comb(n - 1, k) * (colours - 1) ** (n - 1 - k) / colours ** (n - 1),
            n,
            k + 1,
        )
        for n in lengths
        for k in range(n)
    ]
    chances, n, c = np.array(rows, dtype=float).T
    return chances / len(lengths), n, c


def bayes_lookup(name, keys, query, noise):
    """Give the least excess risk in the look-up, on these sets.

    Softmax is the best guess, and so is scalable softmax where the number of keys is
    one; sigmoids divided by their sum come as close as one likes. A map that weighs
    each key by its own score, a function of ``q . k``, can at best give it the chance
    that it made the query *when no other key is seen*: ``f = g / (g + (n - 1) h)``,
    where g is the density of the score of the key that made the query, N(1, noise²),
    and h that of another's, which is the product of two directions plus the same noise.
    Its excess risk is the sum of the squares of what f differs by from the softmax
    weight.

    Parameters
    ----------
    name : str
        A map.
    keys, query : Tensor, shapes (..., n, d) and (..., 1, d)
        The sets.
    noise : float
        Standard deviation of the noise in each coordinate of a query.
    """
    if name in {"softmax", "scalable softmax", "sig/Σ"}:
        return 0.0
    if name not in SUMS | PARTS:
        return None
    n, d = keys.shape[-2:]
    scores = (query @ keys.mT)[..., 0, :].double().numpy()
    best = softmax(scores / noise**2)
    grid = np.linspace(scores.min(), scores.max(), 2001)
    alone = np.interp(scores, grid, _chance_alone(grid, n, d, noise))
    return ((alone - best) ** 2).sum(-1).mean()


def _chance_alone(scores, n, d, noise):
    """Give the chance that a key made the query, if its score is all that is known."""
    products = np.linspace(-1, 1, 2001)  # of two directions
    likely = (1 - products**2) ** ((d - 3) / 2)
    made = np.exp(-((scores - 1) ** 2) / (2 * noise**2))
    apart = (scores[:, None] - products) ** 2 / (2 * noise**2)
    return made / (made + (n - 1) * np.exp(-apart) @ (likely / likely.sum()))


def noisy_length(name, keys, query, noise, *, pairs=32):
    """Give the excess risk of a head that is the best guess in rows of `pairs`.

    It is what scores ``q . k / noise²`` give there; softmax of them is the best guess
    in every row. Scalable softmax multiplies them by ``log n / log pairs``: the sum of
    the squares of what its weights then differ by, as the values are from N(0, 1).

    Parameters
    ----------
    name, keys, query, noise
        As in `bayes_lookup`.
    pairs : int, default 32
        Where the head is the best guess.
    """
    if name == "softmax":
        return 0.0
    if name != "scalable softmax":
        return None
    scores = (query @ keys.mT)[..., 0, :].double().numpy() / noise**2
    sharper = math.log(scores.shape[-1]) / math.log(pairs)
    return ((softmax(sharper * scores) - softmax(scores)) ** 2).sum(-1).mean()


def needle(name, n, *, d=64, noise=0.08):
    """Give the largest mean share of the target in a row of n keys.

    The other keys point anywhere, so scores ``k . v`` tell most if v points where the
    query does, and only its length β is left to choose. If a score weighs f, the mean
    share is ``E[f(βc) / (f(βc) + Σ f(βu))]``, with c the cosine of the query and the
    target, and u those of the others. That is ``∫ e^-x E[φ(x / f(βc))^(n - 1)] dx``
    with ``φ(y) = E[e^(-y f(βu))]``. For ReLU and plain scores every β is as good; a
    sigmoid of s - log n has a best one. Sigmoids over their sum do best with huge
    scores, of which half weigh one and half zero: ``2 (1 - 2^-n) / n``. The others
    can give all to the nearest key: in all but one row of a billion, the target.
    """
    if name == "sig/Σ":
        return 2 * (1 - 0.5**n) / n
    weighs = {
        "relu/n": lambda s: s.clip(0),
        "raw/n": abs,
        "sig+b": lambda s: 1 / (1 + n * np.exp(-s)),
    }
    if name not in weighs:
        return 1.0
    lengths = np.geomspace(2, 40, 80) if name == "sig+b" else (1.0,)
    return max(_mean_share(weighs[name], b, n, d, noise) for b in lengths)


def _mean_share(f, length, n, d, noise):
    """Give the mean share of the target where scores are cosines times a length."""
    others = np.linspace(-1, 1, 401)
    likely = (1 - others**2) ** ((d - 3) / 2)
    own, own_likely = _own_cosine(d, noise)
    mine, rest = f(length * own)[:, None], f(length * others)
    likely = likely / likely.sum()
    # In units in which the integrand falls about as e^-t.
    nodes, weights = np.polynomial.laguerre.laggauss(12)
    x = nodes / (1 + (n - 1) * (likely @ rest) / mine)
    others_left = (np.exp(-(x / mine)[..., None] * rest) @ likely) ** (n - 1)
    widths = weights * np.exp(nodes) * x / nodes
    return own_likely @ (np.exp(-x) * others_left * widths).sum(-1)


def _own_cosine(d, noise):
    """Give cosines of a query with its key, and how likely each is."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    along, across = 1 + noise * nodes[:, None], d - 1
    # A chi-square is about the cube of a normal number (Wilson and Hilferty, 1931).
    cube = 1 - 2 / (9 * across) + nodes * math.sqrt(2 / (9 * across))
    cosines = along / np.sqrt(along**2 + noise**2 * across * cube**3)
    return cosines.ravel(), np.outer(weights, weights).ravel() / weights.sum() ** 2


def which_token(name, asks):
    """Give the largest accuracy of finding the digit that decides.

    Vectors of a digit and of its flag are only added. So equal weights, in any number
    of layers, show how often each digit occurs among 12, or beside the marker among 11:
    that of `retrieval` with eight classes. All others can find it.
    """
    if name != "uniform":
        return 1.0
    return retrieval("uniform", 12 if asks == "direct" else 11, classes=8)
