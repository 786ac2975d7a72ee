"""The library's page has every public name; the bibliography every work, once."""

import inspect
import re
from collections import Counter

from pybtex.database import parse_file

import attention_lib
from tests.site.building import ROOT
from tools.site.names import public_names


def keys():
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    return re.findall(r"^@\w+\{([^,]+),", text, re.MULTILINE)


def test_every_public_name_is_documented(pages, places):
    # Not a test for each name: the names ask for torch, which only this file needs.
    links = pages["api.html"].select("th a[href]")
    overview = {link["href"].partition("#")[2] for link in links}
    paths = sorted(set(public_names().values()))
    assert len(paths) > 60
    wrong = []
    for path in paths:
        ids = {path, f"module-{path}"}
        found = [name for name, here in places.items() if ids & here.keys()]
        if len(found) != 1 or not found[0].startswith("api"):
            wrong.append(f"{path} is documented on {found}")
        elif f"module-{path}" not in places[found[0]] and path not in overview:
            wrong.append(f"{path} is not in the overview")
    assert not wrong, "\n".join(wrong)


def reference(pages):
    return [page for name, page in pages.items() if name.startswith("api/")]


def test_the_overview_links_every_name_that_it_shows(pages):
    names = pages["api.html"].select("table.names-table tbody th")
    assert len(names) > 60
    assert not [name.text for name in names if not name.a]


def test_public_names_include_those_of_the_modules():
    names = public_names()
    modules = [
        m for m in attention_lib.__all__ if inspect.ismodule(vars(attention_lib)[m])
    ]
    assert modules
    for module in modules:
        for name in vars(attention_lib)[module].__all__:
            assert f"{module}.{name}" in names


def test_entries_have_text_and_formulas(pages):
    entries = [e for page in reference(pages) for e in page.select("dl.py")]
    assert entries
    for entry in entries:
        assert entry.dd.text.strip(), entry.dt.get("id")
    softmax = pages["api/rows.html"].find(id="attention_lib.softmax")
    assert softmax.parent.select("div.math")


def test_names_in_docstrings_are_links(pages):
    inside = pages["api/rows.html"].select('dd a[href="#attention_lib.softmax"]')
    address = "rows.html#attention_lib.softmax"
    between = pages["api/weightings.html"].select(f'dd a[href="{address}"]')
    assert inside
    assert between


def test_no_key_stands_twice():
    assert not [key for key, times in Counter(keys()).items() if times > 1]


def test_what_is_listed_is_what_is_cited(pages):
    listed = {work["id"] for work in pages["bibliography.html"].select("div.citation")}
    cited = {
        link["href"].partition("#")[2]
        for page in pages.values()
        for link in page.select('a.reference[href*="bibliography.html#"]')
    }
    here = pages["bibliography.html"].select('p a.reference[href^="#id"]')
    cited |= {link["href"][1:] for link in here}
    assert cited == listed
    assert len(listed) > 20


def test_every_work_says_when_and_where_it_appeared():
    venues = {"journal", "booktitle", "publisher"}
    for key, entry in parse_file(ROOT / "references.bib").entries.items():
        # What is "misc" is a preprint, or a page somewhere.
        places = {"eprint", "howpublished"} if entry.type == "misc" else venues
        assert places & entry.fields.keys(), key
        assert "year" in entry.fields, key


def test_no_work_is_entered_under_two_keys(pages):
    addresses = Counter(
        link["href"]
        for link in pages["bibliography.html"].select(".citation a.external")
    )
    assert not [address for address, times in addresses.items() if times > 1]


def test_what_a_gpu_costs_is_measured_or_said_to_be_unknown(pages):
    page = pages["api/gpu.html"]
    section = page.find(id="what-it-costs")
    measured = (ROOT / "benchmarks" / "results" / "gpu.json").exists()
    assert bool(section.select("table tbody tr")) == measured
    assert ("measured yet" in section.text) != measured
