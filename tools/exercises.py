"""Write the chapters without solutions, for students to work in.

python tools/exercises.py [--into folder] [notebook ...]

Without names, all of chapters/, into _exercises/. In the place of a solution is a cell
that says which names to define; the checks stay, and fail until that is done. Nothing
has been run. A notebook that is there already is left alone: somebody may have worked
in it.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nbformat import NotebookNode  # noqa: E402

from tools.notebooks.exercises import Exercise, exercises  # noqa: E402
from tools.notebooks.plain_form import read, to_text  # noqa: E402
from tools.run_notebooks import not_yet_run  # noqa: E402
from tools.source_address import source_address  # noqa: E402

FOLDER = ROOT / "_exercises"


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a chapter as students get it: not yet run, and with cells to fill."""
    fresh = not_yet_run(notebook, source_address())
    for each in exercises(fresh):
        solution = fresh.cells[each.place_of("solution")]
        solution.source, solution.metadata = task(each), {}
    return fresh


def task(exercise: Exercise) -> str:
    """Say in a comment what a solution has to define."""
    if exercise.is_in_words:
        return "# Answer in words: no check follows."
    *most, last = exercise.to_define()
    listed = f"{', '.join(most)} and {last}" if most else last
    return f"# Define {listed} for the check below."


def write(paths: list[Path], folder: Path) -> None:
    """Write the notebooks that are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        there = folder / path.name
        if there.exists():
            print(f"{there.name}: there already, and left alone")
            continue
        text = to_text(without_solutions(read(path)))
        there.write_text(text, encoding="utf-8", newline="\n")
        print(f"{there.name}: written")


def main(arguments: list[str] | None = None) -> None:
    """Write the notebooks named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="notebook")
    parser.add_argument("--into", type=Path, default=FOLDER, metavar="folder")
    options = parser.parse_args(arguments)
    paths = options.notebooks or sorted((ROOT / "chapters").glob("*.ipynb"))
    write(paths, options.into)


if __name__ == "__main__":
    main()
