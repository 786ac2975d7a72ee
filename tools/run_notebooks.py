"""Run chapters from top to bottom and save what they print, in one plain form.

python tools/run_notebooks.py [--check] [notebook ...]

Without names, all of chapters/. The hidden first cell is written anew. A chapter in
which a cell fails or warns, or prints something of this machine, is left as it was.
With --check nothing runs: it says which files are not in the plain form.
"""

import argparse
import asyncio
import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nbclient import NotebookClient  # noqa: E402
from nbclient.exceptions import (  # noqa: E402
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode  # noqa: E402

from attention_lib import __version__  # noqa: E402
from tools.notebooks.cells import where  # noqa: E402
from tools.notebooks.first_cell import first_cell, write_first_cell  # noqa: E402
from tools.notebooks.kernels import (  # noqa: E402
    CELL_TIMEOUT,
    STARTUP_TIMEOUT,
    ThisPython,
    surroundings,
)
from tools.notebooks.plain_form import (  # noqa: E402
    in_plain_form,
    is_saved_plainly,
    read,
    to_text,
)
from tools.notebooks.rules import RULES_OF_RUNNING  # noqa: E402
from tools.source_address import source_address  # noqa: E402

SIDE_BY_SIDE = 2
TRACEBACK_LINES = 12
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class ChapterError(Exception):
    """A chapter cannot be saved; the message says why."""


def not_yet_run(notebook: NotebookNode, address: str | None) -> NotebookNode:
    """Return the notebook without outputs, its hidden first cell as it has to be."""
    fresh = in_plain_form(notebook)
    write_first_cell(fresh, first_cell(address, __version__))
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    return fresh


async def run(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Return the notebook with the outputs of one fresh run in `folder`.

    Raises
    ------
    ChapterError
        If a cell fails or takes too long, or an output does not belong in a book.
    """
    fresh = not_yet_run(notebook, source_address())
    running = 0  # the place of the cell that runs now

    def remember(cell_index, **_):
        nonlocal running
        running = cell_index

    def place():
        return where(running, fresh.cells[running])

    client = NotebookClient(
        fresh,
        timeout=CELL_TIMEOUT,
        startup_timeout=STARTUP_TIMEOUT,
        kernel_manager_class=ThisPython,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        # A kernel's own warnings about its sockets are no reader's concern.
        extra_arguments=["--log-level=ERROR"],
        on_cell_start=remember,
    )
    try:
        await client.async_execute()
    except CellExecutionError as error:
        lines = _COLOURS.sub("", error.traceback).strip().splitlines()
        last = "\n  ".join(lines[-TRACEBACK_LINES:])
        raise ChapterError(f"{place()} fails:\n  {last}") from None
    except CellTimeoutError:
        raise ChapterError(f"{place()} takes more than {CELL_TIMEOUT} s") from None
    except DeadKernelError:
        raise ChapterError(f"{place()} kills the kernel") from None
    plain = in_plain_form(fresh)
    complaints = [each for rule in RULES_OF_RUNNING for each in rule(plain)]
    if complaints:
        raise ChapterError("\n  ".join(complaints))
    return plain


async def run_and_save(paths: list[Path]) -> int:
    """Run notebooks, `SIDE_BY_SIDE` at a time, and return how many were not saved."""
    free = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(path: Path) -> bool:
        async with free:
            started = time.perf_counter()
            print(f"{path.name}: running", flush=True)
            try:
                fresh = await run(read(path), path.parent)
            except (ChapterError, ValueError) as error:
                print(f"{path.name}: NOT SAVED\n  {error}", file=sys.stderr, flush=True)
                return False
            path.write_bytes(to_text(fresh).encode("utf-8"))
            seconds = time.perf_counter() - started
            print(f"{path.name}: saved, {seconds:.1f} s", flush=True)
            return True

    saved = await asyncio.gather(*map(one, paths))
    return len(saved) - sum(saved)


def main(arguments: list[str] | None = None) -> int:
    """Run or check the notebooks named, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="notebook")
    parser.add_argument("--check", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    paths = options.notebooks or sorted((ROOT / "chapters").glob("*.ipynb"))
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        parser.error(f"no such notebook: {', '.join(missing) or 'chapters/*.ipynb'}")
    paths = [path.resolve() for path in paths]
    if options.check:
        wrong = [path.name for path in paths if not is_saved_plainly(path)]
        for name in wrong:
            print(f"{name}: not in the form that `make run` saves", file=sys.stderr)
        return bool(wrong)
    with surroundings():
        return bool(asyncio.run(run_and_save(paths)))


if __name__ == "__main__":
    sys.exit(main())
