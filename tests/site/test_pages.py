"""What every page must have, for readers, search engines and previews."""

import json
import re

import pytest

CHAPTERS = "chapters/"
LATEX = re.compile(r"\\(frac|sum|log|operatorname)\b")


def test_there_are_all_kinds_of_pages(pages):
    names = {"index", "intro", "glossary", "bibliography", "api", "search", "404"}
    assert {f"{name}.html" for name in names} < set(pages)
    assert any(name.startswith(CHAPTERS) for name in pages)


def test_every_page_says_its_language_title_and_what_it_is_about(pages):
    for name, page in pages.items():
        assert page.html["lang"] == "en", name
        assert page.title.text.strip(), name
        for key, value in (
            ("name", "description"),
            ("property", "og:title"),
            ("property", "og:description"),
        ):
            (tag,) = page.find_all("meta", attrs={key: value})
            assert tag["content"].strip(), (name, value)
        assert len(page.find("meta", attrs={"name": "description"})["content"]) > 30


def test_descriptions_differ_between_pages(pages):
    texts = [
        page.find("meta", attrs={"name": "description"})["content"]
        for name, page in pages.items()
        if name not in ("index.html", "404.html", "search.html", "genindex.html")
    ]
    assert len(texts) == len(set(texts))


def test_every_page_has_one_first_heading(pages):
    for name, page in pages.items():
        assert len(page.select("main h1:not(.onlyprint h1)")) == 1, name


def test_the_site_opens_at_the_landing_page(site):
    assert (site / "index.html").read_bytes() == (site / "intro.html").read_bytes()


def test_every_picture_is_described_in_a_sentence(pages):
    for name, page in pages.items():
        for image in page.select("article img"):
            alt = image.get("alt", "")
            assert len(alt.split()) >= 5, f"{name}: {image['src']}: {alt!r}"
            assert alt.strip().endswith((".", "!", "?")), f"{name}: {alt!r}"
            assert not re.match(r"(_images|\.\.|/)", alt), f"{name}: {alt!r}"


def test_formulas_are_formulas(pages):
    for name, page in pages.items():
        formulas = page.select("article .math")
        if not formulas:
            continue
        for formula in formulas:
            assert re.search(r"\\[(\[].+\\[)\]]", formula.text, re.DOTALL), formula
        scripts = [script["src"] for script in page.select("script[src]")]
        assert any("mathjax/tex-mml-chtml.js" in script for script in scripts), name


def test_no_formula_is_left_as_text(pages):
    for name, page in pages.items():
        for text in page.find_all(
            string=re.compile(r"\\(frac|sum|log|operatorname)\b")
        ):
            kinds = [*text.parent.get("class", []), text.parent.name]
            assert {"math", "pre", "code", "script"} & {*kinds}, f"{name}: {text}"


def test_chapters_have_formulas(pages):
    found = [page for name, page in pages.items() if name.startswith(CHAPTERS)]
    assert any(page.select(".math") for page in found)


def test_the_search_knows_words_of_the_chapters(site):
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    names = index["docnames"]
    for word in ("exponenti", "temperatur"):  # as the index stems them
        found = [index[part].get(word, []) for part in ("terms", "titleterms")]
        numbers = [i for n in found for i in (n if isinstance(n, list) else [n])]
        assert any(names[i].startswith(CHAPTERS) for i in numbers), word


@pytest.mark.parametrize(
    "sheet", ["book", "figures", "cells", "components", "reference", "print"]
)
def test_every_page_uses_our_style_sheets(pages, sheet):
    for name, page in pages.items():
        links = page.select(f'link[href*="_static/{sheet}.css"]')
        assert len(links) == 1, name
        assert links[0].get("media") == ("print" if sheet == "print" else None)


def test_the_style_sheets_care_for_dark_pages_and_for_paper(site):
    static = site / "_static"
    for sheet in ("book", "cells", "components"):
        text = (static / f"{sheet}.css").read_text(encoding="utf-8")
        assert 'html[data-theme="dark"]' in text
    text = (static / "print.css").read_text(encoding="utf-8")
    for part in (".copybtn", "details", "a.external", "break-inside"):
        assert part in text


def test_colour_pairs_of_the_verdicts_can_be_read(site):
    text = (site / "_static" / "components.css").read_text(encoding="utf-8")
    modes = re.findall(r"^html[^{]*\{([^}]*)\}", text, re.MULTILINE)
    assert len(modes) == 2
    for mode in modes:
        colours = dict(re.findall(r"--(verdict-[\w-]+): (#\w{6});", mode))
        inks = [name for name in colours if not name.endswith("-on")]
        assert len(inks) == 5
        for ink in inks:
            assert contrast(colours[ink], colours[f"{ink}-on"]) >= 7, ink


def contrast(one, other):
    """Give the ratio of luminances, as WCAG defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
