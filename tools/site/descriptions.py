"""What search engines and previews say of a page: its first plain paragraph."""

import html
import re

from docutils import nodes

__all__ = ["first_words", "setup"]

BOOK = (
    "Why does attention use softmax? A book that takes the usual answer apart, claim "
    "by claim, and tests each one."
)
LENGTH = 200


def first_words(doctree, length=LENGTH):
    """Give the beginning of the first paragraph without formulas, in whole words.

    Parameters
    ----------
    doctree : docutils.nodes.document or None
        A page; None for one that has no text of its own, such as the search.
    length : int
        Characters at most.

    Returns
    -------
    str
        The words, or a sentence about the whole book.
    """
    if doctree is None:
        return BOOK
    for paragraph in doctree.findall(nodes.paragraph):
        if next(paragraph.findall(nodes.math), None) is None:
            text = " ".join(paragraph.astext().split())
            if len(text) > length:
                text = text[:length].rsplit(" ", 1)[0].rstrip(",;:") + " …"
            if text:
                return text
    return BOOK


def describe(app, pagename, templatename, context, doctree):
    """Put the description in; an author's own (`html_meta`) comes first."""
    text = html.escape(first_words(doctree))
    tags = context.get("metatags", "")
    written = re.search(r'<meta content="([^"]*)" name="description"', tags)
    if written:
        text = written[1]
    else:
        tags += f'<meta name="description" content="{text}" />\n'
    if doctree is None:
        title = html.escape(app.config.html_title)
        tags += f'<meta property="og:title" content="{title}" />\n'
        tags += f'<meta property="og:description" content="{text}" />\n'
        tags += '<meta name="robots" content="noindex" />\n'
    else:
        context["meta"] = {**(context["meta"] or {}), "og:description": text}
    context["metatags"] = tags


def leave_out_address(app, pagename, templatename, context, doctree):
    """Drop a page's address where the site's own is not known: it would be partial."""
    if not app.config.html_baseurl:
        context["metatags"] = re.sub(
            '<meta property="og:url"[^>]*>\n', "", context.get("metatags", "")
        )


def setup(app):
    """Connect to Sphinx, on both sides of the Open Graph extension."""
    app.connect("html-page-context", describe, priority=400)
    app.connect("html-page-context", leave_out_address, priority=600)
