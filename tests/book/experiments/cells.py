"""The saved cells of an experiment, as arrays."""

import numpy as np

from attention_lib.book.experiments import cell_of, load, rates
from tests.in_rotation import WHOLE

# That are trained anew; the saved ones are five at least.
REPLICAS = 5 if WHOLE else 2


def saved_cells(name, *settings, measure=None):
    """Give what was measured at the best rates, by the values of these settings."""
    return {
        tuple(cell[setting] for setting in settings): arrays(
            cell if measure is None else cell[measure]
        )
        for cell in load(name)["result"]["cells"]
    }


def arrays(cell):
    """Give its lists of numbers as arrays; a length is a number again."""
    return {
        int(key) if key.isdigit() else key: np.array(numbers)
        for key, numbers in cell.items()
        if isinstance(numbers, list) and not isinstance(numbers[0], dict)
    }


def trained_anew(
    task, name, *, data=None, steps, batch=None, n_replicas=REPLICAS, **wanted
):
    """Train some replicas at the saved rate, from another seed, in fewer steps."""
    rate = cell_of(name, **wanted)["rate"]
    size = {"steps": steps, "batch": batch, "seed": 1, "data": data}
    size["n_replicas"] = n_replicas
    return rates.train_and_score(task, wanted["map"], rate, **size)


def assert_same(found, saved):
    """Compare what is said now with what is saved: dicts of numbers, of any depth."""
    if isinstance(found, dict):
        assert set(found) == set(saved)
        for key in found:
            assert_same(found[key], saved[key])
    else:
        np.testing.assert_allclose(found, saved, rtol=1e-3, atol=1e-3)
