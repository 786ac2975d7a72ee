"""One group of two and one of four processes, for all tests that break neither."""

import multiprocessing

import pytest

from tests.distributed.processes import Processes

POSSIBLE = "forkserver" in multiprocessing.get_all_start_methods()


def pytest_collection_modifyitems(items):
    """Leave these tests to systems that can fork."""
    here = __file__.rpartition("conftest.py")[0]
    no_fork = pytest.mark.skip(reason="this system has no server that forks processes")
    for item in items:
        if not POSSIBLE and str(item.path).startswith(here):
            item.add_marker(no_fork)


@pytest.fixture(scope="session")
def two():
    """Two processes."""
    processes = Processes(2)
    yield processes
    processes.close()


@pytest.fixture(scope="session")
def four():
    """Four processes."""
    processes = Processes(4)
    yield processes
    processes.close()
