"""The benchmark of a GPU runs whole, tiny, where there is none."""

from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.__main__ import main
from benchmarks.gpu_cases import cases


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_of_each_table_a_line_runs_tiny_and_writes_nothing(capsys, monkeypatch):
    monkeypatch.setattr(Path, "write_text", None)
    # What a case leaves is small here, and all that torch imports would be searched.
    monkeypatch.setattr(gpu.gc, "collect", lambda *generation: 0)
    main(["--smoke", "gpu"])
    said = capsys.readouterr().out
    for case in cases(few=True):
        ran = f"ran: {case.name} (against {case.peer})" in said
        assert ran or f"for entmax is missing: {case.name}" in said


def test_no_two_cases_have_one_name():
    names = [(case.name, case.peer) for case in cases()]
    assert len(names) == len(set(names))
    few = [(case.name, case.peer) for case in cases(few=True)]
    assert set(few) < set(names)


def test_the_error_of_a_kernel_is_at_most_twice_the_dense_one():
    (case,) = [c for c in cases() if c.name.startswith("error of softpick")]
    row = gpu._row(case, "cpu", False)
    ours, peer = row.pairs[0]
    assert 0 < ours <= 2 * peer
    assert row.met


@pytest.mark.parametrize("n", [0, 3])
def test_what_is_left_out_is_named(n, capsys, monkeypatch):
    chosen = list(cases())[:n]
    monkeypatch.setattr(gpu, "SECONDS", -1)
    monkeypatch.setattr(gpu, "cases", lambda few: chosen)
    assert list(gpu.rows(smoke=True)) == []
    assert capsys.readouterr().out.count("left out, for want of time") == n
