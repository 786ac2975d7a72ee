"""The one table of the weightings: what names, tests, tables and pages derive from."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["REGISTRY", "Each", "Entry", "Verdict", "gap", "registered", "size"]

REGISTRY = []


@dataclass(frozen=True)
class Each:
    """A parameter with one value a row, drawn between two numbers."""

    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """What the law table says of a weighting with some parameters.

    Attributes
    ----------
    holds, breaks : str
        Names of laws, between commas; together all of `attention_lib.book.laws`.
    params : dict or None
        The parameters; None: the defaults.
    """

    holds: str
    breaks: str
    params: dict | None = None


@dataclass(frozen=True)
class Entry:
    """One weighting, as it was registered.

    Attributes
    ----------
    name : str
        The row function's, or what it would be.
    make : type
        The class, whose fields are the parameters.
    definition : callable or None
        The textbook formula, of `attention_lib.definitions`, which takes scores and the
        parameters under the names that they have here.
    bound : callable or None
        Takes scores in float64, their exact weights and the parameters; gives the error
        that its docstring allows in a weight, in eps: the distance of 1 to the next
        number of the dtype in which it is computed. It gives None where the docstring
        states none for these parameters.
    laws : tuple of Verdict
        What the law table says.
    strings : dict
        The names by which attention takes it, and the parameters that each stands for.
    examples : tuple of dict
        Parameters to test it with; a value may be an `Each`.
    """

    name: str
    make: type
    definition: Callable | None
    bound: Callable | None
    laws: tuple
    strings: dict
    examples: tuple


def registered(
    name, *, definition=None, bound=None, laws=(), strings=None, examples=({},)
):
    """Enter the class below into the table; `strings` is its name alone if None."""

    def enter(make):
        names = {name: {}} if strings is None else strings
        REGISTRY.append(
            Entry(name, make, definition, bound, tuple(laws), names, tuple(examples))
        )
        return make

    return enter


def gap(scores):
    """Give the distance of each score from the largest of its row."""
    return scores.max(-1, keepdims=True) - scores


def size(scores):
    """Give the largest size of a score of each row."""
    return abs(scores).max(-1, keepdims=True)
