"""A live figure on a page of its own, opened from a file, and what a reader does."""

import json
import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>A figure</title></head>
<body><main><h1>A figure</h1>{html}</main></body></html>"""
MOVE = """
(figure, [name, value]) => {
  const labels = [...figure.querySelectorAll("label")];
  const input = labels.find(label => label.textContent === name).control;
  input.value = value;
  input.dispatchEvent(new Event("input", {bubbles: true}));
  return Number(input.value);
}
"""
# All at once: asking for each cell would take longer than all else that a test does.
TABLES = """
figure => [...figure.querySelectorAll("table")].map(table => [
  table.caption.textContent,
  [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent)),
])
"""


def saved_figures():
    """Give the HTML of every live figure of the chapters, by chapter and place."""
    found = {}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                html = "".join(output.get("data", {}).get("text/html", []))
                if kind := re.search('class="aw" data-aw="(.*?)"', html):
                    name = f"{path.stem}-{kind[1]}"
                    found[f"{name}-{len(found)}"] = html
    return found


def number(text):
    """Read a number as the figures write it."""
    text = text.replace("−", "-").replace(",", "").removesuffix(" %")
    return math.nan if text == "–" else float(text)


def as_shown(numbers, digits=4):
    """Compare with numbers that were rounded to some digits."""
    return pytest.approx(numbers, abs=0.505 * 10**-digits, rel=0, nan_ok=True)


class Live:
    """A live figure, with what it shows and what can be moved.

    A page that has shown another one will do: a new one takes four times as long.
    """

    def __init__(self, page, folder, html):
        path = folder / "figure.html"
        path.write_text(PAGE.format(html=html), "utf-8")
        self.complaints = []
        self.page = page
        self.page.set_viewport_size({"width": 1280, "height": 900})
        self.page.emulate_media(
            media="null", color_scheme="null", reduced_motion="null"
        )
        self.page.on("console", self.hear)
        self.page.on("pageerror", self.hear)
        self.page.goto(path.as_uri())
        self.figure = self.page.locator("figure.aw")

    def hear(self, complaint):
        """Note an error, or what was written to the console."""
        self.complaints.append(getattr(complaint, "text", str(complaint)))

    def leave(self):
        """Let the page go, and give what it complained of."""
        self.page.remove_listener("console", self.hear)
        self.page.remove_listener("pageerror", self.hear)
        return self.complaints

    def control(self, label):
        """Give a control by its whole label."""
        return self.figure.get_by_label(label, exact=True)

    def set(self, label, value, powers=False):
        """Move a slider, to the step that is nearest, and give where it is now."""
        place = math.log10(value) if powers else value
        found = self.figure.evaluate(MOVE, [label, place])
        return 10**found if powers else found

    def choose(self, label):
        """Choose one of a few, or tick a box."""
        self.control(label).click()

    def table(self, caption):
        """Give the cells of a table, as texts, in rows."""
        found = [rows for name, rows in self.figure.evaluate(TABLES) if name == caption]
        assert len(found) == 1
        return found[0]

    def column(self, caption, place):
        """Give the numbers of a column of a table."""
        return [number(row[place]) for row in self.table(caption)]

    def tables(self):
        """Give the captions of all tables, with their cells in rows."""
        return self.figure.evaluate(TABLES)

    def sentence(self):
        """Give the sentence that says what changed."""
        return self.figure.locator(".aw-said").inner_text()
