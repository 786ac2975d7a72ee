"""The essay, claim by claim, executable.

Each function decides one claim: it calls the library or reads a saved experiment,
raises `AssertionError` where the verdict does not hold, and returns the figure that
settles it. There is a file for each of the essay's sections, and one for each chapter
with what the essay leaves out. `LEDGER` lists the claims in the essay's order, 1 to 34,
then what is missing, O1 to O16.
"""

from importlib import import_module

from attention_lib.book.claims.ledger import VERDICTS, Claim, claim, entries

__all__ = ["LEDGER", "VERDICTS", "Claim", "claim"]

for _section in (
    "introduction",
    "core_idea",
    "normalization",
    "focus",
    "interpretability",
    "computation",
    "worked_example",
    "missing_in_motivation",
    "missing_in_normalization",
):
    import_module(f"{__name__}.{_section}")

LEDGER = entries()
