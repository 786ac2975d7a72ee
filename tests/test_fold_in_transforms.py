"""States of the fold go in and out of torch's transforms."""

import pytest
import torch

import attention_lib as al
from attention_lib import finalize, merge, partial_attention
from attention_lib import scaled_dot_product_attention as attend


def three(n_keys=6):
    sizes = (4, n_keys, n_keys)
    return [torch.randn(3, 2, n, 3, dtype=torch.float64) for n in sizes]


@pytest.mark.parametrize(
    "weighting", ["softmax", "softmax1", "normalized_tanh", "softpick", "sigmoid"]
)
def test_vmap_takes_and_gives_states(weighting):
    given = three()

    def fold(query, key, value):
        return partial_attention(query, key, value, weighting=weighting)

    state = torch.func.vmap(fold)(*given)
    assert isinstance(state, al.State)
    twice = torch.func.vmap(lambda s, *a: finalize(merge(s, fold(*a))))(state, *given)
    doubled = [given[0], *(torch.cat([a, a], -2) for a in given[1:])]
    torch.testing.assert_close(twice, attend(*doubled, weighting=weighting))


def test_vmap_takes_and_gives_the_numbers_of_keys_of_a_state():
    query, key, value = three(n_keys=4)
    n_keys = torch.arange(1, 5)[:, None].expand(3, 2, 4, 1)

    def part(start):
        block, options = slice(start, start + 2), {"weighting": "scalable_softmax"}

        def fold(*given):
            *arrays, n = given
            options["n_keys"], options["key_offset"] = n, start
            return partial_attention(*arrays, is_causal=True, **options)

        given = query, key[..., block, :], value[..., block, :], n_keys
        return torch.func.vmap(fold)(*given)

    out = torch.func.vmap(lambda a, b: finalize(merge(a, b)))(part(0), part(2))
    expected = attend(query, key, value, None, 0.0, True, weighting="scalable_softmax")
    torch.testing.assert_close(out, expected)
    one = torch.func.vmap(
        lambda *a: partial_attention(*a, weighting="scalable_softmax", n_keys=4)
    )(query, key, value)
    assert one.n == 4
