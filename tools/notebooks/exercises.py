"""The exercises of a chapter: what each asks, its solution, and the check of it.

The solution is folded, and defines names; the check, a cell that all see, uses them. An
exercise whose text ends with *In words.* asks for sentences, and has no check.
"""

import dis
from dataclasses import dataclass, field
from types import CodeType

from nbformat import NotebookNode

from tools.notebooks.cells import tags
from tools.notebooks.prose import headings, lines

IN_WORDS = "*In words.*"


@dataclass
class Exercise:
    """What stands between the heading of an exercise and the next heading.

    Attributes
    ----------
    heading : str
        Such as ``Exercise 1: Loops first``.
    place : int
        That of the cell with the heading, among all cells.
    text : str
        What it asks.
    cells : dict of int to NotebookNode
        Its code cells, by their places.
    """

    heading: str
    place: int
    text: str = ""
    cells: dict[int, NotebookNode] = field(default_factory=dict)

    @property
    def is_in_words(self) -> bool:
        """Whether it asks for sentences, of which no check can judge."""
        return self.text.rstrip().endswith(IN_WORDS)

    @property
    def form(self) -> list[str]:
        """What its code cells are, in their order."""
        return [_part(cell) for cell in self.cells.values()]

    def place_of(self, part: str) -> int:
        """Return the place of its ``solution`` or of its ``check``."""
        return next(place for place, c in self.cells.items() if _part(c) == part)

    def code(self, part: str) -> str:
        """Return the source of its ``solution`` or of its ``check``."""
        return self.cells[self.place_of(part)].source

    def to_define(self) -> list[str]:
        """Name what the solution defines and the check uses."""
        needed = needed_names(self.code("check"))
        return [name for name in bound_names(self.code("solution")) if name in needed]


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """Return the exercises of a chapter, in their order."""
    found: list[Exercise] = []
    is_open = False
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and is_open:
            found[-1].cells[place] = cell
        elif cell.cell_type == "markdown":
            for line, is_code in lines(cell.source):
                heading = None if is_code else next(headings(line), None)
                if heading:
                    is_open = heading[1].split()[0] == "Exercise"
                    if is_open:
                        found.append(Exercise(heading[1], place))
                elif is_open:
                    found[-1].text += line + "\n"
    return found


def bound_names(code: str) -> list[str]:
    r"""Return the names that a cell binds, those inside its functions left out.

    >>> bound_names("x, y = 1, 2\nfor i in y: z = i\ndef f(a): b = a")
    ['x', 'y', 'i', 'z', 'f']
    """
    steps = dis.get_instructions(_compiled(code))
    return [*dict.fromkeys(s.argval for s in steps if s.opname == "STORE_NAME")]


def needed_names(code: str) -> set[str]:
    r"""Return the names that a cell reads and has not bound itself by then.

    What a function reads counts where the function is defined.

    >>> sorted(needed_names("for i in x:\n  n = i\n  m += n\ndef f(a): return a + b"))
    ['b', 'm', 'x']
    """
    return _needed(_compiled(code), set())


def _compiled(code: str) -> CodeType:
    try:
        return compile(code, "cell", "exec")
    except SyntaxError:  # a magic command, which binds and needs nothing
        return compile("", "cell", "exec")


def _needed(code: CodeType, bound: set[str]) -> set[str]:
    """Follow the instructions in the order of the lines."""
    found = set()
    for step in dis.get_instructions(code):
        if step.opname == "STORE_NAME":
            bound.add(step.argval)
        elif step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            found |= {step.argval} - bound
        elif isinstance(step.argval, CodeType):
            found |= _needed(step.argval, bound)
    return found


def _part(cell: NotebookNode) -> str:
    for tag, part in (("hide-cell", "solution"), ("check", "check")):
        if tag in tags(cell):
            return part
    return "a cell"
