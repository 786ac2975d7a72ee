"""The built site that the tests read: the one that SITE names, or a fresh one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def built_site(folder):
    """Give the folder of the built site; build it into `folder` unless SITE is set."""
    if named := os.environ.get("SITE"):
        return Path(named)
    build(folder)
    return folder / "_build" / "html"


def build(folder, source=ROOT, **environment):
    """Build a book into a folder, as `make book` does: any warning is an error."""
    command = Path(sys.executable).with_name("jupyter-book")
    options = ["-W", "-n", "--keep-going", "-q", "--path-output", str(folder)]
    done = subprocess.run(
        [str(command), "build", str(source), *options],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
