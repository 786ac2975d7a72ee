"""Twins of heads: how far the real model's weights are settled, as saved.

``make real`` measures a part of it again.
"""

import numpy as np
import pytest
import torch

from attention_lib.book.experiments import arrays, load, twins_of_heads
from attention_lib.book.real import SOURCES
from attention_lib.book.real.attending import noting
from attention_lib.book.twins import distance, range_of, twin
from tests.book.experiments.cells import assert_same
from tests.book.real import tiny

RESULT = load("twins_of_heads")["result"]
ALL = RESULT["all texts"]
SAVED = arrays("twins_of_heads")
SHOWN = RESULT["shown"]
AT = {n: i for i, n in enumerate(twins_of_heads.LENGTHS)}


def far(n):
    """Give how far the twins of all measured heads are at one length."""
    each = SAVED["distance"][AT[n]].astype(float)
    return each[~np.isnan(each)]


def test_what_is_said_follows_from_what_is_saved_of_the_heads():
    assert_same(twins_of_heads.of_all(SAVED), ALL)
    again = twins_of_heads.said(SAVED, 5, twins_of_heads.LENGTHS)
    for name, found in again.items():
        assert_same(found, RESULT[name])
    assert RESULT["text"] == list(SOURCES)


def test_every_head_is_measured_once_and_every_fifth_with_the_most_keys():
    for n in twins_of_heads.LENGTHS:
        heads = [
            head
            for text in range(5)
            for head in twins_of_heads.measured_on(text, (30, 9), n)
        ]
        assert len(heads) == len(set(heads)) == (55 if n == 512 else 270)
        assert sum(RESULT["distance"][str(n)]["heads"]) == len(heads) == len(far(n))


@pytest.mark.parametrize("n", [32, 64, 65])
def test_up_to_65_keys_only_values_that_depend_on_others_leave_a_choice(n):
    settled = SAVED["equations"][AT[n]]
    distances = SAVED["distance"][AT[n]]
    assert (distances[settled == n] == 0).all()
    assert (distances[settled < n] > 0).all()
    # The same token has the same value in the first layer, and in no other.
    assert (settled[0] < n).all()
    assert (settled[1:] == n).all()


def test_with_more_keys_every_head_has_other_weights():
    for n in (128, 256, 512):
        assert ALL["distance"][str(n)]["not unique"] == len(far(n))
        assert ALL["distance"][str(n)]["fewest equations"] == 65
        # Where one key has all but a millionth, hardly anything can be elsewhere.
        assert (far(n) > 0.001).mean() > 0.9


def test_the_more_keys_the_farther():
    medians = [np.median(far(n)) for n in (128, 256, 512)]
    assert (np.diff(medians) > 0).all()
    assert 0.05 < medians[0] < 0.2  # [0.09]
    assert 0.15 < medians[1] < 0.4  # [0.24]
    for n in ("128", "256"):
        assert min(RESULT["distance"][n]["median"]) > 0.03  # [0.06, 0.11]


def test_heads_differ():
    assert np.quantile(far(256), 0.05) < 0.03  # [0.007]
    assert np.quantile(far(256), 0.95) > 0.6  # [0.82]


def test_the_largest_weight_is_settled_within_limits_and_may_vanish_in_some_heads():
    found = ALL["range"]
    assert found["least"] < found["largest"] < found["most"]
    assert 0.02 < found["largest"] - found["least"] < 0.1  # [0.05]
    assert 0.02 < found["most"] - found["largest"] < 0.1  # [0.05]
    assert 0.1 < found["may vanish"] / 270 < 0.25  # [0.15]
    largest, least, most = (SAVED[name].astype(float) for name in twins_of_heads.ENDS)
    assert (least <= largest).all()
    assert (largest <= most).all()


def test_the_head_that_is_shown_has_a_twin_with_the_same_output():
    weights, other, values = (SAVED[name] for name in ("weights", "twin", "values"))
    assert len(SHOWN["words"]) == len(weights) == twins_of_heads.SHOWN
    values = values.astype(np.float64)
    for row in (weights, other):
        assert (row >= 0).all()
        assert row.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(other @ values, weights @ values, rtol=0, atol=1e-9)
    assert distance(weights, other) == pytest.approx(SHOWN["distance"], abs=1e-4)
    # Found again, as far away; and it is a head like the others.
    assert distance(weights, twin(weights, values)) == pytest.approx(
        SHOWN["distance"], abs=0.02
    )
    assert SHOWN["distance"] == pytest.approx(
        RESULT["distance"]["128"]["median"][0], abs=0.02
    )


def test_the_last_rows_are_those_of_the_model_and_shared_values_are_found():
    model = tiny.model(tiny.random())
    ids, weights = [5, 3, 8, 3, 1], []
    model(ids, noting(weights))
    rows = twins_of_heads.Rows(model, ids)
    expected = torch.stack(weights)[:, :, -1]
    np.testing.assert_allclose(rows.weights, expected, rtol=1e-4, atol=1e-6)
    for head in np.ndindex(2, 2):
        own, values = rows.of(*head)
        assert (own == rows.weights[head]).all()
        assert (values == rows.values[head[0], 0]).all()
    # Tokens 1 and 3 are the same, and so are their values in the first layer.
    own, values = rows.of(0, 0)
    assert (values[1] == values[3]).all()
    far, count = twins_of_heads.apart(own, values)
    assert far == distance(own, twin(own, values)) > 0
    assert count == 3
    largest, least, most = twins_of_heads.ends(own, values)
    assert largest == own.max()
    assert (least, most) == range_of(own, values, own.argmax())
