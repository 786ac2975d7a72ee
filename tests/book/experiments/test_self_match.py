"""Self-match: a run of other draws and the saved one, by the same margin."""

import numpy as np
import pytest

from attention_lib.book.experiments import load, self_match


@pytest.mark.parametrize("seed", [None, 1])
def test_a_token_is_its_own_top_key_as_often_as_chance_has_it(seed):
    if seed is None:
        shares = np.array(load("self_match")["result"]["own_top_key"])
    else:
        shares = self_match.own_top_key(seed=seed)
    assert len(shares) == 8
    assert shares.min() > 0.04  # [0.059]
    assert shares.max() < 0.09  # [0.067]


def test_with_one_token_it_is_always_its_own():
    assert (self_match.own_top_key(n=1, draws=3) == 1).all()
