"""What a claim is, how its verdict follows from it, and how it enters the ledger."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from attention_lib.book.claims import verdicts
from attention_lib.book.claims.verdicts import Refused

__all__ = ["Claim", "claim", "entries"]


@dataclass(frozen=True)
class Claim:
    """One sentence of the essay, what is true of it, and what decides that.

    No verdict is given: `verdicts.RUBRIC` says which follows from which fields. A
    reading takes a case and gives whether the sentence holds for it, and a figure.
    Cases are a list, or a function that makes one; a figure is taken from the first.

    Attributes
    ----------
    number : str
        Its number in the ledger: ``"1"`` to ``"34"``, or ``"O1"`` to ``"O16"`` for
        what the essay leaves out.
    section : str
        The essay's section; for what it leaves out, the chapter it belongs to.
    sentence : str
        What the essay says, in our English.
    truth : str
        The second line: what it presupposes, its condition, or what is true instead.
    where : str
        Chapter and heading that treat it, as ``"05_worked_example#On a computer"``.
    more : str, optional
        Chapter and heading that go on from there.
    says : callable
        The reading of the sentence: of a case, whether it holds, and a figure.
    over : cases, optional
        Random cases and edges of all that the sentence speaks of; of a false one, of
        what `instead` speaks of.
    condition : callable, optional
        Whether a case meets the condition.
    inside, outside : cases, optional
        Cases that meet it, and cases that do not.
    against : cases, optional
        Counterexamples.
    instead : callable, optional
        The reading of what is true instead.
    one, other : cases, optional
        Runs or `verdicts.Cited` figures that speak for the sentence, and against it.
    why : str, optional
        Why they differ.
    besides : callable, optional
        Whether the rest of the second line is true.
    stays : dict of str to str
        Those of `impostors.IMPOSTORS` under which the sentence stays true, each with
        the reason. Under every other one it must be refused.
    """

    number: str
    section: str
    sentence: str
    truth: str
    where: str
    says: Callable[[Any], tuple[bool, str]]
    over: Iterable | Callable | None = None
    condition: Callable[[Any], bool] | None = None
    inside: Iterable | Callable | None = None
    outside: Iterable | Callable | None = None
    against: Iterable | Callable | None = None
    instead: Callable[[Any], tuple[bool, str]] | None = None
    one: Iterable | Callable | None = None
    other: Iterable | Callable | None = None
    why: str | None = None
    besides: Callable[[], bool] | None = None
    more: str | None = None
    stays: Mapping[str, str] = field(default_factory=dict)

    @property
    def rule(self):
        """The row of the rubric that its fields call for."""
        return verdicts.rule_of(self)

    @property
    def verdict(self):
        """What follows from its fields; for what the essay leaves out, "missing"."""
        return "missing" if self.number.startswith("O") else self.rule.verdict

    @property
    def place(self):
        """Its place in the ledger: the essay's claims first, then what is missing."""
        return self.number.startswith("O"), int(self.number.lstrip("O"))

    def judge(self):
        """Check that its cases bear out the verdict, and give the figure.

        Raises
        ------
        Refused
            If they do not: a case is on the wrong side.
        """
        return self.rule.judge(self)

    def decide(self):
        """Check the verdict and the second line, and give the figure."""
        figure = self.judge()
        if self.besides is not None and not self.besides():
            raise Refused(f"claim {self.number}: its second line does not hold")
        return figure


_ENTERED: list[Claim] = []


def claim(number, section, sentence, truth, where, **fields):
    """Enter the reading below in the ledger, with the fields that decide it."""

    def enter(says):
        entered = Claim(number, section, sentence, truth, where, says, **fields)
        verdicts.rule_of(entered)
        _ENTERED.append(entered)
        return says

    return enter


def entries():
    """Give what was entered so far, by number."""
    return tuple(sorted(_ENTERED, key=lambda entry: entry.place))
