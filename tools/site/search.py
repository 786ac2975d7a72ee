"""The search's English, which takes each word back to its stem once for all pages."""

import functools

from sphinx.search.en import SearchEnglish

__all__ = ["English", "setup"]


class English(SearchEnglish):
    """Sphinx's own, which would do so anew on every page: it is slow."""

    def init(self, options):
        """Remember stems."""
        super().init(options)
        self.stem = functools.cache(super().stem)


def setup(app):
    """Take the place of Sphinx's English."""
    app.add_search_language(English)
