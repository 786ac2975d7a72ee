"""What the book says of each law and weighting."""

from attention_lib.book.law_table import WEIGHTINGS, label
from attention_lib.book.laws import LAWS

# Whether each law holds, in the order of LAWS: what the book says.
EXPECTED = {
    "Softmax": "yes yes yes yes yes yes yes no yes no no no yes yes",
    "Softmax1": "yes no yes yes yes yes no no yes no yes no yes yes",
    "ScalableSoftmax": "yes yes yes yes yes yes yes no no no no yes yes yes",
    "Sparsemax": "yes yes yes yes yes no yes no no yes no yes no yes",
    "Entmax": "yes yes yes yes yes no yes no no yes no yes no yes",
    "TopK(k=2)": "yes yes yes no yes no yes no no yes no yes no no",
    "Hardmax": "yes yes yes no yes no yes yes no yes no yes no yes",
    "Softpick": "yes no yes yes yes no no no yes yes yes no yes yes",
    "NormalizedReLU": "yes no yes no yes no no yes yes yes yes no yes yes",
    "NormalizedSigmoid": "yes yes yes yes yes no no no yes no no no yes yes",
    "NormalizedTanh": "yes yes yes yes yes no no no yes no no no yes yes",
    "Sigmoid": "yes no yes yes yes no no no yes no yes no yes yes",
    "Sigmoid(bias=-log n)": "yes no yes yes yes no no no no no yes no yes yes",
    "ReLU": "yes no yes yes yes no no no yes yes yes no yes yes",
    "ReLU(mean=True)": "yes no yes yes yes no no no yes yes yes no yes yes",
}
CELLS = [
    (law, weighting, verdict == "yes")
    for weighting in WEIGHTINGS
    for law, verdict in zip(LAWS, EXPECTED[label(weighting)].split(), strict=True)
]
