"""Claims 3 to 6, the essay's section 1: what attention computes."""

import numpy as np

from attention_lib import attention_scores, definitions, masks
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import inputs, near
from attention_lib.book.experiments import trained, trigger
from attention_lib.book.experiments.self_match import own_top_key


def values_of_one_length():
    """Make all values as long as each other."""
    for query, key, value in inputs():
        yield query, key, value / np.linalg.norm(value, axis=-1, keepdims=True)


def trained_heads():
    """Take the last token of a sequence, which asks for nothing, in trained heads."""
    heads = trained("trigger", map="softmax", bos=True, gate=False)
    tokens = trigger.data(sets=1)[0][0, 0].numpy().astype(float)
    for matrices in zip(*(heads[n] for n in ("query", "key", "value")), strict=True):
        query, key, value = (tokens @ matrix for matrix in matrices)
        yield query[-1:], key, value


def unlike_values():
    """Let values be of any length, first in the trained heads."""
    yield from trained_heads()
    yield from list(inputs())[:2]


def all_values_are_of_one_length(case):
    """Measure the values."""
    lengths = np.linalg.norm(case[2], axis=-1)
    return np.ptp(lengths) < 1e-9 * lengths.max()


def weights_and_what_is_lost(case):
    """Take one value away at a time, and see what part of all losses it is."""
    query, key, value = case
    weights = definitions.softmax(query @ key.T / query.shape[-1] ** 0.5)
    whole, lost = attend(query, key, value), np.empty_like(weights)
    for j in range(len(key)):
        others = value.copy()
        others[j] = 0
        lost[:, j] = np.linalg.norm(whole - attend(query, key, others), axis=-1)
    return weights, lost / lost.sum(-1, keepdims=True)


def the_heaviest_value_adds_little_in_each_trained_head():
    """Look at the first token, which has no content."""
    for weights, lost in map(weights_and_what_is_lost, trained_heads()):
        if not (weights[0, 0] > 0.95 and lost[0, 0] < 0.2):
            return False
    return True


@claim(
    "3",
    "1",
    "Attention computes how important each element of the input is for the output.",
    "It computes weights, and an element adds to the output its weight times its "
    "value. That is in proportion to the weight if all values are of one length. A "
    "head can put nearly all its weight on a value of almost nothing, and heads that "
    "we trained do.",
    "01_motivation#What the weights allow",
    condition=all_values_are_of_one_length,
    inside=values_of_one_length,
    outside=unlike_values,
    besides=the_heaviest_value_adds_little_in_each_trained_head,
    stays={"a constant added": "what an element adds is a difference of two outputs"},
)
def each_adds_in_proportion_to_its_weight(case):
    """Compare the weights with what the output loses of each value."""
    weights, lost = weights_and_what_is_lost(case)
    first = weights[0].argmax()
    figure = f"a weight of {weights[0, first]:.3f} adds {lost[0, first]:.1%}"
    return near(lost, weights), figure


@claim(
    "4",
    "1",
    "These weights decide which parts the model attends to.",
    "By definition: to attend to a key is to read its value, as much of it as its "
    "weight says, which is softmax of the scores. That is not yet how much the key "
    "matters to the model.",
    "01_motivation#From a dictionary to a soft look-up",
    over=inputs,
    stays={"a constant added": "what is read is a difference of two outputs"},
)
def as_much_is_read_as_there_is_weight(case):
    """Move one value by one, and see by how much the output moves."""
    query, key, value = case
    weights = definitions.softmax(query @ key.T / query.shape[-1] ** 0.5)
    output = attend(query, key, value)
    moved = np.empty((*output.shape, len(key)))
    for j in range(len(key)):
        other = value.copy()
        other[j] += 1
        moved[:, :, j] = attend(query, key, other) - output
    return near(moved, weights[:, None]), "the output moves by weight × change"


def order_scale_and_mask():
    """Shuffle the pairs of key and value; change the scale and the mask."""
    query, key, value = list(inputs())[1]
    order = np.random.default_rng(0).permutation(len(key))
    output = attend(query, key, value)
    others = (
        attend(query, key[order], value),
        attend(query, key, value, scale=1.0),
        attend(query, key, value, masks.causal(len(query), len(key))),
    )
    same = near(attend(query, key[order], value[order]), output)
    return same and min(abs(other - output).max() for other in others) > 0.1


@claim(
    "5",
    "1",
    "The inputs are a query, keys and values.",
    "By definition; and, as a rule, a scale and a mask. The order of the keys is none "
    "of them: it has to be written into the tokens, the scores or the mask.",
    "01_motivation#Queries, keys and values",
    over=inputs,
    besides=order_scale_and_mask,
)
def the_output_is_made_of_query_keys_and_values(case):
    """Compare the library with the definition, which has no other input."""
    query, key, value = case
    same = near(attend(query, key, value), definitions.attention(query, key, value))
    return same, f"{len(query)} queries, {len(key)} keys: {len(query)} outputs"


def one_matrix():
    """Draw tokens, and one matrix that makes both their queries and their keys."""
    rng = np.random.default_rng(0)
    token, matrix = rng.normal(size=(2, 50, 16, 16))
    yield token / np.linalg.norm(token @ matrix, axis=-1, keepdims=True), matrix, matrix
    yield token, matrix, matrix


def two_matrices():
    """Draw tokens, a matrix for their queries, and another for their keys."""
    yield tuple(np.random.default_rng(0).normal(size=(3, 50, 16, 16)))


def one_matrix_makes_queries_and_keys(case):
    """Compare the two matrices."""
    _, w_q, w_k = case
    return np.array_equal(w_q, w_k)


def a_token_matches_itself_by_chance():
    """Count, in runs of their own, how often it is its own best match."""
    return abs(own_top_key(n=16, d=16, draws=100).mean() - 1 / 16) < 0.01


@claim(
    "6",
    "1",
    "The output is a weighted sum of the values, with weights from the similarity of "
    "query and key.",
    "The score is a similarity, alike both ways and for no two tokens above the mean "
    "of each with itself, if one matrix makes queries and keys. As a rule there are "
    "two: before training, a token is its own best match no more often than by chance.",
    "01_motivation#Queries, keys and values",
    condition=one_matrix_makes_queries_and_keys,
    inside=one_matrix,
    outside=two_matrices,
    besides=a_token_matches_itself_by_chance,
)
def a_sum_weighted_by_similarity(case):
    """Compare the output with the sum, and the scores with a similarity."""
    token, w_q, w_k = case
    query, key = token @ w_q, token @ w_k
    scores, _ = attention_scores(query, key)
    output = attend(query, key, token)
    is_sum = near(output, definitions.attention(query, key, token))
    itself = np.diagonal(scores, axis1=-2, axis2=-1)
    most = (itself[..., :, None] + itself[..., None, :]) / 2
    alike = near(scores, np.swapaxes(scores, -1, -2)) and (scores < most + 1e-9).all()
    own = (scores.argmax(-1) == np.arange(scores.shape[-1])).mean()
    return is_sum and alike, f"{own:.0%} match themselves best"
