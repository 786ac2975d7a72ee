"""What the landing page says and shows is true, and drawn by today's code."""

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attention_lib import softmax
from tools import landing_figure

INTRO = (Path(__file__).parent.parent / "intro.md").read_text("utf-8")


def pixels(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"), dtype=float)


def test_the_figure_is_the_one_that_the_code_draws():
    saved = pixels(landing_figure.PLACE.read_bytes())
    drawn = pixels(landing_figure.drawn())
    assert saved.shape == drawn.shape
    assert np.sqrt(((saved - drawn) ** 2).mean()) <= 2


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
    r":link: (chapters/\w+)\n.*?· (\d+) minutes(?: · (\d+) exercises)?\n",
    INTRO,
    re.DOTALL,
)
IN_WORDS = {"5": "five minutes", "20": "twenty minutes", "60": "an hour"}


@pytest.mark.parametrize(("chapter", "minutes", "number"), CARDS)
def test_the_card_of_a_chapter_says_its_time_and_its_exercises(
    chapter, minutes, number
):
    notebook = Path(__file__).parent.parent / f"{chapter}.ipynb"
    text = notebook.read_text("utf-8")
    apart = f"{minutes} minutes, and {number} exercises, about ten minutes each"
    assert re.search(rf"\*Time:\* ({apart}|{IN_WORDS.get(minutes, apart)})\.", text)
    exercises = re.findall(r"### Exercise \d", text)
    assert len(exercises) == int(number or 0)


def test_every_chapter_has_a_card():
    chapters = (Path(__file__).parent.parent / "chapters").glob("*.ipynb")
    assert [card[0] for card in CARDS] == [
        f"chapters/{path.stem}" for path in sorted(chapters)
    ]
