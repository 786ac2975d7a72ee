"""Beside the ring that torch keeps to itself, and as a program of its own."""

import pytest
from torch.distributed.tensor.experimental import _attention

from attention_lib.distributed.__main__ import main

TEMPLATE = "_templated_ring_attention"


@pytest.mark.skipif(not hasattr(_attention, TEMPLATE), reason="torch has renamed it")
def test_it_gives_what_the_ring_of_torch_gives(two):
    for error in two.run("beside_torch", TEMPLATE):
        assert error < 1e-6


def test_the_line_of_the_reference_says_that_all_is_as_on_one_process(self_check):
    said, complaints = self_check.communicate(timeout=200)
    assert self_check.returncode == 0, complaints
    assert "2 processes" in said
    assert said.rstrip().endswith("all as on one process")


def test_alone_it_says_how_it_is_run(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(SystemExit, match="torchrun --nproc-per-node 2 -m"):
        main()
