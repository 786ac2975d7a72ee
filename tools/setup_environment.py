"""Create .venv with exactly what the book needs, once.

    python3 tools/setup_environment.py [more-requirements.txt ...]

Installs requirements.txt, and any further requirement files named, with every
version fixed by constraints.txt. Run again, it does nothing until one of these files
changes. It never removes a .venv that is there.

It runs on the system's Python, before anything is installed, so it needs only the
standard library and keeps to syntax that an older Python can read: that is how such a
Python gets to say that it is too old.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

NEEDED = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CONSTRAINTS = ROOT / "constraints.txt"


def main(extra_files):
    """Bring .venv up to date with the requirement files, or say why it cannot be."""
    names = ["requirements.txt", *extra_files]
    for name in names:
        if not (ROOT / name).is_file():
            stop("There is no file {} in {}.".format(name, ROOT), __doc__)
    check_python()
    create_venv()
    for name in names:
        install(name)


def check_python():
    """Stop, saying what to install, where this Python cannot make the environment."""
    found = "Python {}.{}.{} ({})".format(*sys.version_info[:3], sys.executable)
    if sys.version_info < NEEDED:
        stop(
            "This book needs Python {}.{} or later, and found {}.".format(
                *NEEDED, found
            ),
            "Install a newer one, or name one you have: make PYTHON=python3.12",
        )
    try:
        import ensurepip  # noqa: F401  # Debian leaves it out of python3
        import venv  # noqa: F401
    except ImportError:
        stop(
            "{} lacks the venv module, which makes the book's environment.".format(
                found
            ),
            "On Debian and Ubuntu: apt install python{}.{}-venv".format(
                *sys.version_info[:2]
            ),
        )


def create_venv():
    """Make .venv, or stop where one is there that the book cannot use."""
    config = VENV / "pyvenv.cfg"
    if not (config.exists() and VENV_PYTHON.exists()):
        say("Creating .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
        if subprocess.run([sys.executable, "-m", "venv", str(VENV)]).returncode:
            stop("Could not create {}; the message above says why.".format(VENV))
        return
    # Its programs hold absolute paths, so one that was moved or copied is broken.
    lines = config.read_text("utf-8").splitlines()
    home = next((x for x in lines if x.startswith("command = ")), "")
    code = "import pip, sys; sys.exit(sys.version_info < {})".format(NEEDED)
    probe = [str(VENV_PYTHON), "-c", code]
    if not home.endswith(str(VENV)) or subprocess.run(probe).returncode:
        stop(
            "{} was made in another folder, or by another tool or".format(VENV),
            "Python. Remove it, and this makes its own: rm -r .venv",
        )


def install(name):
    """Install a requirement file, unless this was done with the same contents."""
    contents = (ROOT / name).read_bytes() + CONSTRAINTS.read_bytes()
    digest = hashlib.sha256(contents).hexdigest()
    stamp = VENV / (name.replace("/", "-") + ".installed")
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    say("Installing {} into .venv (a minute or two the first time)".format(name))
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    run_with_progress([*pip, "-r", str(ROOT / name), "-c", str(CONSTRAINTS)])
    stamp.write_text(digest, "utf-8")


def run_with_progress(command):
    """Run pip, name its larger downloads as they come, and show all on failure."""
    log = []
    with subprocess.Popen(
        command,
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=dict(os.environ, PYTHONIOENCODING="utf-8"),
    ) as pip:
        for line in pip.stdout:
            log.append(line)
            if line.startswith("Installing "):
                say("  unpacking {} packages".format(line.count(",") + 1))
            elif line.rstrip().endswith(("MB)", "GB)")):
                name = "-".join(line.split()[1].split("-")[:2])
                say("  {} {}".format(name, line[line.rindex("(") :].strip()))
    if pip.returncode:
        sys.stderr.writelines(log)
        stop("pip could not install {}; see above.".format(command[-3]))


def say(line):
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def stop(*lines):
    """End with a message and a failing status."""
    sys.exit("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
