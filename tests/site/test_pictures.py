"""Pictures of the site weigh little, and show what they showed."""

import numpy as np
import pytest
from PIL import Image

from tools.site.pictures import in_few_colours

LARGEST = 140_000


def test_no_picture_of_the_site_is_heavy(site):
    pictures = list((site / "_images").glob("*.png"))
    assert len(pictures) > 20
    for path in pictures:
        assert path.stat().st_size < LARGEST, path.name


@pytest.fixture
def drawn(tmp_path):
    """Give a map of many shades, with a curve over it."""
    x, y = np.meshgrid(np.linspace(0, 1, 400), np.linspace(0, 1, 300))
    depth = 1 / (1 + np.exp(9 * (x - y)))[..., None]
    shades = 255 * (depth * [0.9, 0.8, 0.1] + (1 - depth) * [0.0, 0.1, 0.3])
    shades[abs(y - x**2) < 0.004] = 255
    path = tmp_path / "drawn.png"
    Image.fromarray(shades.astype(np.uint8)).save(path)
    return path


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), dtype=float)


def test_few_colours_weigh_less_and_look_the_same(drawn):
    before, weighed = pixels(drawn), drawn.stat().st_size
    in_few_colours(drawn)
    assert drawn.stat().st_size < weighed / 2
    assert np.sqrt(((pixels(drawn) - before) ** 2).mean()) < 3
    assert [path.name for path in drawn.parent.iterdir()] == ["drawn.png"]


def test_what_is_transparent_or_small_already_stays(drawn):
    Image.new("RGBA", (40, 40), (10, 20, 30, 100)).save(drawn)
    before = drawn.read_bytes()
    in_few_colours(drawn)
    assert drawn.read_bytes() == before
    Image.new("RGB", (4, 4)).save(drawn)
    before = drawn.read_bytes()
    in_few_colours(drawn)
    assert len(drawn.read_bytes()) <= len(before)
