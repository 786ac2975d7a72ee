"""Terms lead to the glossary where a page first uses them.

`glossary.md` alone says which: each of its terms, in the singular or the plural. A word
that has other senses too has a comment above it there, ``.. as:``, with the only forms
in which it is the term, such as ``a row, whole row``. The links are made while the site
is built, and notebooks stay readable; a term that a page links itself is left alone.
"""

import re
from pathlib import Path

from docutils import nodes

__all__ = ["forms", "link_first_uses", "setup"]

PAGE = "glossary"
# These say what their words mean themselves.
LEFT_ALONE = ("api", "bibliography", PAGE)
# Cards of the theme, which are links, and the essay's own words.
OTHERS_WORDS = {"sd-card", "essay-words"}
# What holds no sentences of ours: names, tables, quotations, links.
NO_SENTENCES = (
    nodes.block_quote,
    nodes.caption,
    nodes.citation,
    nodes.literal,
    nodes.math,
    nodes.raw,
    nodes.reference,
    nodes.table,
    nodes.title,
)


def forms(text):
    """Give the patterns of the words that a glossary explains.

    Parameters
    ----------
    text : str
        The source of the glossary.

    Returns
    -------
    dict of str
        The term that each pattern stands for.
    """
    content = re.search(r"^:::\{glossary\}\n(.*?)^:::", text, re.DOTALL | re.MULTILINE)
    found, given = {}, []
    for line in re.findall(r"^\S.*", content[1], re.MULTILINE):
        if line.startswith(".. as: "):
            given = line.removeprefix(".. as: ").split(", ")
        else:
            patterns = [_inside(form, line) for form in given] or [_in_any_number(line)]
            found |= dict.fromkeys(patterns, line)
            given = []
    return found


def _in_any_number(term):
    """Match a term, and its plural."""
    ending = "y|ies" if term.endswith("y") else "|s|es"
    return rf"(?<![\w-]){_spaced(term.removesuffix('y'))}(?:{ending})(?![\w-])"


def _inside(form, term):
    """Match the word alone where it stands in a form: in "a row", the last three."""
    word = re.search(rf"{re.escape(term)}\w*", form)
    before, after = form[: word.start()], form[word.end() :]
    behind = rf"(?<=\b{_spaced(before)})" if before else r"(?<![\w-])"
    ahead = rf"(?={_spaced(after)}\b)" if after else r"(?![\w-])"
    return behind + _spaced(word[0]) + ahead


def _spaced(words):
    """Match words, also where the source has a line break between them."""
    return re.escape(words).replace(r"\ ", r"\s")


def link_first_uses(doctree, found, addresses):
    """Link each term where a sentence of a page first uses it.

    Parameters
    ----------
    doctree : docutils.nodes.document
        The page.
    found : dict of str
        What `forms` gives.
    addresses : dict of str
        Where each term is explained.
    """
    links = {link.get("refuri") for link in doctree.findall(nodes.reference)}
    waiting = {term for term in addresses if addresses[term] not in links}
    patterns = sorted(found, key=len, reverse=True)
    any_form = re.compile("|".join(f"({each})" for each in patterns), re.IGNORECASE)
    for text in [*doctree.findall(nodes.Text)]:
        if not _is_in_a_sentence(text):
            continue
        pieces, end = [], 0
        for match in any_form.finditer(text):
            term = found[patterns[match.lastindex - 1]]
            if term in waiting and not _is_in_an_example(text, match[0]):
                waiting.remove(term)
                link = nodes.reference("", match[0], refuri=addresses[term])
                link["internal"], link["classes"] = True, ["term"]
                pieces += [nodes.Text(text[end : match.start()]), link]
                end = match.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


def _is_in_a_sentence(text):
    above, node = [], text.parent
    while node is not None:
        above.append(node)
        node = node.parent
    return (
        any(isinstance(each, nodes.paragraph) for each in above)
        and not any(isinstance(each, NO_SENTENCES) for each in above)
        and not any(OTHERS_WORDS & {*each.get("classes", [])} for each in above)
    )


def _is_in_an_example(text, word):
    """Tell whether a word is in italics with others, as in *the keys on the table*."""
    return isinstance(text.parent, nodes.emphasis) and text.strip() != word


def link_terms(app, doctree, docname):
    """Link the terms of a page."""
    if app.builder.format != "html" or docname.startswith(LEFT_ALONE):
        return
    page = app.builder.get_relative_uri(docname, PAGE)
    explained = {
        name: f"{page}#{anchor}"
        for name, _, kind, where, anchor, _ in app.env.domains["std"].get_objects()
        if kind == "term" and where == PAGE
    }
    if explained:
        text = Path(app.srcdir, f"{PAGE}.md").read_text("utf-8")
        link_first_uses(doctree, forms(text), explained)


def setup(app):
    """Connect to Sphinx, once other links are made."""
    app.connect("doctree-resolved", link_terms, priority=900)
