"""The table of maps and trained tasks, read from what the experiments have saved."""

from dataclasses import dataclass, field
from html import escape

import numpy as np

from attention_lib.book import tables
from attention_lib.book.experiments import load, maps, rates

__all__ = ["COLUMNS", "Cell", "Column", "TaskTable", "table", "task_table"]

FLOOR, CEILING = "floor", "ceiling"


@dataclass(frozen=True)
class Column:
    """What is measured in one task.

    Attributes
    ----------
    name : str
        The task, with its conditions.
    says : str
        What the numbers are, and which way is better.
    experiment : str
        Where they are saved.
    measures : tuple of str
        Of these the mean is taken.
    wanted : dict
        Settings of the cells.
    length : str or None
        Number of keys, where measures are saved by length.
    limit : str or None
        What is saved beside them: a "floor" or a "ceiling".
    """

    name: str
    says: str
    experiment: str
    measures: tuple[str, ...]
    wanted: dict = field(default_factory=dict, hash=False)
    length: str | None = None
    limit: str | None = None

    def cells(self, names):
        """Give a cell for each of these maps, from one reading of what is saved."""
        saved = load(self.experiment)["result"]["cells"]
        run = {c["map"]: c for c in saved if self.wanted.items() <= c.items()}
        return [self._cell(name, run.get(name)) for name in names]

    def _cell(self, name, saved):
        if saved is None:
            return Cell(self, name)
        each = [self._at_length(saved[measure]) for measure in self.measures]
        limit = self._at_length(saved[self.limit]) if self.limit else None
        return Cell(self, name, np.mean(each, 0), limit, saved["rate"])

    def _at_length(self, numbers):
        return numbers[self.length] if isinstance(numbers, dict) else numbers


@dataclass(frozen=True)
class Cell:
    """One map in one task, at its best rate.

    Attributes
    ----------
    column : Column
        The task.
    name : str
        The map, one of `experiments.maps.MAPS`.
    each : array or None
        What was measured, by replica; None where the map was not run.
    limit : float or None
        Its floor or ceiling, where a formula says it.
    rate : float or None
        The best rate.
    """

    column: Column
    name: str
    each: np.ndarray | None = None
    limit: float | None = None
    rate: float | None = None

    @property
    def mean(self):
        """Give the mean in a word, or say that there is none."""
        return "not run" if self.each is None else plainly(self.each.mean())

    @property
    def words(self):
        """Give the range, the limit, and the rate, each in words."""
        if self.each is None:
            return ()
        said = [f"{plainly(self.each.min())} to {plainly(self.each.max())}"]
        if self.limit is not None:
            said.append(f"{self.column.limit} {plainly(self.limit)}")
        end = ", the last tried" if self.rate in (rates.GRID[0], rates.GRID[-1]) else ""
        return (*said, f"rate {self.rate:g}{end}")

    def __str__(self):
        """Give all of it."""
        return f"{self.name}, {self.column.name}: {'; '.join((self.mean, *self.words))}"


COLUMNS = (
    *(
        Column(
            f"trigger, {'' if bos else 'no '}BOS",
            "error, relative to that of an answer of zero; less is better",
            "trigger",
            ("error",),
            {"bos": bos, "gate": False},
            limit=FLOOR,
        )
        for bos in (False, True)
    ),
    Column(
        "match or nothing, no BOS",
        "error, relative to the variance of the values, in the mean of hits and "
        "misses; less is better",
        "match_or_nothing",
        ("hit_error", "miss_error"),
        {"bos": False},
        limit=FLOOR,
    ),
    *(
        Column(
            f"{asks}, {'trained lengths' if keys == 'trained' else f'{keys} tokens'}",
            "R²; more is better, and below zero it is worse than always the mean",
            "count_and_mean",
            ("r2",),
            {"asks": asks},
            length=keys,
            limit=CEILING if keys == "trained" else None,
        )
        for asks in ("count", "mean")
        for keys in ("trained", "256")
    ),
    *(
        Column(
            f"retrieval, {keys} pairs",
            "part of right answers among 16 classes; more is better",
            "retrieval",
            ("accuracy",),
            length=keys,
            limit=CEILING,
        )
        for keys in ("32", "512")
    ),
    *(
        Column(
            f"Bayes look-up, {keys} pairs",
            "mean square distance from the best guess; less is better",
            "bayes_lookup",
            ("excess_risk",),
            length=keys,
            limit=FLOOR,
        )
        for keys in ("32", "256")
    ),
    *(
        Column(
            f"needle, {keys} keys",
            "the target's part of the sizes of all weights; more is better",
            "needle",
            ("share",),
            length=keys,
            limit=CEILING,
        )
        for keys in ("16", "16384")
    ),
    *(
        Column(
            f"2048 pairs, {noise} noise",
            "mean square distance from the best guess, after training on 32 pairs; "
            "less is better",
            "noisy_length",
            ("excess_risk",),
            {"noise": noise},
            length="2048",
            limit=FLOOR,
        )
        for noise in ("little", "much")
    ),
)


class TaskTable:
    """The cells, a row for each map and a column for each task."""

    def __init__(self, cells):
        self.columns = list(dict.fromkeys(cell.column for cell in cells))
        self.rows = {}
        for cell in cells:
            self.rows.setdefault(cell.name, []).append(cell)

    def __repr__(self):
        """Give the table in plain text, task by task."""
        width = max(map(len, self.rows), default=0)
        blocks = []
        for i, column in enumerate(self.columns):
            cells = [cells[i] for cells in self.rows.values()]
            run = [cell for cell in cells if cell.each is not None]
            rest = ", ".join(cell.name for cell in cells if cell.each is None)
            lines = [
                f"  {c.name:{width}}  {'; '.join((c.mean, *c.words))}" for c in run
            ]
            lines += [f"  not run: {rest}"] if rest else []
            blocks.append("\n".join([f"{column.name}: {column.says}", *lines]))
        return "\n\n".join(blocks)

    def _repr_html_(self):
        rows = ((name, map(_entry, cells)) for name, cells in self.rows.items())
        shown = tables.table("tasks", "map", [c.name for c in self.columns], rows)
        said = [(column.name, column.says) for column in self.columns]
        # The theme scrolls what is in such a container, by touch and by key.
        return (
            f'<div class="pst-scrollable-table-container">\n{shown}</div>\n'
            f"{tables.spelt_out('What each column measures', said)}"
        )


def table(columns=COLUMNS, names=None):
    """Read every map's result in every task.

    Parameters
    ----------
    columns : iterable of Column, default `COLUMNS`
        The tasks.
    names : iterable of str, optional
        The maps, of `experiments.maps.MAPS`; by default those that were run in one of
        the tasks.

    Returns
    -------
    list of Cell
        One for each pair, row by row.

    Examples
    --------
    >>> for cell in table(COLUMNS[:1], ["softmax", "raw"]):
    ...     print(cell)
    softmax, trigger, no BOS: 0.973; 0.972 to 0.973; floor 0.971; rate 0.01
    raw, trigger, no BOS: not run
    """
    given = list(maps.MAPS if names is None else names)
    rows = zip(*(column.cells(given) for column in columns), strict=True)
    kept = [row for row in rows if names or any(cell.each is not None for cell in row)]
    return [cell for row in kept for cell in row]


def task_table(columns=COLUMNS, names=None):
    """Give the table to show; see `table`."""
    return TaskTable(table(columns, names))


def plainly(number):
    """Write three digits of a number, without an exponent."""
    text = np.format_float_positional(number, 3, fractional=False, trim="-")
    return text.replace("-", "−")


def _entry(cell):
    small = "".join(f"<br><small>{escape(each)}</small>" for each in cell.words)
    return f'<td title="{escape(str(cell))}">{cell.mean}{small}</td>'
