"""For each claim of the ledger: a change under which it must fail.

The change is to the library, to a saved result, or to a number of the claim.
`tests/mutants.py` makes them, one at a time.
"""

from tests.mutation import Change, Input

__all__ = ["CLAIM_MUTANTS"]

EXAMPLE = "attention_lib.book.claims.worked_example"
EXPERIMENTS = "attention_lib.book.experiments"
ROWS = "attention_lib.numpy_backend.rows"
ATTENTION = "attention_lib.numpy_backend.attention"


def saved(old, new):
    """Change what a saved experiment says."""
    text = '.read_text("utf-8")'
    return Change(f"{EXPERIMENTS}.load", text, f"{text}.replace({old!r}, {new!r})")


BASE_TWO = Change(f"{ROWS}._plain_block", "np.exp(", "np.exp2(")
NO_MAXIMUM = Change(f"{ROWS}._plain_block", "if not (", "if False and (")
ONE_MORE = Change(f"{ROWS}._plain_block", "(1 / total)", "(1 / (1 + total))")
NO_SCALE = Change(f"{ATTENTION}.scores", " * call.scale", "")

CLAIM_MUTANTS = {
    "1": Change(f"{ATTENTION}._dense", "if dropout_p:", "if False:"),
    "2": BASE_TWO,
    "3": saved('"sink": [0.99', '"sink": [0.19'),
    "4": Change(
        f"{ATTENTION}.weighted_sum",
        "return weights @ value",
        "return value.mean(-2) + 0 * (weights @ value)",
    ),
    "5": NO_SCALE,
    "6": Change(
        f"{ATTENTION}.scores",
        "query @ np.swapaxes(key, -1, -2)",
        "key @ np.swapaxes(key, -1, -2)",
    ),
    "7": NO_SCALE,
    "8": Change(
        f"{ATTENTION}.scores",
        " * call.scale",
        " * call.query.shape[-1] ** -0.5",
    ),
    "9": ONE_MORE,
    "10": BASE_TWO,
    "11": Change(
        f"{ATTENTION}._dense",
        "weights = weighting.rows(score, where)",
        "weights = 2 * weighting.rows(score, where)",
    ),
    "12": saved("[0.9727, ", "[0.3727, "),
    "17": BASE_TWO,
    "20": NO_MAXIMUM,
    "21": BASE_TWO,
    "22": NO_MAXIMUM,
    "23": ONE_MORE,
    "24": Input(EXAMPLE, "SCORES", (2.0, 1.0, 0.2)),
    "25": Input(EXAMPLE, "SUM", 11.21),
    "26": BASE_TWO,
    "27": Input(EXAMPLE, "FIRST", 1),
    "O5": Change(
        f"{ROWS}._plain_block", "x if temperature == 1 else x / temperature", "x"
    ),
    "O6": Change(
        f"{ROWS}._log_parts",
        "others.sum(axis, keepdims=True)",
        "others.max(axis, keepdims=True)",
    ),
    "O7": BASE_TWO,
    "O8": Change("attention_lib.fold.merge", "b.total * rise_b", "b.total"),
    "O10": Change(
        f"{EXPERIMENTS}.depth.differences_left",
        "tokens + mixed if skip else mixed",
        "tokens + mixed",
    ),
    "O11": Change(
        f"{ROWS}.log_softmax", "shifted - log_sum", "np.exp(shifted - log_sum)"
    ),
    "O13": Change(
        "attention_lib.features.PositiveRandomFeatures.log_features",
        "- squares / 2",
        "- squares",
    ),
    "O14": Change(
        "attention_lib.weightings.base.Exponential.rows",
        "weights * logistic(total - like(self.offset, z))",
        "weights",
    ),
    "O15": Change(
        f"{ROWS}._safe_block",
        "np.copyto(work, x, where=where)",
        "np.copyto(work, x)",
    ),
}
