"""The figures of what maps tell show every replica and every map they are given."""

import numpy as np
from matplotlib.figure import Figure

from attention_lib.book.plots_of_tokens import draw_lettered, draw_methods, draw_pairs

GROUPS = {
    "one layer": {"attention": [1.0, 0.9, 0.95], "occlusion": [0.8, 0.9, 0.7]},
    "two layers": {"attention": [0.2, 1.0, 0.6], "occlusion": [0.9, 0.9, 0.8]},
}


def lines_of(ax):
    return [line.get_xydata().T for line in ax.get_lines()]


def test_each_method_shows_its_replicas_and_their_mean_beside_those_of_other_groups():
    ax = Figure().add_subplot()
    draw_methods(ax, GROUPS, "AUC")
    seen = [line for line in ax.get_lines() if line.get_alpha() != 0]
    drawn = [line.get_xydata().T for line in seen]
    each = [found[method] for found in GROUPS.values() for method in found]
    for numbers, (x, dots), (ends, mean) in zip(
        each, drawn[::2], drawn[1::2], strict=True
    ):
        np.testing.assert_array_equal(dots, np.sort(numbers))
        np.testing.assert_allclose(mean, np.mean(numbers))
        assert ends[0] < x.min() < x.max() < ends[1]
    left, right = (np.mean([x.mean() for x, _ in drawn[i : i + 4 : 2]]) for i in (0, 4))
    assert left < right
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list(each_method())
    assert [text.get_text() for text in ax.texts] == list(GROUPS)
    assert all(text.xy[0] == ax.get_xlim()[1] for text in ax.texts)


def each_method():
    return next(iter(GROUPS.values()))


def test_two_groups_stand_in_one_row_for_each_measure_the_first_on_top():
    ax = Figure().add_subplot()
    draw_pairs(ax, GROUPS, "tau")
    drawn = lines_of(ax)
    each = [found[measure] for found in GROUPS.values() for measure in found]
    for numbers, (x, row), place in zip(each, drawn, (1, 0, 1, 0), strict=True):
        np.testing.assert_array_equal(x, numbers)
        np.testing.assert_array_equal(row, place)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(each_method())
    assert [text.get_text() for text in ax.texts] == list(GROUPS)
    markers = {line.get_marker() for line in ax.get_lines()}
    assert len(markers) == 2


def test_maps_have_letters_and_one_scale():
    maps = np.random.default_rng(0).uniform(0, 1, (3, 4, 4))
    axes = Figure().subplots(1, 3)
    draw_lettered(axes, maps)
    for ax, weights, letter in zip(axes, maps, "ABC", strict=True):
        (image,) = ax.get_images()
        np.testing.assert_array_equal(image.get_array(), weights)
        assert image.get_clim() == (0, 1)
        assert [text.get_text() for text in ax.texts] == [letter]
