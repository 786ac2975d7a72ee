"""With one GPU: nccl with one process, which sends nothing, and gloo with two."""

import pytest
import torch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
BOUND = 1e-5  # of the largest entry, in float32


@pytest.mark.parametrize("name", ["softmax", "softmax1", "sigmoid", "entmax15"])
def test_two_processes_on_one_card_go_through_host_memory(two, name):
    for error in two.run("on_a_card", name, None):
        assert error < BOUND


@pytest.mark.parametrize("name", ["softmax", "softmax1", "sigmoid", "entmax15"])
def test_nccl_of_one_process_communicates_nothing(two, name):
    assert two.run("on_a_card", name, "nccl")[0] < BOUND
