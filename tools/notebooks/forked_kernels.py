"""Kernels forked from one process that has imported what every chapter imports.

A kernel that starts by itself imports torch and Matplotlib for four seconds of
processor; a fork of a process that has them begins at once, in a namespace as empty.
The checkout's own modules are not among what is imported before.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ADDRESS = "FORKED_KERNELS"  # names the socket for the processes that are started later
IMPORTED = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "matplotlib.pyplot",
    "numpy",
    "scipy.optimize",
    "torch",
)
POSSIBLE = hasattr(os, "fork") and hasattr(socket, "AF_UNIX")


@contextlib.contextmanager
def served():
    """Have kernels forked in what runs inside, unless they already are."""
    if not POSSIBLE or os.environ.get(ADDRESS):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="kernels-") as folder:
        address = str(Path(folder, "socket"))
        # Matplotlib reads it when it is imported; ipykernel sets the same.
        drawing = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        command = [sys.executable, "-m", __name__, address]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            env=os.environ | drawing,
            cwd=Path(__file__).resolve().parents[2],
        ) as server:
            os.environ[ADDRESS] = address
            try:
                yield
            finally:
                del os.environ[ADDRESS]
                server.stdin.close()  # which ends it


def command():
    """Give what starts a kernel, or None where none is forked."""
    if not os.environ.get(ADDRESS):
        return None
    # Without the site's packages: this process only waits, and shall start at once.
    program = [sys.executable, "-I", "-S", __file__, os.environ[ADDRESS]]
    return [*program, "-f", "{connection_file}"]


def ask(address, arguments):
    """Ask for a kernel and stand for it: pass signals on, and end when it ends."""
    with socket.socket(socket.AF_UNIX) as line:
        while line.connect_ex(address):  # the server may be about to listen
            if not Path(address).parent.exists():
                sys.exit("the process that forks kernels has ended")
        wanted = {"argv": arguments, "cwd": os.getcwd(), "env": dict(os.environ)}
        text = json.dumps(wanted).encode()
        line.sendall(len(text).to_bytes(4, "big"))
        socket.send_fds(line, [text[:1]], [1, 2])
        line.sendall(text[1:])
        kernel = int(line.recv(32))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(kernel, number))
        line.recv(1)  # nothing comes before the end


def serve(address):
    """Fork a kernel for each that asks, until nobody holds our input."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        for name in IMPORTED:
            importlib.import_module(name)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that none stays a zombie
        while True:
            ready, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            line, _ = door.accept()
            if not os.fork():
                door.close()
                try:
                    _become_a_kernel(line)
                finally:
                    os._exit(1)
            line.close()


def _become_a_kernel(line):
    """Take the caller's place: its outputs, folder, environment and arguments."""
    size = int.from_bytes(line.recv(4, socket.MSG_WAITALL), "big")
    first, outputs, _, _ = socket.recv_fds(line, 1, 2)
    wanted = json.loads(first + line.recv(size - 1, socket.MSG_WAITALL))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nothing, *outputs)):
        os.dup2(source, target)
        os.close(source)
    os.setsid()
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    sys.argv = [*wanted["argv"], f"--IPKernelApp.parent_handle={os.getppid()}"]
    sys.path[:1] = [p for p in wanted["env"].get("PYTHONPATH", "").split(":") if p]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    line.sendall(str(os.getpid()).encode())
    threading.Thread(target=_end_with, args=[line], daemon=True).start()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


def _end_with(line):
    """End this process when the one that stands for it has ended."""
    line.recv(1)
    os._exit(1)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        ask(sys.argv[1], sys.argv[1:])
    else:
        serve(sys.argv[1])
