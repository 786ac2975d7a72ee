"""The kernel in which a chapter runs: this Python, this checkout, no one's settings."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

ROOT = Path(__file__).resolve().parents[2]
CELL_TIMEOUT = 120
STARTUP_TIMEOUT = 120


class ThisPython(AsyncKernelManager):
    """A kernel of the running Python, whatever is registered as ``python3``."""

    def __init__(self, **settings):
        settings["kernel_name"] = CURRENT_ENV_KERNEL_NAME
        super().__init__(kernel_spec_manager=NbvalKernelspecManager(), **settings)


@contextmanager
def surroundings() -> Iterator[None]:
    """Set the environment that kernels inherit, and put it back.

    This checkout comes first on ``PYTHONPATH``, so that another installed copy of
    the library is not what is tested. IPython starts from an empty folder, so that
    a reader's profile neither changes what is printed nor gets our history. And no
    backend is asked of Matplotlib: else a kernel does not draw into the notebook.
    """
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    with tempfile.TemporaryDirectory(prefix="ipython-") as folder:
        changes = {
            "PYTHONPATH": os.pathsep.join(filter(None, dict.fromkeys(paths))),
            "IPYTHONDIR": folder,
            "MPLBACKEND": None,
        }
        before = {name: os.environ.get(name) for name in changes}
        _set_environment(changes)
        try:
            yield
        finally:
            _set_environment(before)


def _set_environment(changes: dict[str, str | None]) -> None:
    """Set each variable to its text, or unset it where that is None."""
    for name, text in changes.items():
        os.environ.pop(name, None)
        if text is not None:
            os.environ[name] = text
