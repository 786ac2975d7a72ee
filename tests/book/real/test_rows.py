"""Rows of a model's heads: measured by hand, and on a tiny model."""

import math

import numpy as np
import pytest
import torch

from attention_lib import effective_support
from attention_lib.book.real.attending import noting
from attention_lib.book.real.rows import measures, rows_of_heads
from tests.book.real import tiny


def test_rows_are_measured_by_hand():
    scores = torch.tensor([[math.log(n) for n in (1, 2, 5, 8)], [0.0, 0, 0, 0]])
    where = torch.tensor([[True, True, True, False], [True, True, False, False]])
    found = measures(scores, where)
    eighths = np.array([1, 2, 5]) / 8
    logs = np.log([1, 2, 5])
    expected = {
        "entropy": [-(eighths * np.log(eighths)).sum(), math.log(2)],
        # 2/7 and 5/7; and one key alone.
        "entropy without key 0": [math.log(7) - (2 * logs[1] + 5 * logs[2]) / 7, 0],
        "on key 0": [1 / 8, 1 / 2],
        "largest": [5 / 8, 1 / 2],
        "lead": [math.log(5 / 2), 0],
        "lead without key 0": [math.log(5 / 2), math.inf],
        "variance": [logs.var(), 0],
        "below 1e-3": [0, 0],
        "below 1e-6": [0, 0],
        "weight below 1e-3": [0, 0],
        # log(5 / 2) exceeds log 2, but 0 does not exceed log 1.
        "led": [1, 0],
        "half": [1, 0],
    }
    assert set(found) == set(expected)
    for name, numbers in expected.items():
        np.testing.assert_allclose(found[name], numbers, rtol=1e-6, err_msg=name)


def test_small_weights_are_counted_among_those_that_a_query_sees():
    scores = torch.tensor([[0.0, -7.0, -7.5, -14.0, 0.0, 0.0]])
    where = torch.tensor([[True, True, True, True, False, False]])
    found = measures(scores, where)
    small = np.exp([-7, -7.5, -14])
    assert found["below 1e-3"].item() == 3 / 4
    assert found["below 1e-6"].item() == 1 / 4
    expected = small.sum() / (1 + small.sum())
    assert found["weight below 1e-3"].item() == pytest.approx(expected, rel=1e-5)


def test_a_head_is_measured_by_the_mean_of_the_last_eight_rows():
    model = tiny.model(tiny.random())
    ids = np.random.default_rng(0).integers(0, 200, 30)
    weights = []
    model(ids, noting(weights))
    found = rows_of_heads(model, ids, (12, 30))
    assert found["entropy"].shape == (tiny.LAYERS, tiny.HEADS, 2)
    for layer, head in np.ndindex(tiny.LAYERS, tiny.HEADS):
        for i, n in enumerate((12, 30)):
            rows = weights[layer][head, n - 8 : n]
            expected = {
                "entropy": effective_support(rows).log(),
                "on key 0": rows[:, 0],
                "largest": rows.amax(-1),
                "lead": (rows.topk(2).values.log() @ torch.tensor([1.0, -1])),
            }
            for name, each in expected.items():
                mean = found[name][layer, head, i]
                assert mean == pytest.approx(each.mean().item(), rel=1e-3, abs=1e-5)
