"""What the rows of every head of a model are like, where they see so many keys."""

import torch

from attention_lib import attention_scores, entropy, masks, max_weight, softmax
from attention_lib.book.real.by_layer import by_layer

__all__ = ["QUERIES", "measures", "rows_of_heads"]

QUERIES = 8  # neighbours, over which a head's rows are averaged


def rows_of_heads(model, ids, lengths):
    """Measure the rows of every head that see about so many keys.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        The text.
    lengths : sequence of int
        Numbers of keys, of which the last of 8 queries sees all.

    Returns
    -------
    dict of str to array, shape (layers, heads, lengths)
        For each quantity the mean of 8 rows.
    """
    rows = torch.cat([torch.arange(n - QUERIES, n) for n in lengths])
    seen = masks.causal(len(ids), len(ids), like=rows)[rows]

    def measure(query, key, value):
        asked = query[..., rows, :]
        return measures(*attention_scores(asked, key, seen, enable_gqa=True))

    return {
        name: each.unflatten(-1, (len(lengths), QUERIES)).mean(-1).numpy()
        for name, each in by_layer(model, ids, measure).items()
    }


def measures(scores, where):
    """Measure rows of scores: for each quantity a Tensor of shape (..., rows)."""
    n = where.sum(-1)
    weights = softmax(scores, where=where)
    others = softmax(scores[..., 1:], where=where[..., 1:])
    seen = scores.masked_fill(~where, -torch.inf)
    mean = torch.where(where, scores, 0).sum(-1, keepdim=True) / n[..., None]
    small = weights < 1e-3
    lead, largest = gap(seen), max_weight(weights)
    return {
        "entropy": entropy(weights),
        "entropy without key 0": entropy(others),
        "on key 0": weights[..., 0],
        "largest": largest,
        "lead": lead,
        "lead without key 0": gap(seen[..., 1:]),
        "variance": torch.where(where, scores - mean, 0).square().sum(-1) / n,
        "below 1e-3": (small & where).sum(-1) / n,
        "below 1e-6": ((weights < 1e-6) & where).sum(-1) / n,
        "weight below 1e-3": torch.where(small, weights, 0).sum(-1),
        "led": (lead > (n - 1).log()).float(),
        "half": (largest > 0.5).float(),
    }


def gap(scores):
    """Take the second largest score of a row from the largest."""
    first, second = scores.topk(2).values.unbind(-1)
    return first - second
