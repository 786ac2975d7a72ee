"""Chapters are tested strictly, on this checkout; docstrings know ``np``."""

import numpy as np
import pytest

pytest_plugins = ["tools.strict_nbval"]


@pytest.fixture(autouse=True, scope="session")
def _names_in_docstrings(doctest_namespace):
    doctest_namespace["np"] = np
