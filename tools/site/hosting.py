"""Addresses and buttons of a published site, from the environment.

The book does not know where it is published. GitHub's workflows set
``GITHUB_REPOSITORY`` to ``owner/name``; then every page gets its launch, repository
and edit buttons, its address and a picture for where that is shared, and the site a
sitemap. Without it there are none, and the site is complete on any host, or from a
folder. Colab is offered only where a chapter can install the library there.
"""

import functools
import os
import re
from pathlib import Path

from tools.source_address import source_address

__all__ = ["addresses", "launch_buttons", "plates", "setup"]

# Where a link is shared, a chapter's plate stands for its page, and the landing page's
# figure, in assets, for all others.
PLATE = re.compile(r"assets/(plates/(\w+)\.png)\n:(?:img-)?alt: (.*)")
PLATE_SIZE = {"og:image:width": "1200", "og:image:height": "630"}
LARGE = '<meta name="twitter:card" content="summary_large_image" />'
PREVIEW = "fading.png"
PREVIEW_ALT = "The weights of three keys fall as more and more keys join the row."


def addresses(repository):
    """Give the addresses that follow from a repository's name.

    Parameters
    ----------
    repository : str
        ``owner/name``, as in ``GITHUB_REPOSITORY``.

    Returns
    -------
    dict of str
        ``repository``, ``site`` (of GitHub Pages, ends with a slash) and ``prefix``
        (the path part of ``site``).

    Raises
    ------
    ValueError
        If `repository` is not of this form.

    Examples
    --------
    >>> addresses("Ada/book")["site"]
    'https://ada.github.io/book/'
    >>> addresses("ada/ada.github.io")["prefix"]
    '/'
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"GITHUB_REPOSITORY must be owner/name; got {repository!r}")
    owner, name = repository.split("/")
    host = f"{owner.lower()}.github.io"
    prefix = "/" if name.lower() == host else f"/{name}/"
    return {
        "repository": f"https://github.com/{repository}",
        "site": f"https://{host}{prefix}",
        "prefix": prefix,
    }


def launch_buttons(source):
    """Give where a chapter can be opened to run.

    Parameters
    ----------
    source : str or None
        Where Colab could install the library from; Binder builds what it opens.

    Returns
    -------
    dict of str
        The theme's ``launch_buttons``.
    """
    binder = {
        "notebook_interface": "jupyterlab",
        "binderhub_url": "https://mybinder.org",
    }
    if source is None:
        return binder
    return binder | {"colab_url": "https://colab.research.google.com"}


@functools.cache
def plates(landing):
    """Give the plates that the landing page shows.

    Parameters
    ----------
    landing : pathlib.Path
        The source of the landing page.

    Returns
    -------
    dict of str to (str, str)
        By page of a chapter the picture in assets, and what it shows.
    """
    found = PLATE.findall(landing.read_text("utf-8"))
    return {f"chapters/{name}": (path, shown) for path, name, shown in found}


def show_plate(app, pagename, templatename, context, doctree):
    """Let a page's plate stand for it, where the site's address is known."""
    plate = plates(Path(app.srcdir, f"{app.config.root_doc}.md")).get(pagename)
    if plate and doctree is not None and app.config.html_baseurl:
        path, shown = plate
        context["meta"] = {
            **(context["meta"] or {}),
            **PLATE_SIZE,
            "og:image": f"{app.config.html_baseurl}_static/{path}",
            "og:image:alt": shown,
        }


def publish(app, config):
    """Put the addresses where Sphinx, the theme and the extensions look for them."""
    repository = os.environ.get("GITHUB_REPOSITORY")
    if not repository:
        return
    to = addresses(repository)
    config.html_baseurl = config.ogp_site_url = to["site"]
    config.ogp_image = f"{to['site']}_static/{PREVIEW}"
    config.ogp_image_alt = PREVIEW_ALT
    config.ogp_custom_meta_tags = (LARGE,)
    config.notfound_urls_prefix = to["prefix"]
    config.sitemap_url_scheme = "{link}"
    config.sitemap_excludes = ["search.html", "genindex.html", "404.html"]
    config.html_theme_options |= {
        "repository_url": to["repository"],
        "repository_branch": "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "launch_buttons": launch_buttons(source_address()),
    }


def setup(app):
    """Connect to Sphinx, before the theme reads its options."""
    app.connect("config-inited", publish, priority=100)
    # Before the Open Graph extension.
    app.connect("html-page-context", show_plate, priority=450)
    if os.environ.get("GITHUB_REPOSITORY"):
        app.setup_extension("sphinx_sitemap")
