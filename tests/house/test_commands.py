"""The Makefile's own work: who may build, from which folder, and on which port.

A copy of it runs here on a stub of `.venv`, which only notes what it is called with.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 30

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("make"), reason="needs make"
)

NOTE = """\
#!/bin/sh
echo "$(basename "$0") $* SITE=$SITE" >> calls
echo "$PYTHONPATH" > path
"""
# The project's own tools are run; of all else a note is enough.
PYTHON = f"""\
#!/bin/sh
case "$1" in tools/*) exec {shlex.quote(sys.executable)} "$@" ;; esac
{NOTE}"""
# Takes as long as there is a file named slow.
BUILDER = f"""\
{NOTE}
mkdir -p _build/html && touch building
while [ -e slow ]; do sleep 0.05; done
touch _build/html/index.html
"""


@pytest.fixture
def checkout(tmp_path):
    """Give a checkout whose `.venv` holds stubs, in an awkward folder."""
    folder = tmp_path / "it's a book"
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    stubs = {"python": PYTHON, "ruff": NOTE, "jupyter-lab": NOTE}
    for name, text in (stubs | {"jupyter-book": BUILDER}).items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "tools").mkdir()
    for name in ("alone.py", "serve.py"):
        shutil.copy(ROOT / "tools" / name, folder / "tools")
    (folder / "tools" / "setup_environment.py").touch()
    return folder


@contextmanager
def started(checkout, *words):
    """Start a make in a process group of its own, which ends with the block."""
    # This may run below a make, which is no concern of the one that is tested.
    above = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "LOCKED", "SITE", "PORT")
    process = subprocess.Popen(
        ["make", *words],
        cwd=checkout,
        env={name: text for name, text in os.environ.items() if name not in above},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def make(checkout, *words):
    """Run a make to its end; return its status and what it says."""
    with started(checkout, *words) as process:
        said, _ = process.communicate(timeout=SECONDS)
        return process.returncode, said


def wait_until(happens):
    """Wait for something that another process does."""
    end = time.monotonic() + SECONDS
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def building(checkout):
    """Give a make whose build goes on until the file named slow is removed."""
    (checkout / "slow").touch()
    with started(checkout, "book") as process:
        wait_until((checkout / "building").exists)
        yield process


def calls(checkout):
    """Return what the stubs were called with."""
    noted = checkout / "calls"
    return noted.read_text().splitlines() if noted.exists() else []


def test_what_is_no_port_stops_before_the_build(checkout):
    status, said = make(checkout, "PORT=abc")
    assert status
    line, of_make = said.splitlines()
    assert line == "PORT is 'abc', and must be a whole number from 1 to 65535."
    assert of_make.startswith("make: ***")
    assert calls(checkout) == []


def test_every_check_runs_in_a_folder_with_an_apostrophe_and_spaces(checkout):
    status, said = make(checkout, "test")
    assert (status, "All checks passed" in said) == (0, True), said
    site = f"SITE={checkout}/_build/html"
    of_site, of_browser = calls(checkout)[-2:]
    assert of_site.endswith(f" tests/site {site}")
    assert of_browser.endswith(f" tests/browser {site}")


def test_the_quick_check_builds_nothing_and_runs_only_what_is_marked(checkout):
    assert make(checkout, "check")[0] == 0
    assert not (checkout / "_build").exists()
    *_, examples, marked = calls(checkout)
    assert " attention_lib SITE" in examples
    assert " -m quick tests " in marked


def test_the_lab_opens_on_this_checkout_without_a_build(checkout):
    assert make(checkout, "lab", "LAB=--no-browser")[0] == 0
    assert not (checkout / "_build").exists()
    (call,) = calls(checkout)
    config, option = re.match(r"jupyter-lab --config=(\S+) (\S+) ", call).groups()
    assert (ROOT / config).is_file()
    assert option == "--no-browser"
    assert (checkout / "path").read_text() == f"{checkout}\n"


def test_exercises_are_written_without_a_build(checkout):
    tool = "from pathlib import Path\nPath('written').touch()\n"
    (checkout / "tools" / "exercises.py").write_text(tool)
    assert make(checkout, "exercises")[0] == 0
    assert (checkout / "written").exists()
    assert not (checkout / "_build").exists()


def test_every_command_that_a_page_names_is_there():
    known = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for name in ("README.md", "intro.md", "CONTRIBUTING.md", "teaching.md"):
        text = (ROOT / name).read_text("utf-8")
        named = re.findall(r"(?:`|^    )make ([a-z]+)", text, re.M)
        assert named
        assert set(named) <= set(known), name


def test_a_second_make_stops_at_once_and_leaves_the_build_alone(checkout, building):
    for words in (["book"], ["test"], ["site"], ["browser"], []):
        status, said = make(checkout, *words)
        assert status
        line, of_make = said.splitlines()
        assert line.startswith("Another make (process ")
        assert line.endswith("in this checkout: wait until it ends.")
        assert of_make.startswith("make: ***")
    assert (checkout / "_build" / "html").is_dir()
    (checkout / "slow").unlink()
    assert building.wait(SECONDS) == 0
    assert len(calls(checkout)) == 1
    assert make(checkout, "test")[0] == 0


def test_what_neither_writes_nor_reads_the_build_may_run_beside_it(checkout, building):
    assert make(checkout, "lint")[0] == 0


def test_a_make_that_is_killed_leaves_no_lock(checkout, building):
    os.killpg(building.pid, signal.SIGKILL)
    building.wait(SECONDS)
    (checkout / "slow").unlink()
    assert make(checkout, "book")[0] == 0


def test_what_outlives_its_make_keeps_the_lock(checkout, building):
    building.kill()
    building.wait(SECONDS)
    assert "Another make" in make(checkout, "book")[1]
    (checkout / "slow").unlink()
    wait_until(lambda: make(checkout, "book")[0] == 0)


def test_a_make_that_only_serves_holds_up_no_other(checkout):
    with started(checkout, "PORT=8300") as serving:
        wait_until(lambda: "The book is at" in serving.stdout.readline())
        assert make(checkout, "test")[0] == 0
        assert serving.poll() is None
