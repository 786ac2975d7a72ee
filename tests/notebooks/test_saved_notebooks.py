"""The chapters as they are saved, and the library that their kernels import.

The rules themselves are collected with the chapters, one item for each rule and
chapter: ``pytest chapters`` (see tools/strict_nbval.py).
"""

import os
import re
import subprocess
import sys

import pytest

import attention_lib
from tools import strict_nbval
from tools.notebooks.plain_form import is_saved_plainly, read
from tools.notebooks.rules import RULES
from tools.run_notebooks import ROOT

# Jupyter and systems leave hidden files beside what they show, and git ignores them.
CHAPTERS = sorted((ROOT / "chapters").glob("[!.]*"))
LABS = [ROOT / "lab" / "real_model.ipynb"]


def test_there_is_a_chapter():
    assert any(path.suffix == ".ipynb" for path in CHAPTERS)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_the_folder_holds_chapters_alone(path):
    assert re.fullmatch(r"\d\d[b-z]?_[a-z0-9_]+\.ipynb", path.name)


def test_every_rule_is_collected_for_every_chapter(request):
    for path in CHAPTERS:
        chapter = strict_nbval.pytest_collect_file(path, request.session)
        items = [item.name for item in chapter.collect()]
        assert items == [rule.__name__ for rule in RULES] + ["it_is_saved_plainly"]
    assert request.config.pluginmanager.has_plugin("tools.strict_nbval")


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_a_notebook_that_is_run_by_hand_is_kept_as_a_chapter_is(path):
    notebook = read(path)
    assert [complaint for rule in RULES for complaint in rule(notebook)] == []
    assert is_saved_plainly(path)


def test_the_library_tested_is_this_checkouts():
    assert attention_lib.__file__ == str(ROOT / "attention_lib" / "__init__.py")


def test_the_library_a_kernel_imports_is_this_checkouts(tmp_path):
    # A kernel inherits this process's environment.
    where = "import attention_lib; print(attention_lib.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert found.strip() == attention_lib.__file__
    assert os.environ["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)
