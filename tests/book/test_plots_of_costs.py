"""The roof is the lower of two ceilings of one run; the figures draw what is given."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from attention_lib.book import plots_of_costs as costs
from attention_lib.book import timings


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def save(folder, name, **changes):
    rows = [
        {"case": "product: of two", "measure": "GFLOP/s", "median": 60.0},
        {"case": "copy: of one", "measure": "GB/s", "median": 5.0},
        {"case": "attention in blocks", "measure": "GFLOP/s", "median": 30.0},
    ]
    result = {"rows": rows, "date": "2026-01-31", "machine": {"processor": "a chip"}}
    (folder / f"{name}.json").write_text(json.dumps(result | changes), "utf-8")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(timings, "RESULTS", tmp_path)
    return tmp_path


def test_the_roof_is_the_lower_of_its_ceilings(folder):
    save(folder, "many_processes")
    roof = costs.roof_of("many_processes")
    assert (roof.product, roof.copy, roof.ridge) == (60.0, 5.0, 12.0)
    assert roof.at([1.0, 12.0, 100.0]).tolist() == [5.0, 60.0, 60.0]
    assert roof.machine == "a chip, 2026-01-31"


def test_the_roof_of_a_gpu_names_the_gpu(folder):
    save(folder, "gpu", gpu={"device": "a card"})
    assert costs.roof_of("gpu").machine == "a card, 2026-01-31"


def test_no_roof_is_made_of_what_was_not_measured(folder):
    assert costs.roof_of("gpu") is None
    save(folder, "gpu", rows=[{"case": "copy", "measure": "GB/s", "median": 5.0}])
    assert costs.roof_of("gpu") is None
    times = [
        {"case": "product", "measure": "times faster", "median": 2.0},
        {"case": "copy", "measure": "GB/s", "median": 5.0},
    ]
    save(folder, "gpu", rows=times)
    assert costs.roof_of("gpu") is None


def test_points_stand_where_they_were_reached_and_the_roof_above_them(ax):
    roof = costs.Roof(60.0, 5.0, "a chip")
    costs.draw_roof(ax, roof, {"one": (0.5, 1.0), "two": (64.0, 40.0)})
    top, *rest = ax.get_lines()
    x, y = top.get_data()
    np.testing.assert_allclose(y, np.minimum(60, 5 * x))
    points = [line.get_xydata()[0].tolist() for line in rest[1::2]]
    assert points == [[0.5, 1.0], [64.0, 40.0]]
    gaps = [line.get_xydata()[-1].tolist() for line in rest[::2]]
    assert gaps == [[0.5, 2.5], [64.0, 60.0]]


def test_keys_are_drawn_by_weighting_and_the_second_of_one_is_thinner(ax):
    read = {("softmax", "all"): [10, 100], ("sparsemax", "a"): [2, 3]}
    read |= {("sparsemax", "b"): [1, 2]}
    costs.draw_keys_read(ax, [10, 100], read)
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["a"].get_ydata().tolist() == [2, 3]
    assert lines["a"].get_color() == lines["b"].get_color() != lines["all"].get_color()
    assert lines["b"].get_linewidth() < lines["a"].get_linewidth()


def test_steps_are_written_as_they_are(ax):
    costs.draw_work(ax, [[0.5, 0.25], [1.0, 0.0]], "a name")
    words = [text.get_text() for text in ax.texts]
    assert words == ["0.5", "0.25", "1", "0", "a name"]
    assert ax.images[0].get_clim() == (0, 1)
