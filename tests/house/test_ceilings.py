"""The ceilings count the work that is done, and the chapter finds their rows."""

import json

import pytest

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from attention_lib.book.timings import timed  # noqa: E402
from benchmarks import ceilings, many_processes  # noqa: E402
from benchmarks.timing import Row  # noqa: E402
from tests.house.test_benchmarks import RESULTS  # noqa: E402

CASES = (
    "product",
    "copy",
    "attention in one matrix",
    "attention in blocks",
    "attention of one query",
)


@pytest.fixture
def small(monkeypatch):
    sizes = {"SIDE": 64, "COPIED": 4096, "N_KEYS": 512, "CACHED": 1024}
    for name, size in sizes.items():
        monkeypatch.setattr(ceilings, name, size)


def test_a_rate_is_what_was_done_by_the_seconds_and_has_no_goal():
    row = Row("a case", None, "GB/s", None, [(10.0, 2.0), (10.0, 4.0), (10.0, 5.0)])
    assert (row.median, row.min, row.max) == (2.5, 2.0, 5.0)
    assert row.met is None
    assert "no goal" in str(row)


@pytest.mark.usefixtures("small")
def test_the_work_of_each_row_is_what_torch_counts(monkeypatch):
    counted = {}

    def count(case, unit, work, side, *_):
        with FlopCounterMode(display=False) as counter:
            side()
        counted[case] = unit, work, counter.get_total_flops()

    monkeypatch.setattr(ceilings, "_rate", count)
    # Torch does not count in its fused kernel: the same products, in the open.
    monkeypatch.setattr(ceilings, "fused", ceilings._in_one_matrix)
    monkeypatch.setattr(ceilings, "check_fused", lambda peer: None)
    list(ceilings.rows())
    assert len(counted) == len(CASES)
    for case, (unit, work, found) in counted.items():
        if case.startswith("copy"):
            assert (unit, work, found) == ("GB/s", 2 * 4 * 4096, 0)
        else:
            assert (unit, work) == ("GFLOP/s", found)


@pytest.mark.usefixtures("small")
def test_it_runs_with_the_threads_that_it_names_and_puts_them_back():
    before, seen = torch.get_num_threads(), []
    row = ceilings._rate(
        "a case", "GB/s", 1, lambda: seen.append(torch.get_num_threads()), 3, 2
    )
    assert set(seen) == {3}
    assert torch.get_num_threads() == before
    assert len(row.pairs) == 2


@pytest.mark.usefixtures("small")
def test_many_processes_measures_them_and_the_chapter_finds_them(monkeypatch):
    monkeypatch.setattr(ceilings, "_rate", lambda case, *_: case)
    begun = [case for case in ceilings.rows() if case.startswith(CASES)]
    assert len(begun) == len(CASES)
    assert [timed("many_processes", case)["measure"] for case in CASES] == [
        "GFLOP/s",
        "GB/s",
        "GFLOP/s",
        "GFLOP/s",
        "GFLOP/s",
    ]
    assert many_processes.ceilings is ceilings


def test_no_attention_was_faster_than_a_product():
    rows = json.loads((RESULTS / "many_processes.json").read_text("utf-8"))["rows"]
    of = {row["case"].partition(":")[0]: row for row in rows}
    for case in CASES[2:]:
        assert of[case]["median"] < of["product"]["max"]
