"""One group of two and one of four processes, for all tests that break neither."""

import pytest

from tests.distributed.processes import Processes


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
