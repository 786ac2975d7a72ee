"""Threads: how many, what becomes of BLAS's own, and what an error leaves behind."""

import os
import threading

import numpy as np
import pytest
import threadpoolctl

from attention_lib import _threads, scaled_dot_product_attention, softmax
from attention_lib.numpy_backend import attention as in_numpy
from attention_lib.numpy_backend import rows
from tests.forked import exit_code


def blas_threads():
    """Give the numbers of threads of every BLAS that is loaded."""
    found = threadpoolctl.threadpool_info()
    return [pool["num_threads"] for pool in found if pool["user_api"] == "blas"]


@pytest.fixture
def two_blas_threads():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if set(blas_threads()) != {2}:
            pytest.skip("NumPy's BLAS has one thread only, or is not known here")
        yield


def test_the_environment_says_how_many(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert _threads.n_threads() == 3
    at_hand = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count()
    )
    for nothing in ("", "0", "many", "-2"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert _threads.n_threads() == at_hand


def test_each_job_is_done_once(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    done, workers = [], set()
    together = threading.Barrier(3, timeout=10)

    def work(jobs):
        together.wait()
        workers.add(threading.get_ident())
        done.extend(jobs)

    _threads.share(work, iter(range(101)))
    assert sorted(done) == list(range(101))
    assert len(workers) == 3


def test_a_thread_of_ours_starts_no_more(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    inside = []
    _threads.share(lambda jobs: inside.append(_threads.n_threads()), [])
    assert inside == [1, 1, 1]
    assert _threads.n_threads() == 3


def test_one_thread_is_this_one():
    here = []
    _threads.share(lambda jobs: here.append(threading.get_ident()), [], threads=1)
    assert here == [threading.get_ident()]


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def work(jobs):
        for _ in jobs:
            raise ZeroDivisionError("in the worker")

    with pytest.raises(ZeroDivisionError, match="in the worker"):
        _threads.share(work, [1, 2, 3])


def test_an_error_leaves_the_other_threads_nothing_to_take():
    jobs = _threads.Jobs(range(5))
    assert next(jobs) == 0
    with pytest.raises(ZeroDivisionError), jobs.stopped_by_errors():
        raise ZeroDivisionError
    assert list(jobs) == []


def test_where_no_thread_can_start_the_work_is_done_here(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = []
    _threads.share(done.extend, range(7), threads=2)
    assert done == list(range(7))


def test_another_runtime_error_is_not_taken_for_that(monkeypatch):
    def work(jobs):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        _threads.share(work, [1], threads=2)


def test_blas_has_one_thread_meanwhile_and_its_own_again(two_blas_threads):
    with _threads.blas_on_one_thread() as controlled:
        assert controlled
        assert set(blas_threads()) == {1}
        with _threads.blas_on_one_thread():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {2}


def test_blas_has_its_threads_again_after_an_error(two_blas_threads):
    with pytest.raises(KeyError), _threads.blas_on_one_thread():
        raise KeyError
    assert set(blas_threads()) == {2}


def test_the_last_of_several_users_restores(two_blas_threads):
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    seen = []

    def first():
        with _threads.blas_on_one_thread():
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second():
        first_in.wait(10)
        with _threads.blas_on_one_thread():
            second_in.set()
            first_out.wait(10)
            seen.append(set(blas_threads()))

    users = [threading.Thread(target=work) for work in (first, second)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert seen == [{1}]
    assert set(blas_threads()) == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_no_users_and_blas_its_threads(two_blas_threads):
    with _threads.blas_on_one_thread(), _threads._blas_lock:
        child = os.fork()
        if not child:
            restored = False
            try:
                restored = set(blas_threads()) == {2} and not _threads._blas_users
                with _threads.blas_on_one_thread():  # which needs the lock
                    restored &= set(blas_threads()) == {1}
                restored &= set(blas_threads()) == {2}
            finally:
                os._exit(0 if restored else 1)
    assert exit_code(child) == 0
    assert set(blas_threads()) == {2}


def test_attention_leaves_blas_as_it_was(two_blas_threads, small_blocks, rng):
    query = rng.normal(size=(2, 11, 7))
    scaled_dot_product_attention(query, query, query, method="streaming")
    assert set(blas_threads()) == {2}


def test_an_error_inside_attention_leaves_blas_as_it_was(
    two_blas_threads, small_blocks, monkeypatch, rng
):
    def fail(*args):
        assert set(blas_threads()) == {1}
        raise ZeroDivisionError("in a block")

    monkeypatch.setattr(in_numpy, "_sum_exponentials", fail)
    query = rng.normal(size=(2, 11, 7))
    with pytest.raises(ZeroDivisionError, match="in a block"):
        scaled_dot_product_attention(query, query, query, method="streaming")
    assert set(blas_threads()) == {2}


def test_where_blas_cannot_be_controlled_one_thread_works(
    small_blocks, monkeypatch, rng
):
    query = rng.normal(size=(2, 11, 7))
    expected = scaled_dot_product_attention(query, query, query, method="streaming")
    monkeypatch.setattr(_threads, "_blas_controller", False)
    asked = []
    share = _threads.share

    def noted(work, jobs, threads=None):
        asked.append(threads)
        return share(work, jobs, threads)

    monkeypatch.setattr(_threads, "share", noted)
    actual = scaled_dot_product_attention(query, query, query, method="streaming")
    assert asked == [1]
    np.testing.assert_allclose(actual, expected, rtol=1e-14)


def test_warnings_stay_silent_in_every_thread(small_blocks, monkeypatch, rng):
    # The setting of NumPy's warnings belongs to a thread, not to the process.
    monkeypatch.setattr(rows, "THREADED_BYTES", 0)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 100)
    large = np.full((2, 23, 7), 1e30, np.float32)
    assert np.isnan(softmax(large * np.float32(np.inf))).all()
    assert softmax(large).sum() == pytest.approx(2 * 23)
    out = scaled_dot_product_attention(large, large, large, method="streaming")
    assert np.isnan(out).all()
    assert not np.isnan(
        scaled_dot_product_attention(large, -large, large, scale=1e-60)
    ).any()
