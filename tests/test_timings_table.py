"""What saved results look like on a page: those of a GPU, once there are some."""

from tools.site.timings import GpuTimings

RESULTS = {
    "gpu": {"device": "a card"},
    "date": "2026-01-31",
    "rows": [
        {"case": "softmax1", "peer": "SDPA", "measure": "times faster", "median": 0.9,
         "min": 0.85, "max": 1.0},
        {"case": "entmax15", "peer": None, "measure": "MB", "median": 139.04,
         "min": 139.0, "max": 140.0},
    ],
}  # fmt: skip


def test_each_row_has_its_case_its_peer_and_two_digits():
    table = object.__new__(GpuTimings)
    table.results = RESULTS
    assert list(table.rows()) == [
        ("softmax1", "SDPA", "times faster", "0.90 (0.85 to 1.00)"),
        ("entmax15", "–", "MB", "139.04 (139.00 to 140.00)"),
    ]
    assert len(table.heads) == 4
