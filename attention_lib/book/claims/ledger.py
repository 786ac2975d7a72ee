"""What a claim is, and how it enters the ledger."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["VERDICTS", "Claim", "claim", "entries"]

VERDICTS = (
    "true",
    "true with conditions",
    "false as stated",
    "contested",
    "missing",
)


@dataclass(frozen=True)
class Claim:
    """One sentence of the essay, and what is true of it.

    Attributes
    ----------
    number : str
        Its number in the ledger: ``"1"`` to ``"34"``, or ``"O1"`` to ``"O16"`` for
        what the essay leaves out.
    section : str
        The essay's section; for what it leaves out, the chapter it belongs to.
    sentence : str
        What the essay says, in our English.
    verdict : str
        One of `VERDICTS`.
    truth : str
        The condition under which it is true, or what is true instead.
    where : str
        Chapter and heading that treat it, as ``"05_worked_example#On a computer"``.
    decide : callable
        Decides the claim and returns its figure, in at most a second.
    """

    number: str
    section: str
    sentence: str
    verdict: str
    truth: str
    where: str
    decide: Callable[[], str | float]

    @property
    def place(self):
        """Its place in the ledger: the essay's claims first, then what is missing."""
        return self.number.startswith("O"), int(self.number.lstrip("O"))


_ENTERED: list[Claim] = []


def claim(number, section, sentence, verdict, truth, where):
    """Enter a deciding function in the ledger."""
    if verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {VERDICTS}; got {verdict!r}")

    def enter(decide):
        _ENTERED.append(Claim(number, section, sentence, verdict, truth, where, decide))
        return decide

    return enter


def entries():
    """Give what was entered so far, by number."""
    return tuple(sorted(_ENTERED, key=lambda entry: entry.place))
