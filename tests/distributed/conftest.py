"""Groups of two and of four processes for all tests, and what runs beside these."""

import multiprocessing
import os
import subprocess
import sys

import pytest

from tests.distributed.falls import fallen
from tests.distributed.processes import Processes, prepare, to_itself

POSSIBLE = "forkserver" in multiprocessing.get_all_start_methods()


def pytest_sessionstart():
    """Let torch be loaded for the processes while the tests are collected."""
    if POSSIBLE:
        prepare()


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


@pytest.fixture(scope="session")
def falls(tmp_path_factory):
    """Groups in which a process falls, each with its answers as soon as they are in."""
    with fallen(tmp_path_factory.mktemp("falls")) as under_way:
        yield under_way


@pytest.fixture(scope="session")
def self_check():
    """The library's check of itself, run as a program of two processes."""
    how = "--nproc-per-node 2 --rdzv-backend c10d --rdzv-endpoint localhost:0"
    line = ["torch.distributed.run", *how.split(), "-m", "attention_lib.distributed"]
    with subprocess.Popen(
        [sys.executable, "-m", *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | to_itself(),
    ) as program:
        yield program
        program.terminate()


@pytest.fixture(scope="session", autouse=True)
def _beside(request):
    """Begin what is waited for before all tests, if one of them asks for it."""
    items = request.session.items
    asked = {name for item in items for name in getattr(item, "fixturenames", ())}
    for name in ("falls", "self_check"):
        if name in asked:
            request.getfixturevalue(name)
