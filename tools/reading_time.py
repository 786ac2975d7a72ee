"""How long a page takes to read, and the words in which it says so.

python tools/reading_time.py [--write] [notebook ...]

Without names, all of chapters/. It prints words of prose, lines of shown code and the
time of each; with --write it puts the time on the page, and on the page's card in
intro.md.

The time is the words divided by 150 and the lines by 10, rounded up to five minutes.
Prose is what stands in sentences, captions too; code is shown unless it is folded or
left out. Exercises are counted apart, and what cells print is not counted.
"""

import argparse
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nbformat import NotebookNode  # noqa: E402

from tools.notebooks.cells import is_shown  # noqa: E402
from tools.notebooks.plain_form import read, to_text  # noqa: E402
from tools.notebooks.prose import prose  # noqa: E402
from tools.notebooks.rules_of_prose import at_headings  # noqa: E402

WORDS_A_MINUTE = 150
LINES_A_MINUTE = 10
STATED = re.compile(r"(?<=\*Time:\* )[^*]*?\.(?=\s|$)")


@dataclass
class Reading:
    """What there is to read on a page: words of prose, lines of code, exercises."""

    words: int = 0
    lines: int = 0
    exercises: int = 0

    @property
    def minutes(self) -> int:
        """The time without the exercises, rounded up to five minutes."""
        time = self.words / WORDS_A_MINUTE + self.lines / LINES_A_MINUTE
        return 5 * max(1, math.ceil(time / 5))

    def sentence(self) -> str:
        """Say the time as a page does.

        >>> Reading(words=1500, lines=100).sentence()
        '20 minutes.'
        >>> Reading(words=1500, lines=101, exercises=5).sentence()
        '25 minutes, and 5 exercises, about ten minutes each.'
        """
        if not self.exercises:
            return f"{self.minutes} minutes."
        many = self.exercises > 1
        apart = f"{self.exercises} exercises" if many else "one exercise"
        each = " each" if many else ""
        return f"{self.minutes} minutes, and {apart}, about ten minutes{each}."


def reading(notebook: NotebookNode) -> Reading:
    """Count what there is to read in a chapter."""
    found, in_exercises = Reading(), False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if not in_exercises:
                figure = cell.metadata.get("mystnb", {}).get("figure", {})
                found.words += words(figure.get("caption", ""))
                found.lines += lines(cell.source) if is_shown(cell) else 0
            continue
        for part in at_headings(cell.source):
            if heading := re.match(r"## (.*)", part):
                in_exercises = heading[1] == "Exercises"
            if in_exercises:
                found.exercises += len(re.findall(r"^### Exercise", part, re.MULTILINE))
            else:
                found.words += words(part)
    return found


def lines(code: str) -> int:
    """Count the lines of a cell that are not blank."""
    return sum(bool(line.strip()) for line in code.splitlines())


def words(markdown: str) -> int:
    """Count what is read as a word; of a formula, what stands between blanks.

    >>> words("Two `words`, $a + b$ and [3](x.md).")
    5
    """
    return sum(any(map(str.isalnum, each)) for each in prose(markdown).split())


def stated(notebook: NotebookNode) -> str | None:
    """Return what a page says of its time, or None where it says nothing."""
    found = STATED.search(notebook.cells[0].source)
    return found and found[0]


def on_card(found: Reading) -> str:
    """Say the time as the landing page does.

    >>> on_card(Reading(words=1500, lines=100, exercises=1))
    '20 minutes · 1 exercise'
    """
    said = f"{found.minutes} minutes"
    if found.exercises:
        said += f" · {found.exercises} exercise{'s' if found.exercises > 1 else ''}"
    return said


def write(path: Path, found: Reading) -> None:
    """Put the time of a chapter on its page and on its card."""
    notebook = read(path)
    opening = notebook.cells[0]
    opening.source = STATED.sub(found.sentence(), opening.source, count=1)
    path.write_bytes(to_text(notebook).encode("utf-8"))
    card = rf"(:link: chapters/{path.stem}\n.*?· )\d+ minutes(?: · \d+ exercises?)?\n"
    landing = ROOT / "intro.md"
    text = landing.read_text("utf-8")
    text = re.sub(card, rf"\g<1>{on_card(found)}\n", text, count=1, flags=re.DOTALL)
    landing.write_text(text, "utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Print the time of each page, and write it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="notebook")
    parser.add_argument("--write", action="store_true", help="put it on the pages")
    options = parser.parse_args(arguments)
    for path in options.notebooks or sorted((ROOT / "chapters").glob("*.ipynb")):
        notebook = read(path)
        found = reading(notebook)
        counts = f"{found.words} words, {found.lines} lines"
        print(f"{path.stem}: {counts}: {found.sentence()} (stated: {stated(notebook)})")
        if options.write:
            write(path, found)


if __name__ == "__main__":
    main()
