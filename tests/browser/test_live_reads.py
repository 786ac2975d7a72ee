"""A word that asks: its row of the map, and the word that it reads most."""

import pytest

from attention_lib.book.live.reads import reads
from attention_lib.book.real import sentence
from tests.browser.live import as_shown


def check(figure):
    """Choose every word, and compare its row with that of the model."""
    words, weights = sentence()
    for word, row in zip(words, weights, strict=True):
        figure.choose(word)
        assert [cells[0] for cells in figure.table("What it reads")] == words
        assert figure.column("What it reads", 1) == as_shown(row)
        best = words[row.argmax()]
        most = "itself" if best == word else f"“{best}”"
        assert figure.sentence().startswith(f"“{word}” reads {most} most")
        drawn = figure.figure.locator("svg").get_attribute("aria-label")
        assert drawn.endswith(f"the thickest leads to {best}.")


def test_each_word_shows_its_row(live):
    check(live(reads(*sentence(), "", "")))


@pytest.mark.parametrize(
    "slip",
    [
        ("const now = weights[query]", "const now = weights[6 - query]"),
        ("now.indexOf(largest(now))", "now.indexOf(Math.min(...now))"),
        ("weightCell(now[i], i), ink: 0", "weightCell(now[6 - i], i), ink: 0"),
    ],
)
def test_a_slip_is_noticed(live, slip):
    figure = live(reads(*sentence(), "", ""), slip)
    with pytest.raises(AssertionError):
        check(figure)
