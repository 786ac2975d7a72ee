"""Kernels are tested on tensors of a processor, in Triton's interpreter.

Triton reads TRITON_INTERPRET when it is imported, so these tests run in a process of
their own: ``make interpreted``. Without Triton, or in another process, there are none.
What deals them out to other processes imports neither Triton nor torch.
"""

import os
import sys

import pytest

# The interpreter computes as NumPy does, which says where a number is not finite.
SAID = ["overflow", "invalid value", "divide by zero", "All-NaN slice"]


def missing():
    """Say what is missing for these tests, or None."""
    from attention_lib.torch_backend.kernels import device

    if not device.INTERPRETED:
        return "not interpreted"
    return None if device.INSTALLED else "Triton is not installed"


def pytest_ignore_collect():
    """Collect none of them where something is missing."""
    return True if missing() else None


def pytest_collection_modifyitems(items):
    """Quicken the interpreter, and let it meet what is not finite, as kernels may."""
    if not missing():
        from tests.kernels.quick_interpreter import quicken

        quicken()
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            for words in SAID:
                quiet = f"ignore:{words} encountered:RuntimeWarning"
                item.add_marker(pytest.mark.filterwarnings(quiet))


def pytest_sessionfinish(session, exitstatus):
    """Pass without Triton where it cannot be had, and say so."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and (reason := missing()):
        print(f"\nThe kernels were not tested: {reason}.")
        required = sys.platform == "linux" and os.environ.get("CI")
        session.exitstatus = pytest.ExitCode(int(bool(required)))


@pytest.fixture
def eagerly(monkeypatch):
    """Give a function that calls another without the kernels of rows."""
    from attention_lib.torch_backend import rows

    def call(function, *given, **options):
        with monkeypatch.context() as patch:
            patch.setattr(rows, "by_kernel", lambda *given: None)
            return function(*given, **options)

    return call
