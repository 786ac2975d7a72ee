"""One colour a rule, which can be read on white and on a dark page."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from attention_lib.book.palette import SERIES, WEIGHTINGS
from attention_lib.book.plots import FIRST, FOURTH, SECOND, THIRD
from attention_lib.book.plots_of_swaps import STYLES
from attention_lib.book.plots_of_weightings import WEIGHTING_STYLES
from attention_lib.weightings import REGISTRY

GROUNDS = {"light": "#ffffff", "dark": "#222832"}  # the theme's cards on a dark page
COLOURS = {*SERIES, *WEIGHTINGS.values()}


def luminance(colour):
    parts = mpl.colors.to_rgb(colour)
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("shade", GROUNDS)
def test_words_in_these_colours_can_be_read(shade):
    for colour in COLOURS:
        assert contrast(getattr(colour, shade), GROUNDS[shade]) >= 4.5, colour


def test_every_weighting_has_a_colour():
    assert {entry.name for entry in REGISTRY} | {"raw"} == set(WEIGHTINGS)


def test_what_has_two_names_for_one_rule_has_one_colour_and_other_rules_have_others():
    shared = [("softmax", "scalable_softmax"), ("relu", "normalized_relu")]
    shared.append(("sigmoid", "normalized_sigmoid"))
    for one, other in shared:
        assert WEIGHTINGS[one] == WEIGHTINGS[other]
    for shade in GROUNDS:
        shades = {getattr(colour, shade) for colour in WEIGHTINGS.values()}
        assert len(shades) == len(WEIGHTINGS) - len(shared)


def test_the_lines_of_every_figure_have_them():
    series = [colour.light for colour in SERIES]
    assert [style["color"] for style in (FIRST, SECOND, THIRD, FOURTH)] == series
    with plt.style.context("attention_lib.book.book"):
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert cycle == series
    known = {colour.light for colour in WEIGHTINGS.values()}
    for style in (*WEIGHTING_STYLES.values(), *STYLES):
        assert style["color"] in known


def test_two_lines_of_one_colour_differ_in_dashes_and_marks():
    once = ("softmax", "softmax β=1", "scores × log n", "relu", "relu/n", "relu / sum")
    looks = {(WEIGHTING_STYLES[n]["linestyle"], n.split()[0]) for n in once}
    assert len(looks) == len(once)
    assert len({WEIGHTING_STYLES[n]["marker"] for n in once[:3]}) == 3


def test_letters_are_as_large_on_a_phone_as_the_style_says():
    with plt.style.context("attention_lib.book.book"):
        inches, _ = plt.rcParams["figure.figsize"]
        for size in ("font.size", "axes.labelsize"):
            letter = plt.rcParams[size] / 72 / inches * 342  # the column at 390 pixels
            assert letter >= 9.5
