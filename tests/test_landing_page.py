"""What the landing page says and shows is true, and drawn by today's code."""

import itertools
import re
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from attention_lib import softmax
from tools import landing_figure, plates
from tools.notebooks.plain_form import read
from tools.reading_time import on_card, reading

ROOT = Path(__file__).parent.parent
INTRO = (ROOT / "intro.md").read_text("utf-8")


def pixels(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"), dtype=float)


def in_all_colours(page):
    """Give the pixels of a plate before any of its colours are merged."""
    mpl.use("agg")
    figure = plates.plate(page)
    figure.set_dpi(plates.DPI)
    figure.canvas.draw()
    drawn = np.array(figure.canvas.buffer_rgba())[..., :3].astype(float)
    plt.close(figure)
    return drawn


def test_the_figure_is_the_one_that_the_code_draws():
    saved = pixels(landing_figure.PLACE.read_bytes())
    drawn = pixels(landing_figure.drawn())
    assert saved.shape == drawn.shape
    assert np.sqrt(((saved - drawn) ** 2).mean()) <= 2


@pytest.mark.parametrize("page", plates.PLATES)
def test_a_plate_is_the_one_that_the_code_draws(page):
    saved = pixels(plates.place(page).read_bytes())
    drawn = in_all_colours(page)
    assert saved.shape == drawn.shape == (630, 1200, 3)
    assert np.sqrt(((saved - drawn) ** 2).mean()) <= 4  # of a few colours


def test_what_is_saved_of_a_plate_has_few_colours():
    page = "03_focus"
    whole, few = in_all_colours(page), plates.drawn(page)
    assert len(Image.open(BytesIO(few)).getcolors()) <= plates.COLOURS
    assert np.sqrt(((whole - pixels(few)) ** 2).mean()) <= 4


def test_plates_differ():
    saved = [pixels(plates.place(page).read_bytes()) for page in plates.PLATES]
    pictures = [picture[::4, ::4] for picture in saved]
    for one, other in itertools.combinations(pictures, 2):
        assert np.sqrt(((one - other) ** 2).mean()) > 20


def test_the_card_of_a_chapter_shows_its_plate_and_says_what_it_shows():
    shown = re.findall(
        r":link: chapters/(\w+)\n:link-type: doc\n:class-card: question\n"
        r":img-top: assets/plates/(\w+)\.png\n:img-alt: (.{30,110}\.)\n",
        INTRO,
    )
    assert [page for page, _, _ in shown] == [name for _, name, _ in shown]
    assert [name for _, name, _ in shown] == list(plates.PLATES)
    assert len({words for _, _, words in shown}) == len(shown)


def test_the_scores_and_the_weight_in_the_text_are_right():
    scores = [float(x) for x in re.findall(r"\d\.\d", INTRO)[:3]]
    assert scores == [2.0, 1.0, 0.1]
    (percent,) = re.findall(r"(\d+) % of the attention", INTRO)
    assert f"{softmax(scores)[0]:.0%}" == f"{percent}%"


def test_the_caption_says_what_is_left_of_the_weight():
    (added,) = re.findall(r"with ([\d,]+) more keys", INTRO)
    row = np.append([2.0, 1.0, 0.1], np.zeros(int(added.replace(",", ""))))
    assert "less than a ten-thousandth" in INTRO.replace("\n", " ")
    assert 5e-5 < softmax(row)[0] < 1e-4


CARDS = re.findall(
    r":link: (chapters/\w+)\n.*?· (\d+ minutes[^\n]*)\n", INTRO, re.DOTALL
)


@pytest.mark.parametrize(("chapter", "said"), CARDS)
def test_the_card_of_a_chapter_says_its_time_and_its_exercises(chapter, said):
    assert said == on_card(reading(read(ROOT / f"{chapter}.ipynb")))


def test_every_chapter_has_a_card():
    assert [card[0] for card in CARDS] == [
        f"chapters/{path.stem}" for path in sorted((ROOT / "chapters").glob("*.ipynb"))
    ]
