"""Claims 3 to 6, the essay's section 1: what attention computes."""

import numpy as np

from attention_lib import attention_scores, attention_weights, masks
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim
from attention_lib.book.experiments import cell_of
from attention_lib.book.experiments.self_match import own_top_key


@claim(
    "3",
    "1",
    "Attention computes how important each element of the input is for the output.",
    "true with conditions",
    "It computes mixing weights. What an element adds to the output is its weight "
    "times its value: a head can put nearly all its weight on a value of almost "
    "nothing.",
    "01_motivation#What the weights allow",
)
def the_heaviest_weight_adds_next_to_nothing():
    """See what a trained head reads in rows that need no output."""
    run = cell_of("trigger", map="softmax", bos=True, gate=False)
    weight, size, others = (
        np.array(run[k]) for k in ("sink", "first_norm", "other_norm")
    )
    assert len(weight) >= 5
    assert weight.min() > 0.95
    assert (weight * size < others / 1000).all()
    return f"weight {weight.mean():.3f}, value {size.mean():.4f} long"


@claim(
    "4",
    "1",
    "These weights decide which parts the model attends to.",
    "true",
    "By definition: to attend to a key is to give it weight. That is how much of its "
    "value is read, and not yet how much the key matters to the model.",
    "01_motivation#From a dictionary to a soft look-up",
)
def as_much_is_read_as_there_is_weight():
    """Move one value by one, and see by how much the output moves."""
    rng = np.random.default_rng(0)
    query, key, value = (rng.normal(size=(n, 4)) for n in (3, 7, 7))
    mask = np.arange(7) != 5
    weights = attention_weights(query, key, mask)
    output = attend(query, key, value, mask)
    for j in range(7):
        other = value.copy()
        other[j] += 1
        moved = attend(query, key, other, mask)
        assert np.allclose(moved - output, weights[:, [j]])
    assert not weights[:, 5].any()
    return "the output moves by weight × change"


@claim(
    "5",
    "1",
    "The inputs are a query, keys and values.",
    "true",
    "And, as a rule, a scale and a mask. The order of the keys is none of them: it "
    "has to be written into the tokens, the scores or the mask.",
    "01_motivation#Queries, keys and values",
)
def the_order_of_the_keys_is_no_input():
    """Shuffle the pairs of key and value; change the scale and the mask."""
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(5, 8)), rng.normal(size=(7, 8))
    value, order = rng.normal(size=(7, 3)), rng.permutation(7)
    output = attend(query, key, value)
    assert output.shape == (5, 3)
    assert np.allclose(attend(query, key[order], value[order]), output)
    for other in (
        attend(query, key[order], value),
        attend(query, key, value, scale=1.0),
        attend(query, key, value, masks.causal(5, 7)),
    ):
        assert abs(other - output).max() > 0.1
    return "5 queries and 7 keys give 5 outputs"


@claim(
    "6",
    "1",
    "The output is a weighted sum of the values, with weights from the similarity of "
    "query and key.",
    "true with conditions",
    "Queries and keys come from different matrices, so their product need be no "
    "similarity: it is not symmetric, and before training a token's best match is "
    "itself no more often than chance has it.",
    "01_motivation#Queries, keys and values",
)
def a_token_matches_itself_as_often_as_chance_has_it():
    """Send tokens through random matrices, and look for the best match."""
    rng = np.random.default_rng(0)
    token, w_q, w_k = rng.normal(size=(3, 16, 16))
    scores, _ = attention_scores(token @ w_q, token @ w_k)
    assert np.corrcoef(scores.ravel(), scores.T.ravel())[0, 1] < 0.5
    itself = own_top_key(n=16, draws=50)
    assert len(itself) >= 5
    assert abs(itself.mean() - 1 / 16) < 0.01
    return f"{itself.mean():.1%} of tokens; chance is 1 in 16"
