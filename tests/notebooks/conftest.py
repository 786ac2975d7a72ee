"""A small chapter that obeys every rule, saved by `make run`, to spoil in copies."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.notebooks.plain_form import read, to_text
from tools.run_notebooks import ROOT, main

# One that prints, tabulates and draws, and trains nothing.
REAL_CHAPTER = sorted((ROOT / "chapters").glob("05_*.ipynb"))

SETUP = """\
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML

import attention_lib"""

HEAT_MAP = """\
grid = np.linspace(0, 1, 64).reshape(8, 8)
grid[5, 3] += 0.0
fig, ax = plt.subplots(figsize=(4, 3))
ax.imshow(grid, cmap="cividis", vmin=0, vmax=1)
plt.show()"""

LINE_PLOT = """\
fig, ax = plt.subplots(figsize=(4, 3))
ax.plot([0, 1, 2], weights)
ax.set_xticks([0, 1, 2], ["1.3", "1.6", "1.9"])
plt.show()"""


def figure(alt, caption, name):
    return {
        "mystnb": {
            "image": {"alt": alt},
            "figure": {"caption": caption, "name": name},
        }
    }


def small_chapter(heat_map=HEAT_MAP, line_plot=LINE_PLOT):
    """Return a chapter not yet run: numbers, a table, two pictures, an exercise."""
    return new_notebook(
        cells=[
            new_markdown_cell("# Does a change go unseen?\n\nWe shall find out."),
            new_code_cell(SETUP, metadata={"tags": ["hide-input"]}),
            new_markdown_cell("## Numbers\n\nThree weights from three scores:"),
            new_code_cell(
                "weights = np.exp([2.0, 1.0, 0.1])\n"
                "weights /= weights.sum()\n"
                "print(weights)"
            ),
            new_markdown_cell("They are 0.66, 24 % and $0.10$. In all digits:"),
            new_code_cell("float(weights[0])"),
            new_markdown_cell("The same in float32, whose last digit is noise:"),
            new_code_cell(
                'print(f"{np.float32(weights[0]):.4f}")',
                metadata={"tags": ["last-digit"]},
            ),
            new_markdown_cell("As a table:"),
            new_code_cell(
                'cells = "".join(f"<td>{w:.6f}</td>" for w in weights)\n'
                'HTML(f"<table><tr>{cells}</tr></table>")'
            ),
            new_code_cell(
                "assert abs(weights.sum() - 1) < 1e-12",
                metadata={"tags": ["check"]},
            ),
            new_markdown_cell("## Pictures\n\nOne square is about to change."),
            new_code_cell(
                heat_map,
                metadata=figure(
                    "Sixty-four squares that grow brighter, row by row.",
                    "Every weight between 0 and 1 has its shade.",
                    "fig-squares",
                ),
            ),
            new_markdown_cell("And one digit on an axis."),
            new_code_cell(
                line_plot,
                metadata=figure(
                    "A broken line that falls between 1.3 and 1.9 on the axis.",
                    "The largest of the three scores takes the most.",
                    "fig-line",
                ),
            ),
            new_markdown_cell("## Exercises\n\n### Exercise 1\n\nWhat is their sum?"),
            new_code_cell(
                'total = weights.sum()\nprint(f"{total:.3f}")\nweights;',
                metadata={"tags": ["hide-cell"]},
            ),
            new_code_cell(
                "assert abs(total - 1) < 1e-12", metadata={"tags": ["check"]}
            ),
            new_markdown_cell("### Exercise 2\n\nAnd why?\n\n*In words.*"),
            new_code_cell(
                "# Each was divided by their sum.", metadata={"tags": ["hide-cell"]}
            ),
        ]
    )


@pytest.fixture(scope="session")
def saved_twins(tmp_path_factory):
    """Save the small chapter, and one that draws other pictures; return both paths.

    In the other, one square of the heat map is brighter by 0.1, and one digit of an
    axis is another.
    """
    folder = tmp_path_factory.mktemp("saved")
    small, other = folder / "small.ipynb", folder / "other.ipynb"
    small.write_text(to_text(small_chapter()), "utf-8")
    other.write_text(
        to_text(
            small_chapter(
                HEAT_MAP.replace("+= 0.0", "+= 0.1"), LINE_PLOT.replace("1.6", "1.8")
            )
        ),
        "utf-8",
    )
    assert main([str(small), str(other)]) == 0
    return small, other


@pytest.fixture
def small(saved_twins):
    """Return the small chapter as saved; a test may spoil it."""
    return read(saved_twins[0])


@pytest.fixture
def other(saved_twins):
    """Return its twin with the other pictures."""
    return read(saved_twins[1])


@pytest.fixture(scope="session")
def strict_run():
    """Return a function that runs pytest on notebooks as `make test` does."""

    def run(
        paths: list[Path], folder: Path, **settings: str
    ) -> dict[tuple[str, str], str | None]:
        """Map (notebook, item) to the item's complaint, None where it passed."""
        # Where another copy of the library is installed, it must not be the one used.
        sham = folder / "elsewhere" / "attention_lib"
        sham.mkdir(parents=True)
        (sham / "__init__.py").write_text("raise ImportError('another checkout')\n")
        report = folder / "report.xml"
        command = [sys.executable, "-m", "pytest", "-p", "conftest", "-W", "error"]
        command += ["-p", "no:cacheprovider", "--nbval", f"--junitxml={report}"]
        subprocess.run(
            [*command, *map(str, paths)],
            cwd=ROOT,
            # Nor must the pictures be lost where a shell draws into no notebook.
            env=os.environ
            | {"PYTHONPATH": str(sham.parent), "MPLBACKEND": "Agg"}
            | settings,
            capture_output=True,
            check=False,
        )
        outcomes = {}
        for case in ET.parse(report).iter("testcase"):
            trouble = [*case.iter("failure"), *case.iter("error")]
            # nbval writes its own items' names with the suffix apart.
            notebook = case.get("classname").replace("..", "").split(".")[-2]
            message = trouble[0].text or trouble[0].get("message") if trouble else None
            outcomes[notebook, case.get("name")] = message
        return outcomes

    return run
