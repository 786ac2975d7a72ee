"""A forked process, which a lock that nobody opens must not keep waiting for ever."""

import os
import signal
import time

PATIENCE = 20.0  # seconds


def exit_code(child):
    """Wait for a process, or end it; give its exit code, or minus a signal."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
