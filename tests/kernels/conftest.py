"""Kernels are tested on tensors of a processor, in Triton's interpreter.

Triton reads TRITON_INTERPRET when it is imported, so these tests run in a process of
their own: ``make interpreted``. Without Triton, or in another process, there are none.
"""

import os
import sys

import pytest

from attention_lib.torch_backend import rows
from attention_lib.torch_backend.kernels import device

READY = device.INSTALLED and device.INTERPRETED
collect_ignore_glob = [] if READY else ["*.py"]
if READY:
    from tests.kernels.quick_interpreter import quicken

    quicken()
# The interpreter computes as NumPy does, which says where a number is not finite.
SAID = ["overflow", "invalid value", "divide by zero", "All-NaN slice"]


def pytest_collection_modifyitems(items):
    """Let the interpreter meet what is not finite, as the kernels may."""
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            for words in SAID:
                quiet = f"ignore:{words} encountered:RuntimeWarning"
                item.add_marker(pytest.mark.filterwarnings(quiet))


def pytest_sessionfinish(session, exitstatus):
    """Pass without Triton where it cannot be had, and say so."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not READY:
        missing = "Triton is not installed" if device.INTERPRETED else "not interpreted"
        print(f"\nThe kernels were not tested: {missing}.")
        required = sys.platform == "linux" and os.environ.get("CI")
        session.exitstatus = pytest.ExitCode(int(bool(required)))


@pytest.fixture
def eagerly(monkeypatch):
    """Give a function that calls another without the kernels of rows."""

    def call(function, *given, **options):
        with monkeypatch.context() as patch:
            patch.setattr(rows, "by_kernel", lambda *given: None)
            return function(*given, **options)

    return call
