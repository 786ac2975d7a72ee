r"""The words of a markdown cell, without what only a program reads.

Kept: sentences, headings, tables, formulas, and what stands in a directive.
Dropped: code, in spans and in fences; the targets of links; comments and tags of
HTML; citation keys; a heading's own number; and a quotation of the essay, that
is, a line that begins with ``> ``.
"""

import re
from collections.abc import Iterator

from tools.notebooks.cells import without_tags

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*(.*)$")
# Directives whose content is code, whatever the braces say.
_CODE = re.compile(r"^\{(code|code-block|code-cell|literalinclude|include|raw)\}")
_DIRECTIVE = re.compile(r"^\s*(?::{3,}|`{3,}|~{3,})\s*\{[\w:-]+\}(.*)$")
_OPTION = re.compile(r"^\s*:(?P<name>[a-z][\w-]*):(\s|$)")
_QUOTATION = re.compile(r"^ {0,3}> ")
_SPAN = re.compile(r"(?:\{([\w:.-]+)\})?(`+)(?!`)(.+?)(?<!`)\2(?!`)", re.DOTALL)
_CODE_ROLES = re.compile(r"cite|code|py:|func|class|meth|mod|doc|download")
_TARGETS = (
    re.compile(r"(?<=\])\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)"),
    re.compile(r"^ {0,3}\[[^\]]+\]:\s*\S+", re.MULTILINE),
    re.compile(r"<?https?://[^\s>)]+>?"),
    re.compile(r"@[\w:.-]*\w"),
    # Lengths in a formula are layout: \hspace{0.5em}, \\[0.5em].
    re.compile(r"\\[hv]space\*?\{[^}]*\}|\\\\\[[^\]]*\]"),
    re.compile(r"^#{1,6}[ \t]+(?:Exercise[ \t]+)?\d+(?:\.\d+)+", re.MULTILINE),
)


def prose(markdown: str) -> str:
    """Return what a reader reads as sentences.

    >>> prose("A `0.5` of [0.25](x/0.1.md), $e^{-0.75}$")
    'A   of [0.25] , $e^{-0.75}$'
    """
    text = _SPAN.sub(_span, "\n".join(_sentences(markdown)))
    for pattern in _TARGETS:
        text = pattern.sub(" ", text)
    return without_tags(text)


def lines(markdown: str) -> Iterator[tuple[str, bool]]:
    r"""Yield each line and whether it is code; a directive's fence opens no code.

    >>> for line, is_code in lines("```{note}\nA word.\n```\n```\nx = 1\n```"):
    ...     print(is_code, line)
    False ```{note}
    False A word.
    True ```
    True ```
    True x = 1
    True ```
    """
    fences: list[tuple[str, bool]] = []  # the marks of each, and whether it is code
    for line in markdown.splitlines():
        in_code = bool(fences) and fences[-1][1]
        fence = _FENCE.match(line)
        if not fence:
            yield line, in_code
        elif fences and not fence[2] and fence[1].startswith(fences[-1][0]):
            fences.pop()
            yield line, True
        else:
            opens_code = not fence[2].startswith("{") or bool(_CODE.match(fence[2]))
            if not in_code:
                fences.append((fence[1], opens_code))
            yield line, in_code or opens_code


def headings(source: str) -> Iterator[tuple[int, str]]:
    r"""Yield depth and text of a cell's headings, none from inside a fence.

    >>> list(headings("# Why?\n```\n# a comment\n```\n### Exercise"))
    [(1, 'Why?'), (3, 'Exercise')]
    """
    for line, is_code in lines(source):
        found = re.match(r"(#{1,6})\s+(.*)", line)
        if found and not is_code:
            yield len(found.group(1)), found.group(2).strip()


def _sentences(markdown: str) -> Iterator[str]:
    """Yield the lines outside code, without quotations and layout options."""
    in_head = False
    for line, is_code in lines(markdown):
        directive, option = _DIRECTIVE.match(line), _OPTION.match(line)
        in_head = bool(directive) or (in_head and bool(option))
        if is_code or _QUOTATION.match(line):
            continue
        if directive:
            yield directive[1]
        elif not (in_head and option["name"] != "alt"):
            yield line


def _span(match: re.Match) -> str:
    """Keep the words of a role such as {math} or {ref}, and drop plain code."""
    role, _, content = match.groups()
    if role is None or _CODE_ROLES.match(role):
        return " "
    return re.sub(r"<[^<>]*>$", "", content)
