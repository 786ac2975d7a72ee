"""Links that were saved go on working: where the anchors of earlier pages are now.

`anchors.toml` lists them. A page carries those that it no longer has, and `page.js`
follows them.
"""

import json
import tomllib
from pathlib import Path

__all__ = ["anchors", "setup"]

LIST = Path(__file__).with_suffix(".toml")


def anchors():
    """Give page and anchor of today for each page and anchor of earlier.

    Returns
    -------
    dict of dict
        ``{page: {anchor: (page, anchor)}}``, with the pages' paths in the sources.
    """
    listed = tomllib.loads(LIST.read_text("utf-8"))
    return {
        page: {
            anchor: tuple(place.split("#")) if place else (page, anchor)
            for anchor, place in places.items()
        }
        for page, places in listed.items()
    }


def moved(page, address):
    """Give the addresses of a page's anchors that are elsewhere now.

    Parameters
    ----------
    page : str
        The page that had them.
    address : callable
        Gives the address of one page as a link on another has it.
    """
    return {
        anchor: f"{address(page, to)}#{there}"
        for anchor, (to, there) in anchors().get(page, {}).items()
        if (to, there) != (page, anchor)
    }


def tell(app, pagename, templatename, context, doctree):
    """Put these addresses on the page, where `page.js` looks for them."""
    places = moved(pagename, app.builder.get_relative_uri)
    if places:
        listed = json.dumps(places).replace("<", r"\u003c")
        context["metatags"] += (
            f'<script type="application/json" id="moved">{listed}</script>\n'
        )


def setup(app):
    """Connect to Sphinx."""
    app.connect("html-page-context", tell, priority=700)
