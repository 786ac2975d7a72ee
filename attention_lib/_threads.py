"""A few Python threads for work that NumPy does outside the interpreter lock."""

import os
import threading
from contextlib import contextmanager

__all__ = ["Jobs", "blas_on_one_thread", "n_threads", "share"]

_worker = threading.local()


def n_threads():
    """Say how many threads to use: OMP_NUM_THREADS, or the processors at hand."""
    if getattr(_worker, "busy", False):
        return 1  # a thread of ours does not start more
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(work, jobs, threads=None):
    """Run ``work(jobs)`` in several threads that take the jobs from one iterator."""
    jobs = iter(jobs)
    threads = n_threads() if threads is None else threads
    if threads > 1:
        try:
            return _run_threads(work, Jobs(jobs), threads)
        except RuntimeError as error:  # no threads here, as in a web page
            if "start new thread" not in str(error):
                raise
    return work(jobs)


def _run_threads(work, jobs, threads):
    from concurrent.futures import ThreadPoolExecutor  # 26 ms: not at import

    def take():
        _worker.busy = True
        try:
            with jobs.stopped_by_errors():
                work(jobs)
        finally:
            _worker.busy = False

    with ThreadPoolExecutor(threads - 1) as pool:
        helpers = [pool.submit(take) for _ in range(threads - 1)]
        take()  # this thread does its share, for it would only wait
        for helper in helpers:
            helper.result()


class Jobs:
    """An iterator that several threads may take from, until one of them fails."""

    def __init__(self, jobs):
        self.jobs = iter(jobs)
        self.lock = threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.jobs)

    @contextmanager
    def stopped_by_errors(self):
        """Leave nothing to take after an error, which goes on."""
        try:
            yield
        except BaseException:
            with self.lock:
                self.jobs = iter(())
            raise


_blas_controller = None


@contextmanager
def blas_on_one_thread():
    """Keep BLAS to one thread meanwhile; give False where that cannot be done.

    The limit holds for the whole process, so the users are counted, and the last
    one to leave restores what was there.
    """
    global _blas_users, _blas_limit
    with _blas_lock:
        controller = _controller()
        if controller and not _blas_users:
            _blas_limit = controller.limit(limits=1, user_api="blas")
        _blas_users += 1
    try:
        yield bool(controller)
    finally:
        with _blas_lock:
            _blas_users -= 1
            if _blas_limit and not _blas_users:
                _blas_limit.restore_original_limits()
                _blas_limit = None


def _controller():
    """Give threadpoolctl's view of NumPy's BLAS, built once, or None."""
    global _blas_controller
    if _blas_controller is None:
        try:
            from threadpoolctl import ThreadpoolController
        except ImportError:
            _blas_controller = False
        else:
            found = ThreadpoolController().select(user_api="blas")
            _blas_controller = found if found.lib_controllers else False
    return _blas_controller or None


def _no_users():
    """Count no users of the limit: in a forked process their threads are not there."""
    global _blas_lock, _blas_users, _blas_limit
    _blas_lock, _blas_users, _blas_limit = threading.Lock(), 0, None


def _after_fork():
    """Lift a limit whose users stayed in the parent process."""
    limit = _blas_limit
    _no_users()
    if limit:
        limit.restore_original_limits()


_no_users()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
