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
    the library is not what is tested; and IPython starts from an empty folder, so
    that a reader's profile neither changes what is printed nor gets our history.
    """
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    with tempfile.TemporaryDirectory(prefix="ipython-") as folder:
        changes = {
            "PYTHONPATH": os.pathsep.join(filter(None, dict.fromkeys(paths))),
            "IPYTHONDIR": folder,
        }
        before = {name: os.environ.get(name) for name in changes}
        os.environ.update(changes)
        try:
            yield
        finally:
            for name, old in before.items():
                os.environ.pop(name)
                if old is not None:
                    os.environ[name] = old
