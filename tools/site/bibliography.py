"""How works are cited, "Luce (1959)", and listed, by author and year."""

from dataclasses import dataclass, field

from pybtex.plugin import find_plugin, register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.unsrt import Style
from pybtex.style.template import node, sentence
from sphinxcontrib.bibtex.plugin import register_plugin as register_sphinx_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import (
    AuthorYearReferenceStyle,
)

__all__ = ["setup"]


def round_brackets():
    """Give the brackets that stand around a year."""
    return BracketStyle(left="(", right=")")


class BookStyle(Style):
    """The list of works, sorted by author, year and title."""

    default_sorting_style = "author_year_title"
    default_label_style = "alpha"

    def format_names(self, role, as_sentence=True):
        """Write the names, and "et al." for those that stand for more."""
        written = super().format_names(role, as_sentence=False)
        written = et_al[written]
        return sentence[written] if as_sentence else written


@node
def et_al(children, context):
    """Replace BibTeX's "and others"."""
    (names,) = (child.format_data(context) for child in children)
    shown = str(names)
    for ending in (", and others", " and others"):
        if shown.endswith(ending):
            return Text(names[: -len(ending)], " et al.")
    return names


@dataclass
class BookReferenceStyle(AuthorYearReferenceStyle):
    """Citations with round brackets."""

    bracket_textual: BracketStyle = field(default_factory=round_brackets)
    bracket_parenthetical: BracketStyle = field(default_factory=round_brackets)
    bracket_author: BracketStyle = field(default_factory=round_brackets)
    bracket_label: BracketStyle = field(default_factory=round_brackets)
    bracket_year: BracketStyle = field(default_factory=round_brackets)


def setup(app):
    """Register both styles under the name that `_config.yml` uses."""
    # Asked for at every citation: else all that is installed is searched for it.
    for backend in ("docutils", "plaintext"):
        found = find_plugin("pybtex.backends", backend)
        register_plugin("pybtex.backends", backend, found, force=True)
    register_plugin("pybtex.style.formatting", "book", BookStyle)
    register_sphinx_plugin(
        "sphinxcontrib.bibtex.style.referencing", "book", BookReferenceStyle
    )
