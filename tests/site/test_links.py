"""A page loads nothing from another host, and no link leads nowhere."""

import posixpath
import re
from urllib.parse import unquote, urlsplit

LOADS = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "video": ("src",),
    "audio": ("src",),
    "use": ("href",),
}
# Addresses that a page names and does not load: which page it is, and no more.
NAMES = {"canonical", "alternate", "author", "license"}
CSS_LOAD = re.compile(r"""(?:url\(\s*|@import\s+)["']?\s*((?:https?:)?//[^"')\s]+)""")
SCRIPT_LOAD = re.compile(
    r"""(?:import\s*\(|importScripts\s*\(|fetch\s*\(|\.src\s*=)\s*["'`]((?:https?:)?//\S+?)["'`]"""
)


def is_foreign(address):
    return bool(urlsplit(address.strip()).netloc)


def foreign_loads(page):
    """Name what a page would load from another host."""
    for element in page.find_all(list(LOADS)):
        if not NAMES.isdisjoint(element.get("rel", [])):
            continue
        tag = element.name
        for attribute in LOADS[tag]:
            if attribute not in element.attrs:
                continue
            candidates = element[attribute].split(",") if attribute == "srcset" else ()
            for address in candidates or (element[attribute],):
                if is_foreign(address):
                    yield f"<{tag} {attribute}={address}>"
    for style in page.find_all("style"):
        yield from CSS_LOAD.findall(style.text)
    for element in page.find_all(style=True):
        yield from CSS_LOAD.findall(element["style"])
    for script in page.find_all("script"):
        yield from SCRIPT_LOAD.findall(script.text)


def test_pages_load_nothing_from_another_host(pages):
    found = {name: list(foreign_loads(page)) for name, page in pages.items()}
    assert not {name: loads for name, loads in found.items() if loads}


def test_style_sheets_load_nothing_from_another_host(site):
    found = {
        path.name: CSS_LOAD.findall(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.css")
    }
    assert not {name: loads for name, loads in found.items() if loads}


def test_scripts_load_nothing_from_another_host(site):
    found = {
        path.name: SCRIPT_LOAD.findall(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.js")
    }
    assert not {name: loads for name, loads in found.items() if loads}


def test_thebe_is_not_there(site, pages):
    named = [str(path) for path in site.rglob("*thebe*")]
    named += [
        name for name in pages if "thebe" in (site / name).read_text("utf-8").lower()
    ]
    assert not named


def prefix_of(pages):
    """Give what the absolute links of the 404 page begin with."""
    home = pages["404.html"].select_one("a.navbar-brand")["href"]
    return home.removesuffix("intro.html")


def broken(site, pages):
    """Name every internal address that no file, or no anchor, answers."""
    prefix = prefix_of(pages)
    anchors = {name: ids_of(page) for name, page in pages.items()}
    for name, page in pages.items():
        for element in page.find_all(href=True) + page.find_all(src=True):
            address = element.get("href") or element.get("src")
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address == "#":
                continue
            target = resolve(name, unquote(parts.path), prefix)
            anchor = unquote(parts.fragment)
            missing = anchor and anchor not in anchors.get(target, {anchor})
            if missing or not (site / target).is_file():
                yield f"{name}: {address}"


def resolve(page, path, prefix):
    """Give the file that a path on a page means, relative to the site."""
    if not path:
        return page
    if path.startswith("/"):
        return path.removeprefix(prefix)
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path))


def ids_of(page):
    named = {element["id"] for element in page.find_all(id=True)}
    return named | {element["name"] for element in page.select("a[name]")}


def test_every_internal_link_and_anchor_is_there(site, pages):
    assert not list(broken(site, pages))


def test_ids_are_unique_on_a_page(pages):
    for name, page in pages.items():
        ids = [element["id"] for element in page.find_all(id=True)]
        assert len(ids) == len(set(ids)), name
