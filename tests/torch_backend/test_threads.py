"""Torch's blocks in threads: the same numbers, and nothing of torch left changed."""

import os
import threading
from itertools import product

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import attention_lib as al
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend import block_rules, blocks, entmax, threads
from attention_lib.torch_backend import general as in_torch
from tests.forked import exit_code

WEIGHTINGS = ["sparsemax", "entmax15", "softpick", "normalized_sigmoid", "sigmoid"]


@pytest.fixture
def three(monkeypatch):
    """Share out even small work, in several small blocks, among three threads."""
    monkeypatch.setattr(threads, "THREADED_BYTES", 0)
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)
    monkeypatch.setattr(blocks, "FEWEST", 2)
    monkeypatch.setattr(blocks, "MOST", 3)
    monkeypatch.setattr(entmax, "BLOCK_BYTES", 300)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_a_new_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def heads(n_heads, length=11, n_keys=7):
    seeded = torch.Generator().manual_seed(0)
    shapes = [(n_heads, n, 4) for n in (length, n_keys, n_keys)]
    return [
        torch.randn(shape, generator=seeded, dtype=torch.float64).requires_grad_()
        for shape in shapes
    ]


def both_ways(given, **options):
    out = attend(*given, **options)
    pull = torch.linspace(-1, 1, out.numel()).to(out).reshape(out.shape)
    return (out, *torch.autograd.grad(out, given, pull))


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("n_heads", [1, 2, 3, 4, 13])
def test_threads_give_what_one_matrix_gives(weighting, n_heads):
    for causal in (False, True):
        options = {"weighting": weighting, "is_causal": causal}
        given = heads(n_heads)
        results = both_ways(given, **options)
        expected = both_ways(given, **options, method="dense")
        torch.testing.assert_close(results, expected)
        for one, other in zip(results, both_ways(given, **options), strict=True):
            assert torch.equal(one, other)  # the order of adding is always the same


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("alpha", [0.5, 1.25, 1.5, 2, 3])
def test_rows_in_threads_are_those_of_one(alpha):
    scores = heads(3)[0].detach().reshape(-1, 4)
    together = al.entmax(scores, alpha)
    torch.set_num_threads(1)
    assert torch.equal(together, al.entmax(scores, alpha))


@pytest.mark.usefixtures("three")
def test_torch_keeps_its_number_of_threads_everywhere():
    inside = []
    threads.share(lambda jobs: inside.append(torch.get_num_threads()), [], 3)
    assert inside == [1, 1, 1]
    assert torch.get_num_threads() == 3
    assert in_a_new_thread(torch.get_num_threads) == 3
    torch.set_num_threads(5)  # more threads are needed, and begin with one each
    threads.share(lambda jobs: inside.append(torch.get_num_threads()), [], 5)
    assert inside == [1] * 8
    assert torch.get_num_threads() == in_a_new_thread(torch.get_num_threads) == 5


@pytest.mark.usefixtures("three")
def test_each_thread_works_at_the_same_time():
    together = threading.Barrier(3, timeout=10)
    done, workers = [], set()

    def work(jobs):
        together.wait()
        workers.add(threading.get_ident())
        done.extend(jobs)

    threads.share(work, range(101), 3)
    assert sorted(done) == list(range(101))
    assert len(workers - {threading.get_ident()}) == 3


@pytest.mark.parametrize("n_threads", [1, 2])
def test_one_thread_or_little_work_starts_none(monkeypatch, n_threads):
    monkeypatch.setattr(threads, "_workers", None)  # which cannot be called
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)
    if n_threads == 1:
        monkeypatch.setattr(threads, "THREADED_BYTES", 0)
    else:
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    both_ways(heads(2), weighting="entmax15")
    al.sparsemax(heads(2)[0])


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_modes_of_the_caller_hold(mode):
    given = heads(2)
    with mode():
        out = attend(*given, weighting="entmax15")
        rows = al.entmax(given[0])
    assert out.is_inference() == rows.is_inference() == (mode is torch.inference_mode)
    assert not out.requires_grad
    expected = attend(*given, weighting="entmax15", method="dense")
    torch.testing.assert_close(out.clone(), expected.detach())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        again = both_ways(given, weighting="entmax15")
    torch.testing.assert_close(again, both_ways(given, weighting="entmax15"))


@pytest.mark.usefixtures("three")
def test_an_error_in_a_thread_ends_the_others_and_is_raised():
    left, failed = iter(range(10**6)), threading.Event()

    def work(jobs):
        for job in jobs:
            if job == 20:
                failed.set()
                raise ZeroDivisionError("in the worker")
            failed.wait(0 if job < 20 else 10)

    with pytest.raises(ZeroDivisionError, match="in the worker"):
        threads.share(work, left, 3)
    assert next(left, None) is not None
    assert in_a_new_thread(torch.get_num_threads) == torch.get_num_threads() == 3


@pytest.mark.usefixtures("three")
def test_rows_that_blocks_cannot_do_are_noticed_in_a_thread(monkeypatch):
    given = heads(2)
    bias = torch.zeros(11, 7, dtype=torch.float64)
    bias[9] = -1e300
    options = {"attn_mask": bias, "weighting": "sparsemax"}
    monkeypatch.setattr(block_rules, "ROOM", 1.0)
    out = attend(*given, **options)
    torch.testing.assert_close(out, attend(*given, **options, method="dense"))


@pytest.mark.usefixtures("three")
def test_where_no_thread_can_start_the_work_is_done_here(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    threads._forget()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    given = heads(2)
    results = both_ways(given, weighting="sparsemax")
    expected = both_ways(given, weighting="sparsemax", method="dense")
    torch.testing.assert_close(results, expected)
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_starts_its_own_threads():
    given = heads(2)
    expected = attend(*given, weighting="sparsemax")
    with threads._lock:  # as where another thread is at work
        child = os.fork()
        if not child:
            same = False
            try:
                same = torch.equal(attend(*given, weighting="sparsemax"), expected)
            finally:
                os._exit(0 if same else 1)
    assert exit_code(child) == 0


def test_blocks_of_one_thread_hold_heads_together_and_of_several_one_each():
    query, key = torch.zeros(5, 300, 2), torch.zeros(5, 200, 2)
    for n_threads, causal in product((1, 2), (False, True)):
        cut = list(blocks._cut(query, key, causal, n_threads))
        seen = torch.zeros(5, 300, dtype=torch.int64)
        for block in cut:
            seen[block.heads, block.rows] += 1
            assert block.stop == (min(200, block.rows.stop) if causal else 200)
        assert (seen == 1).all()
    assert {block.heads.stop - block.heads.start for block in cut} == {1}


class Large(TorchDispatchMode):
    """Notes what this thread computes of so many numbers that torch shares them out."""

    SHARED = 32768  # at::internal::GRAIN_SIZE

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        sizes = [a.numel() for a in args if isinstance(a, torch.Tensor)]
        if max(sizes, default=0) > self.SHARED and not function.is_view:
            self.seen.append(function.name())
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("weighting", [*WEIGHTINGS, "relu"])
def test_torchs_own_threads_are_not_waked_beside_ours(monkeypatch, weighting):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    given = [torch.cat(16 * [a], -1).detach() for a in heads(8, 400, 400)]
    for a in given:
        a.requires_grad_()
    pull = torch.ones_like(given[0])
    assert pull.numel() > Large.SHARED
    with Large() as here:
        out = attend(*given, weighting=weighting)
        torch.autograd.grad(out, given, pull)
        al.entmax(pull, 1.5)
    assert set(here.seen) <= {"aten::detach", "aten::empty_like", "aten::new_empty"}
