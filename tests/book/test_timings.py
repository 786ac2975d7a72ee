"""What the benchmarks saved is read by its case, and nothing else is taken for it."""

import pytest

from attention_lib.book import timings


def test_a_row_is_found_by_the_beginning_of_its_case():
    row = timings.timed("streamed_attention", "sparsemax, forward:")
    assert row["case"].startswith("sparsemax, forward")
    assert row["min"] <= row["median"] <= row["max"]
    assert {"date", "machine", "peer", "measure"} <= row.keys()


@pytest.mark.parametrize(("case", "found"), [("nothing", "0"), ("sparsemax", "3")])
def test_no_row_or_several_are_an_error_that_counts_them(case, found):
    with pytest.raises(ValueError, match=f"has {found} rows"):
        timings.timed("streamed_attention", case)


def test_a_library_without_the_books_folder_says_where_the_results_are(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(timings, "RESULTS", tmp_path)
    with pytest.raises(FileNotFoundError, match="benchmarks/results"):
        timings.timed("streamed_attention", "sparsemax, forward:")


def test_a_benchmark_that_saved_nothing_is_none():
    assert timings.saved("nothing") is None
    assert timings.saved("streamed_attention")["benchmark"] == "streamed_attention"
