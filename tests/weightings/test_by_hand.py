"""One row of each weighting that can be checked by hand, on every engine."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib.weightings import REGISTRY

BY_HAND = [
    (al.Softmax(), np.log([1, 2, 5]), [1 / 8, 2 / 8, 5 / 8]),
    (al.Softmax1(), np.log([1, 2]), [1 / 4, 2 / 4]),  # the extra key has the rest
    (al.ScalableSoftmax(2), [1.0, 0.0], [4 / 5, 1 / 5]),  # e^(2 log 2) to one
    (al.Sparsemax(), [1.5, 1.0, 0.1], [0.75, 0.25, 0.0]),
    (al.Entmax(), [1.6, 1.2, -0.5], [0.8**2, 0.6**2, 0.0]),  # half the scores, squared
    (al.TopK(2), np.log([1, 3, 1]), [1 / 4, 3 / 4, 0.0]),  # the first of two that tie
    (al.Hardmax(), [1.0, 2.0, 2.0], [0.0, 1 / 2, 1 / 2]),
    (al.Softpick(eps=0), np.log([1, 3, 0.5]), [0.0, 4 / 5, 0.0]),  # 2 / (2 + 1/2)
    (al.NormalizedReLU(), [1.0, -5.0, 3.0], [1 / 4, 0.0, 3 / 4]),
    (al.NormalizedSigmoid(), np.log([1, 3]), [2 / 5, 3 / 5]),  # 1/2 to 3/4
    (al.NormalizedTanh(), np.log([1, 3]) / 2, [2 / 5, 3 / 5]),
    (al.Sigmoid(), np.log([1, 3]), [1 / 2, 3 / 4]),
    (al.ReLU(power=2), [-1.0, 3.0], [0.0, 9.0]),
]


@pytest.mark.parametrize("row", BY_HAND, ids=lambda row: repr(row[0]))
def test_weights_by_hand(row, engine):
    weighting, scores, weights = row
    actual = engine.numpy(weighting(engine.array(scores)))
    np.testing.assert_allclose(actual, weights, rtol=1e-14, atol=1e-15)


def test_every_weighting_is_done_by_hand():
    done = {type(weighting) for weighting, _, _ in BY_HAND}
    assert {entry.name for entry in REGISTRY if entry.make not in done} == set()
