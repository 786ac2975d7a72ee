"""The level of the output: other rows and the saved ones, by the same margins."""

import numpy as np
import pytest

from attention_lib.book.experiments import cell_of, level


def saved(name, values):
    """Give the saved sizes by number of keys."""
    cell = cell_of("level", map=name, values=values)
    return {int(n): np.array(sizes) for n, sizes in cell["by_keys"].items()}


def again(name, values):
    """Measure anew, at fewer lengths."""
    return {
        n: level.output_size(name, n, values=values, rows=300, seed=1)
        for n in (4, 64, 1024)
    }


@pytest.fixture(params=[saved, again], ids=["saved", "again"])
def sizes(request):
    """Give what measures the sizes of outputs by number of keys."""
    return request.param


def test_softmax_shrinks_values_of_mean_zero_as_the_row_grows(sizes):
    found = sizes("softmax", "mean 0")
    assert len(found[4]) == 5
    assert found[4].min() > 2.5 * found[64].max()  # [2.9]
    assert found[64].min() > 3 * found[1024].max()  # [3.6]


def test_softmax_keeps_the_mean_of_the_values(sizes):
    for n, found in sizes("softmax", "0 to 1").items():
        assert found == pytest.approx(0.5, rel=0.02 if n >= 64 else 0.15)


@pytest.mark.parametrize("values", level.VALUES)
def test_outputs_of_softmax_are_no_larger_than_values(sizes, values):
    _, mean, variance = level.VALUES[values]
    for found in sizes("softmax", values).values():
        assert found.max() < np.sqrt(mean**2 + variance)
    for found in cell_of("level", map="softmax", values=values)["by_scale"].values():
        assert max(found) < 1.05 * np.sqrt(mean**2 + variance)  # [1.01] of 500 values


@pytest.mark.parametrize("values", level.VALUES)
def test_plain_sums_grow_with_the_row(sizes, values):
    for name in ("raw", "relu"):
        found = sizes(name, values)
        assert found[1024].min() > 10 * found[4].max()


@pytest.mark.parametrize("values", level.VALUES)
@pytest.mark.parametrize("name", ["softmax", "raw", "relu", "relu/n"])
def test_sizes_are_those_of_the_formula(sizes, name, values):
    for n, found in sizes(name, values).items():
        expected = level.predicted(name, n, values=values)
        assert (expected is None) == (name == "softmax" and n < 256)
        if expected is not None:
            # A root mean square of 500 numbers is off by 3 % or so, and by less where
            # all outputs are near the mean of the values.
            close = 0.01 if (name, values) == ("softmax", "0 to 1") else 0.05
            assert found.mean() == pytest.approx(expected, rel=close)


def test_a_map_of_each_key_alone_grows_with_the_scores():
    for name in ("raw", "relu", "relu/n"):
        for values in level.VALUES:
            by_scale = cell_of("level", map=name, values=values)["by_scale"]
            ratio = np.array(by_scale["100.0"]) / np.array(by_scale["0.1"])
            assert ratio == pytest.approx(1000, rel=1e-3)
