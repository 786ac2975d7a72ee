"""One script for all figures: small, whole, and the same wherever it stands."""

import gzip
import importlib
import json
import re
from pathlib import Path

import pytest

from attention_lib.book import plots, plots_of_weightings
from attention_lib.book.live import Widget, script, still
from attention_lib.book.live.script import palette, sources

ROOT = Path(__file__).parents[3]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
KINDS = sorted(path.stem for path in sources() if path.parent.name == "kinds")
BUDGET = 15 * 1024  # of all kinds, compressed


def outputs_of(path):
    """Yield what the cells of a chapter show as HTML."""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            yield "".join(output.get("data", {}).get("text/html", []))


def test_all_figures_together_are_small():
    assert len(gzip.compress(script().encode())) < BUDGET


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_a_source_is_read_in_one_sitting(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= 200
    assert max(map(len, lines)) <= 92


def test_nothing_in_it_ends_a_script_or_loads_one():
    for word in ("</", "<!--", "import ", "fetch(", "XMLHttpRequest", "http://", "//"):
        said = script().replace("http://www.w3.org/2000/svg", "")
        assert word not in said


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_has_the_script_as_it_is(path):
    shown = [each for each in outputs_of(path) if 'class="aw"' in each]
    for output in shown:
        assert re.findall("<script>(.*?)</script>", output, re.DOTALL) == [script()]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_made_by_the_module_of_its_name(kind):
    made = importlib.import_module(f"attention_lib.book.live.{kind}")
    assert kind in made.__all__
    assert f"KINDS.{kind} =" in script()


def test_colours_are_those_of_the_plots():
    for style in (plots.FIRST, plots.SECOND, plots.THIRD, plots.FOURTH):
        assert f": {style['color']};" in palette()
    (styles,) = re.findall("^const STYLES = (.*);$", script(), re.MULTILINE)
    styles = json.loads(styles)
    assert styles.keys() == plots_of_weightings.WEIGHTING_STYLES.keys()
    inks = {name: style["ink"] for name, style in styles.items()}
    assert (inks["softmax"], inks["entmax-1.5"], inks["sparsemax"]) == (0, 1, 2)
    (keys,) = re.findall("^const KEYS = (.*);$", script(), re.MULTILINE)
    forms = [style["marker"] for style in plots.KEY_STYLES]
    assert [key["form"] for key in json.loads(keys)] == forms


def test_a_figure_carries_its_words_as_words():
    fallback = still("Weights & more", ["key", "w < 1"], [("1", "0.5")])
    assert "Weights &amp; more" in fallback
    figure = Widget("family", "a < b", 'Is "it"?', fallback, scores=[1.0], name="'<&")
    text = figure._repr_html_().partition("<script>")[0]
    assert "<figcaption>a &lt; b</figcaption>" in text
    assert "Is &quot;it&quot;?" in text
    assert "&quot;name&quot;: &quot;&#x27;&lt;&amp;&quot;" in text
    assert repr(figure) == 'A live figure. Is "it"?'
