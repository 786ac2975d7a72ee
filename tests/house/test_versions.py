"""Versions: one for the project, and an exact one for all that it stands on."""

import ast
import re
import tomllib
from importlib.metadata import (
    metadata,
    packages_distributions,
    requires,
    version,
)
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import attention_lib

ROOT = Path(__file__).parents[2]


def requirements(name):
    """Return a requirement file's packages by name."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(one.name): one for one in found}


DIRECT = requirements("requirements.txt")
CONSTRAINTS = requirements("constraints.txt")
# Not needed to import the library or to test it: where it is not, it is not used.
OPTIONAL = {"triton"}
# What a torch for NVIDIA's devices brings; torch itself bounds their versions.
CUDA = ("cuda-", "nvidia-", "triton")


def imported(file):
    """Return the top-level modules that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def exact(requirement):
    """Return whether a requirement allows one version only."""
    return re.fullmatch(r"==[\w.]+", str(requirement.specifier)) is not None


def needed(requirements):
    """Return the names of all packages that these need here, themselves included."""
    seen, waiting = set(), list(requirements)
    while waiting:
        one = waiting.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras) | {""}
        if name.startswith(CUDA) or (name, extras) in seen:
            continue
        seen.add((name, extras))
        for child in map(Requirement, requires(name) or []):
            if not child.marker or any(
                child.marker.evaluate({"extra": e}) for e in extras
            ):
                waiting.append(child)
    return {name for name, _ in seen}


def test_the_project_has_one_version():
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    newest = re.search(r"^## \[(\d[^]]*)\]", log, re.MULTILINE)
    assert newest[1] == attention_lib.__version__
    assert f"\nversion: {attention_lib.__version__}\n" in citation


@pytest.mark.parametrize(
    "file",
    [
        "requirements.txt",
        "constraints.txt",
        "benchmarks/requirements.txt",
        "requirements-lab.txt",
        ".binder/requirements.txt",
    ],
)
def test_every_requirement_is_exact_and_agrees_with_the_constraints(file):
    for name, requirement in requirements(file).items():
        assert exact(requirement), requirement
        assert requirement.specifier == CONSTRAINTS[name].specifier


def test_what_only_the_kernels_tests_need_is_exact_and_no_constraint():
    # A torch for CUDA brings its own Triton, which a constraint would refuse.
    (triton,) = requirements("tests/kernels/requirements.txt").values()
    assert triton.name == "triton"
    assert exact(triton)
    assert "triton" not in CONSTRAINTS


def test_whatever_is_imported_is_required_by_name():
    known = set(DIRECT) | set(requirements("benchmarks/requirements.txt"))
    by_module = packages_distributions()
    for folder in ("attention_lib", "benchmarks", "tests", "tools"):
        for file in (ROOT / folder).rglob("*.py"):
            for module in set(imported(file)) - OPTIONAL:
                owners = {canonicalize_name(one) for one in by_module.get(module, [])}
                assert not owners or owners & known, f"{file} imports {module}"


def test_the_constraints_cover_all_that_the_book_needs():
    assert needed(DIRECT.values()) <= set(CONSTRAINTS)


def test_what_is_installed_is_what_is_pinned():
    for name in needed(DIRECT.values()):
        assert version(name) in CONSTRAINTS[name].specifier, name


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_every_pinned_package_runs_on_every_python_promised(python):
    for name in needed(DIRECT.values()):
        assert python in SpecifierSet(metadata(name)["Requires-Python"] or ""), name


def test_the_library_s_own_bounds_admit_the_book_s_versions():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed_to_build = settings["build-system"]["requires"]
    extras = settings["project"]["optional-dependencies"].values()
    bounds = chain(needed_to_build, settings["project"]["dependencies"], *extras)
    for bound in map(Requirement, bounds):
        pinned = CONSTRAINTS.get(canonicalize_name(bound.name))
        if pinned:
            (pin,) = pinned.specifier
            assert pin.version in bound.specifier, bound
