"""Numbers of chapters and of figures, from the names of the chapters' files.

A chapter's number stands before its title, and so wherever its title does: in the
contents, and on the ways to the previous and the next page. The source has none, and a
notebook opened by itself begins with its question. The figures of a chapter are counted
through all its pages: 2.1, 2.2 and so on.
"""

import re
from collections import Counter

from docutils import nodes
from sphinx.transforms import SphinxTransform

from attention_lib.book.chapters import chapter_number

__all__ = ["setup"]


class NumberedTitle(SphinxTransform):
    """Put a chapter's number before its title, once the title has given its anchor."""

    default_priority = 700

    def apply(self, **options):
        """Change the first title of a page."""
        number = chapter_number(self.env.docname)
        title = next(self.document.findall(nodes.title), None)
        if number and title:
            shown = nodes.inline("", f"{number}.", classes=["chapter-number"])
            title[:0] = [shown, nodes.Text(" ")]


def number_figures(app, env):
    """Count the figures of chapters, in the order of their files, and no others."""
    counts = Counter()
    for page in sorted(env.toc_fignumbers):
        number = chapter_number(page)
        if number is None:
            env.toc_fignumbers[page] = {}
            continue
        chapter = re.match(r"\d+", number)[0]
        for kind, numbered in env.toc_fignumbers[page].items():
            for figure in numbered:
                counts[chapter, kind] += 1
                numbered[figure] = (chapter, counts[chapter, kind])
    return []


def setup(app):
    """Connect to Sphinx, after it has given numbers of its own."""
    app.add_transform(NumberedTitle)
    app.connect("env-get-updated", number_figures, priority=900)
