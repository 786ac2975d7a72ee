"""Addresses and buttons of a published site, from the environment.

The book does not know where it is published. GitHub's workflows set
``GITHUB_REPOSITORY`` to ``owner/name``; then every page gets its launch, repository
and edit buttons and its address, and the site a sitemap. Without it there are none,
and the site is complete on any host, or from a folder. Colab is offered only where a
chapter can install the library there.
"""

import os
import re

from tools.source_address import source_address

__all__ = ["addresses", "launch_buttons", "setup"]

# The landing page's figure, in assets, stands for the book where a link is shared.
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


def publish(app, config):
    """Put the addresses where Sphinx, the theme and the extensions look for them."""
    repository = os.environ.get("GITHUB_REPOSITORY")
    if not repository:
        return
    to = addresses(repository)
    config.html_baseurl = config.ogp_site_url = to["site"]
    config.ogp_image = f"{to['site']}_static/{PREVIEW}"
    config.ogp_image_alt = PREVIEW_ALT
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
    if os.environ.get("GITHUB_REPOSITORY"):
        app.setup_extension("sphinx_sitemap")
