"""Claims 33 and 34, the essay's summary: indispensable, and what it ensures."""

import numpy as np
import torch

from attention_lib import linear_attention, masks
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.focus import (
    CLEARLY,
    FAILING,
    LEARNING,
    look_ups,
    the_map_is_blunt_or_signed,
)
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import distribution, near
from attention_lib.book.experiments import cell_of, limits, maps, trained, trigger

FEW = 64  # look-ups, of a model that gets nearly all right or many wrong


def it_is_learned_exactly_if_the_map_is_sharp_and_not_negative(name):
    """Compare what was learned with what one lead of ten shows of the map."""
    right = look_ups(name, FEW)
    holds = (right > CLEARLY).all() != the_map_is_blunt_or_signed(name)
    return holds, f"{name} gets {right.mean():.0%} right"


def three_need_no_sum_and_linear_attention_can_read_exactly():
    """Add weights up; store 16 pairs under features at right angles; then one more."""
    row, rng = torch.tensor([2.0, 1.0, 0.1]), np.random.default_rng(0)
    sums = [float(maps.get_map(name)(row).sum()) for name in LEARNING]
    free = sum(abs(total - 1) > 0.01 for total in sums)
    value = rng.normal(size=(17, 4))
    key = np.eye(16)
    read = linear_attention(key, key, value[:16], feature_map="relu")
    more = np.vstack([key, rng.uniform(size=16)])
    missed = linear_attention(more, more, value, feature_map="relu") - value
    exact = near(read, value[:16]) and abs(missed).max() > 0.1
    return exact and (len(LEARNING), free) == (5, 3)


@claim(
    "33",
    "6",
    "Softmax is an indispensable part of attention.",
    "Attention works without it. In our toy five other maps learned to find one pair "
    "of 32, and with three of these the weights need not sum to one. Linear attention "
    "has no exponential at all; it can read as many keys exactly as there are "
    "features, if those of the keys are at right angles, though our toy did not learn "
    "to. What must not be missing there is a map that is sharp and not negative, as "
    "claim 12 says.",
    "06c_which_weighting#Is softmax the best choice?",
    against=LEARNING,
    instead=it_is_learned_exactly_if_the_map_is_sharp_and_not_negative,
    over=(*FAILING, "softmax", *LEARNING),
    besides=three_need_no_sum_and_linear_attention_can_read_exactly,
    stays={"sparsemax": "the head that was trained with softmax reads with it, too"},
)
def without_softmax_the_look_up_is_not_learned(name):
    """Count the look-ups that models trained with another map get right."""
    right = look_ups(name, FEW)
    return right.max() < CLEARLY, f"{name} gets {right.mean():.0%} right"


def heads_without_a_spare_token():
    """Take trained heads that must give nothing where no trigger stands."""
    yield from heads(bos=False)


def heads_of_both_kinds():
    """Take them, and heads that have a token without content besides."""
    yield from heads(bos=False)
    yield from heads(bos=True)


def heads(bos):
    """Give queries, keys, values and the target of each head with softmax."""
    parameters = trained("trigger", map="softmax", bos=bos, gate=False)
    tokens, target = (x[0].numpy() for x in trigger.data(1, bos=bos, sets=16))
    for i in range(len(parameters["query"])):
        yield *(tokens @ parameters[x][i] for x in ("query", "key", "value")), target


SEEN = masks.causal(trigger.LENGTH, trigger.LENGTH)


def each_query_spends_one_in_positive_shares(case):
    """Let each value mark its key; then give every key and value ten times."""
    query, key, value, _ = (x.astype(float) for x in case)
    marks = np.zeros_like(key[..., :1]) + np.eye(trigger.LENGTH)
    weights = attend(query, key, marks, SEEN)
    scores = np.where(SEEN, query @ np.swapaxes(key, -1, -2), -np.inf)
    order = [x.argsort(-1, kind="stable") for x in (weights, scores)]
    shares = distribution(weights) and np.array_equal(weights > 0, 0 * weights + SEEN)
    ten = (np.repeat(x, 10, -2) for x in (key, value))
    copied = attend(query, *ten, np.repeat(SEEN, 10, -1))
    same = near(copied, attend(query, key, value, SEEN))
    holds = shares and np.array_equal(*order) and same
    return holds, f"each query spends {weights.sum(-1).mean():.2f}"


def heads_that_sum_to_one_have_a_floor_and_others_do_not():
    """Read what all replicas leave at their best rates, and what a formula says."""

    def left(name, bos, gate=False):
        return np.array(cell_of("trigger", map=name, bos=bos, gate=gate)["error"])

    floor = limits.trigger("softmax", bos=False, gate=False)
    stuck = [left(name, False).min() for name in ("softmax", "sparsemax")]
    done = [left(name, True).max() for name in ("softmax", "sparsemax")]
    done += [left(name, False).max() for name in ("off-by-one", "relu/n")]
    done += [left("softmax", False, gate=True).max()]
    return 0.97 < floor < min(stuck) + 0.005 and max(done) < 0.01


@claim(
    "34",
    "6",
    "It ensures that the model can allocate its attention effectively.",
    "It ensures a budget: each query spends exactly one, in positive shares that rise "
    "with the scores. So ten copies of every key change nothing, and where no key is "
    "worth reading all is spent, too. In our toy, where most queries are to read "
    "nothing, a head that sums to one can remove 3 % at most of the error of an output "
    "of zero. Enough is a token without content to spend on, a gate behind the head, "
    "or a map that can give less than one.",
    "06c_which_weighting#What softmax guarantees",
    against=heads_without_a_spare_token,
    instead=each_query_spends_one_in_positive_shares,
    over=heads_of_both_kinds,
    besides=heads_that_sum_to_one_have_a_floor_and_others_do_not,
)
def a_trained_head_reads_what_it_is_asked(case):
    """See what the head leaves of the target, which is mostly zero."""
    query, key, value, target = case
    left = ((attend(query, key, value, SEEN) - target) ** 2).sum() / (target**2).sum()
    return left < 1 / 2, f"it leaves {left:.0%} of the error of giving nothing"
