"""The rule on numbers in sentences: each rounds from a number that a cell prints.

A decimal or a percentage in a markdown cell, a caption or an alternative text
must be the rounding of a number that a cell between the same two ``##`` headings
prints. A caption and an alternative text may also name a number that the code of
their own cell spells out, such as the end of an axis.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

from tools.notebooks.cells import printed_texts, where
from tools.notebooks.printed_text import NUMBER, value
from tools.notebooks.prose import lines, prose

_SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_PERCENT = r"\s?(?:\\?%|per\s?cent\b)"
_WRITTEN = re.compile(
    rf"""
    (?P<before>\\[A-Za-z]+\s?|[\w)\]}}]|^|.)?
    (?P<sign>[-\N{{MINUS SIGN}}])?
    (?<![\d.])(?P<mantissa>\d+(?:\.\d+)?)(?!\.?\d)
    (?:
        e(?P<exponent>[-+]?\d+)
      | \s*(?:\N{{MULTIPLICATION SIGN}}|\\times|\\cdot)\s*10
        (?:\^\{{?(?P<power>[-+]?\d+)\}}?|(?P<raised>[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))
    )?
    (?P<percent>{_PERCENT}|(?=\s?[-\N{{EN DASH}}]\s?\d+(?:\.\d+)?{_PERCENT}))?
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Written:
    """A decimal or a percentage in a sentence.

    Attributes
    ----------
    text : str
        The number as it is written.
    values : tuple of float
        What it may mean: two values where a minus may be a sign or a subtraction.
    unit : float
        One unit in its last digit.
    percent : bool
        Whether it counts hundredths.
    """

    text: str
    values: tuple[float, ...]
    unit: float
    percent: bool

    def rounds_from(self, number: float, is_percentage: bool) -> bool:
        """Say whether rounding a printed number gives this one."""
        if self.percent != is_percentage:
            number = number * 100 if self.percent else number / 100
        half = self.unit / 2 * (1 + 1e-9) + 1e-12 * abs(number)
        return any(abs(number - meant) <= half for meant in self.values)


@dataclass
class Section:
    """What stands between two ``##`` headings."""

    heading: str
    sentences: list[tuple[str, str, set[float]]] = field(default_factory=list)
    printed: set[tuple[float, bool]] = field(default_factory=set)


def written_numbers(text: str) -> Iterator[Written]:
    """Yield the decimals and percentages of a sentence; integers are left alone.

    >>> [each.text for each in written_numbers("2 of 3 keys, 0.24, -66 %, 1.2.3")]
    ['0.24', '-66 %']
    """
    for match in _WRITTEN.finditer(text):
        mantissa, percent = match["mantissa"], match["percent"] is not None
        exponent = match["exponent"] or match["power"]
        if match["raised"]:
            exponent = match["raised"].translate(_SUPERSCRIPTS)
        if "." not in mantissa and exponent is None and not percent:
            continue
        scale = float(f"1e{int(exponent or 0)}")
        size = float(mantissa) * scale
        before = match["before"] or ""
        values = (size,)
        if match["sign"] and before.startswith("\\"):
            values = (size, -size)
        elif match["sign"] and not re.match(r"[\w)\]}]", before):
            values = (-size,)
        unit = scale * 10.0 ** -len(mantissa.partition(".")[2])
        start = match.start("sign") if values[0] < 0 else match.start("mantissa")
        yield Written(text[start : match.end()], values, unit, percent)


def printed_numbers(cell: NotebookNode) -> Iterator[tuple[float, bool]]:
    """Yield the numbers a cell prints, and whether a percent sign follows each."""
    for text in printed_texts(cell):
        for match in NUMBER.finditer(text):
            after = text[match.end() : match.end() + 2].lstrip()
            yield value(match.group()), after.startswith("%")


def literals(source: str) -> set[float]:
    """Return the numbers that a cell's code spells out, also in its strings.

    >>> sorted(literals("ax.set(xlim=(-3, 3.4), xlabel='from 0.1')  # 0.5"))
    [-3.0, 0.1, 3.0, 3.4]
    """
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a magic command
        return set()
    found = set()
    for node in nodes:
        negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        constant = getattr(node.operand if negated else node, "value", None)
        if isinstance(constant, str):
            found.update(map(value, NUMBER.findall(constant)))
        elif type(constant) in (int, float):
            found.add(float(-constant if negated else constant))
    return found


def sections(notebook: NotebookNode) -> list[Section]:
    """Return what is said, and what is printed, between ``##`` headings."""
    found = [Section("the opening")]
    for index, cell in enumerate(notebook.cells):
        place = where(index, cell)
        if cell.cell_type == "markdown":
            opening, *rest = at_headings(cell.source)
            found[-1].sentences.append((place, prose(opening), set()))
            for part in rest:
                heading = part.partition("\n")[0].lstrip("# ")
                found.append(Section(repr(heading)))
                found[-1].sentences.append((place, prose(part), set()))
        elif cell.cell_type == "code":
            found[-1].printed.update(printed_numbers(cell))
            metadata, own = cell.metadata.get("mystnb", {}), literals(cell.source)
            caption = prose(metadata.get("figure", {}).get("caption", ""))
            alt = metadata.get("image", {}).get("alt", "")
            found[-1].sentences.append((f"{place}, caption", caption, own))
            found[-1].sentences.append((f"{place}, alternative text", alt, own))
    return found


def numbers_in_prose_are_printed(notebook: NotebookNode) -> list[str]:
    """Every decimal and percentage of a sentence rounds from a printed number."""
    complaints = []
    for section in sections(notebook):
        for place, text, own in section.sentences:
            known = section.printed | {(number, False) for number in own}
            complaints += [
                f"{place}: no cell of {section.heading} prints a number that rounds "
                f"to {number.text}{_nearest(number, known)}"
                for number in written_numbers(text)
                if not any(number.rounds_from(*each) for each in known)
            ]
    return complaints


def _nearest(number: Written, known: set[tuple[float, bool]]) -> str:
    scale = {False: 100, True: 1} if number.percent else {False: 1, True: 0.01}
    values = [each * scale[is_percentage] for each, is_percentage in known]
    if not values:
        return "; it prints none"
    nearest = min(values, key=lambda each: abs(each - number.values[0]))
    return f"; nearest: {nearest:.6g}{' %' if number.percent else ''}"


def at_headings(markdown: str) -> list[str]:
    """Split a cell before each ``##`` heading that is not inside a fence."""
    parts = [""]
    for line, is_code in lines(markdown):
        if line.startswith("## ") and not is_code:
            parts.append("")
        parts[-1] += line + "\n"
    return parts
