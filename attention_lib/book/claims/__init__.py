"""The essay, claim by claim, executable.

Each claim has a reading of its sentence, and cases to try it on; which of them it
holds for decides the verdict, as `verdicts.RUBRIC` says. There is a file for each of
the essay's sections, and more for what the essay leaves out of them. `LEDGER` lists the
claims in the essay's order, 1 to 34, then what is missing, O1 to O16.
"""

from importlib import import_module

from attention_lib.book.claims.ledger import Claim, entries
from attention_lib.book.claims.verdicts import RUBRIC

__all__ = ["ESSAY", "LEDGER", "MISSING", "VERDICTS", "Claim"]

# The numbers of all claims that the essay makes, and of what it leaves out.
ESSAY = tuple(str(n) for n in range(1, 35))
MISSING = tuple(f"O{n}" for n in range(1, 17))
VERDICTS = (*(rule.verdict for rule in RUBRIC), "missing")

for _section in (
    "introduction",
    "core_idea",
    "normalization",
    "focus",
    "lead",
    "long_rows",
    "interpretability",
    "reading_maps",
    "computation",
    "worked_example",
    "alternatives",
    "only_softmax",
    "best_choice",
    "summary",
    "missing_in_motivation",
    "missing_in_normalization",
    "costs_of_normalization",
    "missing_in_focus",
    "missing_in_sharpness",
    "missing_in_long_rows",
):
    import_module(f"{__name__}.{_section}")

LEDGER = entries()
