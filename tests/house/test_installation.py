"""What installing gives: a complete wheel, and an import that pulls in little."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "attention_lib"
DATA = ("py.typed", "*.mplstyle", "*.json", "*.npz", "*.toml", "*.js", "*.css")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, source / "attention_lib", ignore=leave_out)
    # With the environment's own setuptools, so that no network is needed.
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-build-isolation", "-w", "made"]
    subprocess.run([*command, "."], cwd=source, check=True)
    (made,) = source.glob("made/why_softmax-*.whl")
    return made


def test_the_wheel_holds_every_file_of_the_library_and_no_other(wheel):
    source = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.py", *DATA)
        for path in PACKAGE.rglob(pattern)
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == source
    assert "attention_lib/py.typed" in held


def test_the_wheel_imports_far_from_the_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import attention_lib; print(attention_lib.__file__)"
    found = run_python(code, cwd=tmp_path, path=tmp_path)
    assert Path(found).is_relative_to(tmp_path)


def test_importing_pulls_in_nothing_slow():
    code = "import sys, attention_lib; print(*sys.modules)"
    loaded = set(run_python(code, cwd=ROOT, path=ROOT).split())
    slow = {"torch", "scipy", "matplotlib", "concurrent.futures", "threadpoolctl"}
    assert loaded & slow == set()


def test_what_a_real_model_did_is_read_without_torch(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = """
        import sys
        from attention_lib.book import real
        words, weights = real.sentence()
        print(len(words), *weights.shape, len(real.texts()), "torch" in sys.modules)
    """
    code = "; ".join(line.strip() for line in code.strip().splitlines())
    assert run_python(code, cwd=tmp_path, path=tmp_path) == "7 7 7 5 False"


def run_python(code, cwd, path):
    """Return what a fresh interpreter prints, with nothing but `path` to find more."""
    command = [sys.executable, "-c", f"import sys; sys.path[0] = {str(path)!r}; {code}"]
    bare = {key: text for key, text in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=bare, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
