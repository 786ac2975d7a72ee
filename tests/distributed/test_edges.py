"""Numbers that are not finite, dtypes, empty shards, groups, and what is refused."""

import pytest
import torch

from tests.distributed.cases import SHARDED, Case
from tests.distributed.processes import Processes

SOME = ["softmax", "softmax1", "softpick", "normalized_relu", "sigmoid", "entmax15"]


def arrays(size, lengths=(4, 4), dtype=torch.float32, seed=0):
    """Draw query, key and value of each process."""
    draw = torch.Generator().manual_seed(seed)

    def normal(n):
        return torch.randn(2, n, 3, generator=draw).to(dtype)

    return [[normal(lengths[0]), normal(lengths[1]), normal(lengths[1])]
            for _ in range(size)]  # fmt: skip


@pytest.mark.parametrize("name", SHARDED)
def test_a_nan_spoils_the_rows_that_see_it_and_no_others(two, name):
    for rank in two.run("spoiled", [Case(name)]):
        assert rank == [[0.0, 0.0]]


@pytest.mark.parametrize("function", ["ring", "tree"])
def test_a_row_without_keys_is_zero_and_one_of_none_is_empty(two, function):
    given = arrays(2)
    nothing = {"where": torch.zeros(1, 4, dtype=torch.bool)}
    for name in SOME:
        options = nothing | {"weighting": name}
        for out, *slopes in two.run("attention", function, given, options, (0, 1, 2)):
            assert out.eq(0).all()
            assert all(slope.eq(0).all() for slope in slopes)
    empty = [[q[:, :n], k[:, :0], v[:, :0]]
             for n, (q, k, v) in zip((4, 0), given, strict=True)]  # fmt: skip
    if function == "ring":
        outs = two.run("attention", function, empty, {})
        assert [out.shape for (out,) in outs] == [(2, 4, 3), (2, 0, 3)]
        assert outs[0][0].eq(0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("name", SOME)
def test_the_dtype_is_kept_and_rounded_once(two, dtype, name):
    given = arrays(2, dtype=dtype)
    exact = [[a.double() for a in of_rank] for of_rank in given]
    options, learns = {"weighting": name}, (0, 1, 2)
    found = two.run("attention", "ring", given, options, learns)
    wanted = two.run("attention", "ring", exact, options, learns)
    for of_rank, right in zip(found, wanted, strict=True):
        for a, b in zip(of_rank, right, strict=True):
            assert a.dtype == dtype
            assert (a - b).abs().max() <= 8 * torch.finfo(dtype).eps * b.abs().max()


def test_autocast_recasts_nothing(two):
    given = arrays(2)
    for name in SOME:
        plain = two.run("attention", "ring", given, {"weighting": name}, (0, 1, 2))
        inside = two.run("under_autocast", given, {"weighting": name}, (0, 1, 2))
        for a, b in zip(plain, inside, strict=True):
            assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_group_that_is_not_the_world(four):
    for rank, found in enumerate(four.run("in_pairs")):
        refused = "ValueError: this process is not in the group that was given"
        assert found == (refused if rank in (1, 2) else 0.0)


def test_a_process_without_gradients_takes_part_in_the_way_back(two):
    found = two.run("only_one_learns")
    assert found[0] > 0
    assert found[1] is None


def test_lengths_that_are_promised_equal_need_no_agreement(two):
    given = arrays(2)
    for name in SOME:
        told = two.run("attention", "ring", given, {"weighting": name}, (0, 1, 2))
        more = {"weighting": name, "check": False}
        silent = two.run("attention", "ring", given, more, (0, 1, 2))
        for a, b in zip(told, silent, strict=True):
            assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_compiled_program_calls_it_outside_its_graph(two):
    assert two.run("compiled") == [0.0, 0.0]


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        ("twice", "RuntimeError", "second derivatives are not known"),
        ("vmap", "TypeError", "knows no torch.func"),
        ("func.grad", "TypeError", "knows no torch.func"),
        ("forward", "TypeError", "no forward-mode"),
    ],
)
def test_other_derivatives_are_refused_with_a_reason(two, what, kind, message):
    for error in two.errors("derivative", what):
        assert error.kind == kind
        assert message in error.message
    assert two.run("attends") == [24.0, 24.0]


def test_a_mask_that_is_changed_on_the_way_is_noticed():
    processes = Processes(2)
    for error in processes.errors("changed_mask"):
        assert "modified by an inplace operation" in error.message
    processes.close()


def test_going_back_in_another_order_is_noticed():
    processes = Processes(2)
    for error in processes.errors("back_in_another_order"):
        assert "other processes are at another call" in error.message
    processes.close()
