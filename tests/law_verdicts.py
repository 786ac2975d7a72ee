"""What the book says of each law and weighting: as they are registered."""

from attention_lib.book.law_table import WEIGHTINGS, label
from attention_lib.book.laws import LAWS
from attention_lib.weightings import REGISTRY


def named(laws):
    """Give the names of laws in one string."""
    return laws.split(", ") if laws else []


# Whether each law holds, in the order of LAWS; None where nothing is said of it.
EXPECTED = {}
for entry in REGISTRY:
    for said in entry.laws:
        key = label(entry.make(**(said.params or {})))
        verdicts = dict.fromkeys(named(said.holds), True)
        verdicts |= dict.fromkeys(named(said.breaks), False)
        EXPECTED[key] = [verdicts.get(law.name) for law in LAWS]
CELLS = [
    (law, weighting, holds)
    for weighting in WEIGHTINGS
    for law, holds in zip(LAWS, EXPECTED[label(weighting)], strict=True)
]
