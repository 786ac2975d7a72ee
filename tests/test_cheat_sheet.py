"""What the cheat sheet says of laws, edges and limits is what the code gives."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import attention_lib
from attention_lib.book.law_table import law_table

TEXT = Path(__file__).parent.parent.joinpath("cheat_sheet.md").read_text("utf-8")
NAMES = vars(attention_lib) | {"np": np, "inf": np.inf, "nan": np.nan}
TOLD = "; must be told $n$"


def table(heading):
    """Give the rows of the table under a heading, as lists of cells."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| .*", section, re.MULTILINE)
    rows = [re.split(r" \| ", line.strip("| ")) for line in lines]
    assert rows[1] == ["---"] * len(rows[0])
    return rows[2:]


EDGES = [row[1:] for row in table("At the edges")]
CHOICES = [
    (code, gained, lost)
    for _, taken, gained, lost in table("Which weighting when")
    for code in re.findall(r"`(.*?) <attention_lib\.\w+>`", taken)
]


def verdicts(weighting):
    """Give the cell of each law by its name."""
    return {cell.law.name: cell for cell in law_table([weighting]).cells}


def wishes(begin):
    """Give the laws of one of the two lists of what softmax fulfils."""
    (listed,) = re.findall(rf"^- {begin}: (.*)[;.]$", TEXT, re.MULTILINE)
    return listed.split(", ")


@pytest.mark.parametrize(
    ("begin", "holds"), [("fulfils", True), ("does not fulfil", False)]
)
def test_the_wishes_that_softmax_fulfils_are_those_of_the_law_table(begin, holds):
    cells = verdicts(attention_lib.Softmax())
    assert wishes(begin) == [law for law in cells if cells[law].holds == holds]


@pytest.mark.parametrize(("code", "gained", "lost"), CHOICES)
def test_a_weighting_gains_and_gives_up_what_the_law_table_says(code, gained, lost):
    softmax = verdicts(attention_lib.Softmax())
    cells = verdicts(eval(code, dict(NAMES)))
    differ = [law for law in cells if cells[law].holds != softmax[law].holds]
    assert gained.split(", ") == [law for law in differ if cells[law].holds]
    assert lost.removesuffix(TOLD).split(", ") == [
        law for law in differ if not cells[law].holds
    ]
    is_told = any("given n" in cell.word for cell in cells.values())
    assert lost.endswith(TOLD) == is_told


def test_each_weighting_of_the_sheet_is_named_as_it_is_linked():
    linked = re.findall(r"\{py:obj\}`(\w+)\(.*?\) <attention_lib\.(\w+)>`", TEXT)
    assert len(linked) == len(CHOICES) > 8
    assert all(shown == meant for shown, meant in linked)


@pytest.mark.parametrize(("code", "given"), EDGES, ids=[row[0] for row in EDGES])
def test_an_edge_gives_what_the_sheet_says(code, given):
    weights = eval(code.strip("`"), dict(NAMES))
    said = eval(re.match(r"`(\[.*?\])`", given)[1], dict(NAMES))
    np.testing.assert_array_equal(np.round(weights, 2), said)


def test_the_formula_overflows_above_the_limits_of_the_sheet():
    said = re.search(r"above a score of (.*?)\. ", TEXT)[1]
    limits = {}
    for limit, formats in re.findall(r"([\d.]+) in ((?:b?float\d+(?: and )?)+)", said):
        limits |= dict.fromkeys(formats.split(" and "), float(limit))
    assert list(limits) == ["float16", "float32", "bfloat16", "float64"]
    for name, limit in limits.items():
        largest = torch.finfo(getattr(torch, name)).max
        assert round(np.log(largest), 2) == limit, name


def test_the_code_of_the_sheet_runs_and_prints_what_stands_there():
    (code,) = re.findall(r"```pycon\n(.*?)```", TEXT, re.DOTALL)
    sheet = doctest.DocTestParser().get_doctest(code, {}, "the sheet", None, None)
    found = doctest.DocTestRunner(verbose=False).run(sheet)
    assert found.attempted > 8
    assert not found.failed


def test_no_line_of_code_is_wider_than_its_column():
    (code,) = re.findall(r"```pycon\n(.*?)```", TEXT, re.DOTALL)
    assert max(map(len, code.splitlines())) <= 64
