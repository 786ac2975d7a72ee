"""What the figures of focus draw is what softmax gives."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from attention_lib import entropy, softmax
from attention_lib.book import plots_of_focus


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_line_of_the_frontier_is_where_the_leader_has_that_share(ax, share):
    plots_of_focus.draw_frontier(ax, (share,), most=1000)
    ((n, lead),) = (line.get_data() for line in ax.get_lines())
    for keys in (2, 1000):
        at = np.interp(np.log(keys), np.log(n), lead)
        row = np.append(at, np.zeros(keys - 1))
        assert softmax(row)[0] == pytest.approx(share)


def test_the_colours_of_the_frontier_are_the_leaders_weights(ax):
    plots_of_focus.draw_frontier(ax, (0.5,), most=64, leads=(0, 4))
    (steps,) = ax.collections
    for n, lead in ((3, 0.5), (3, 3.5), (20, 2.0), (60, 0.1), (60, 3.9)):
        weight = softmax(np.append(lead, np.zeros(n - 1)))[0]
        (at,) = [
            step
            for step, path in enumerate(steps.get_paths())
            if path.contains_point((n, lead))
        ]
        low, high = steps.levels[at : at + 2]
        assert low - 1e-3 <= weight <= high + 1e-3


def test_each_row_of_scores_has_its_own_line_and_label(ax):
    betas = np.array([0.1, 1.0, 10.0])
    rows = {"a": [2.0, 1.0, 0.1], "b": [2.0, 2.0, 0.1]}
    falling = {
        label: entropy(softmax(betas[:, None] * np.array(row)))
        for label, row in rows.items()
    }
    plots_of_focus.draw_entropies(ax, betas, falling)
    drawn = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    for label, entropies in falling.items():
        assert np.array_equal(drawn[label], entropies)
    assert {text.get_text() for text in ax.texts} == set(rows)
