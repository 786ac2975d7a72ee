"""Chapters are tested strictly, on this checkout; docstrings know ``np``."""

import gc
from importlib.util import find_spec

import numpy as np
import pytest

pytest_plugins = ["tools.strict_nbval"]
# The docstrings of kernels can be read where there is Triton.
collect_ignore_glob = (
    [] if find_spec("triton") else ["attention_lib/torch_backend/kernels/*"]
)


@pytest.fixture(autouse=True, scope="session")
def _names_in_docstrings(doctest_namespace):
    doctest_namespace["np"] = np


def pytest_collection_finish():
    """Look for garbage only among what tests make, and not among the tests."""
    gc.collect()
    gc.freeze()
