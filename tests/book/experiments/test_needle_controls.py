"""What keeps the needle: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen, of 10.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import (
    cell_of,
    load,
    maps,
    needle,
    rates,
    trained,
)
from attention_lib.book.experiments import needle_controls as controls
from tests.book.experiments.cells import REPLICAS, trained_anew

SHORT = (16, 256, 16_384)
LONGEST = needle.LENGTHS[-1]


def saved():
    """Give the saved shares and accuracies, by name and number of keys."""
    return {
        name: {
            measure: dict(
                zip(needle.LENGTHS, controls.shares(name, measure), strict=True)
            )
            for measure in ("share", "accuracy")
        }
        for name in (*controls.AT_TEST, *controls.ANEW)
    }


def again():
    """Train softmax anew in fewer steps, as in `needle` and in longer rows."""
    data = needle.data(1, lengths=SHORT, size=64)
    found = controls.at_test(controls.learned(steps=100, seed=1), data)
    longer = controls.task("longer rows")
    found["longer rows"] = trained_anew(
        longer,
        "needle_controls",
        map="softmax",
        anew="longer rows",
        steps=120,
        batch=32,
        data=data,
    )
    return found


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def found(request):
    """Give shares and accuracies by what takes softmax's place."""
    return request.param()


def test_the_scores_still_know_the_needle(found):
    argmax = found["hard argmax"]
    assert len(argmax["share"][LONGEST]) >= REPLICAS
    assert argmax["share"][LONGEST].min() > 0.99  # [1.00]
    assert argmax["accuracy"][LONGEST].min() > 0.99
    assert found["softmax"]["share"][LONGEST].max() < 0.02  # [0.013]


def test_scores_that_grow_as_log_n_keep_it(found):
    rescaled = found["scores × log n"]
    assert rescaled["share"][LONGEST].min() > 0.8  # [0.93, after 100 steps]
    same = found["softmax"]["share"][needle.KEYS]
    assert rescaled["share"][needle.KEYS] == pytest.approx(same, rel=1e-3)


def test_the_adaptive_temperature_helps_in_its_range_and_does_nothing_beyond(found):
    softmax, adaptive = found["softmax"], found["adaptive temperature"]
    assert softmax["share"][256].max() < 0.5  # [0.40]
    assert adaptive["share"][256].min() > 0.9  # [0.98]
    beyond = softmax["share"][LONGEST]
    assert adaptive["share"][LONGEST] == pytest.approx(beyond, rel=1e-3)


def test_longer_rows_in_training_put_it_off(found):
    longer, softmax = (found[name]["share"] for name in ("longer rows", "softmax"))
    assert longer[256].min() > 0.8  # [0.87]
    assert longer[LONGEST].min() > 5 * softmax[LONGEST].max()  # [8]
    assert longer[LONGEST].max() < 0.3  # [0.15]
    assert longer[256].min() > 2 * longer[LONGEST].max()


def test_another_start_of_the_scores_ends_alike():
    first, other = needle.shares("softmax"), controls.shares("random start")
    assert (abs(other / first - 1) < 0.1).all()  # [0.06]


def test_softmax_trained_again_is_the_same():
    first, again = needle.shares("softmax"), controls.shares("softmax")
    assert again == pytest.approx(first, rel=0.01)


def test_the_entropy_leaves_the_range_of_the_polynomial_after_1024_keys():
    entropies = load("needle_controls")["result"]["entropy"]
    sharpening = maps.get_map("adaptive temperature").sharpening
    means = {int(n): np.array(each) for n, each in entropies.items()}
    assert sharpening(means[256]).min() > 2
    assert sharpening(means[4096]).tolist() == [1] * 5
    gain = controls.shares("adaptive temperature") - controls.shares("softmax")
    assert gain[needle.LENGTHS.index(256)].min() > 0.5
    assert abs(gain[needle.LENGTHS.index(4096)]).max() < 1e-3


def test_the_saved_entropy_is_that_of_the_heads_of_needle():
    data = needle.data(lengths=(16,))
    (spread,) = needle.over_queries(
        trained("needle", map="softmax"),
        maps.get_map("softmax"),
        data[16],
        controls.spread,
    )
    entropies = load("needle_controls")["result"]["entropy"]["16"]
    assert spread == pytest.approx(entropies[:2], rel=0.02)


def test_three_times_the_best_rate_keeps_more_from_any_start_and_validates_worse():
    for anew in controls.ANEW:
        cell = cell_of("needle_controls", anew=anew)
        assert cell["rate"] == 0.1
        faster = rates.by_rate(cell)[0.3]
        assert np.mean(faster["validation"]) > 2 * np.mean(cell["validation"])
        assert min(faster["share"][str(LONGEST)]) > 2 * max(cell["share"][str(LONGEST)])
