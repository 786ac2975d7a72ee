"""Run a command that writes or tests `_build`, unless one runs in this checkout.

python tools/alone.py command [argument ...]

A `make` that rebuilds removes `_build`, also from under another that tests it. The
command becomes this very process, so it keeps the lock, as do the programs that it
starts itself; the system lets go of the lock with the last of them. So none is left
behind, however a `make` ends, and none is lost while what it started still writes.
"""

import os
import subprocess
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None

LOCK = Path(__file__).resolve().parent.parent / ".venv" / "make.lock"


def main(command: list[str]) -> None:
    """Take the lock and become the command, or stop where the lock is taken."""
    if fcntl is None:
        sys.exit(subprocess.call(command))
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode()
        sys.exit(
            f"Another make (process {holder}) builds or tests the book in this "
            "checkout: wait until it ends."
        )
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    os.set_inheritable(lock, True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
