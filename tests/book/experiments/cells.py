"""The saved cells of an experiment, as arrays."""

import numpy as np

from attention_lib.book.experiments import load


def saved_cells(name, **wanted):
    """Give what was measured by map and BOS, in the cells with these settings."""
    return {
        (cell["map"], cell["bos"]): {
            key: np.array(numbers)
            for key, numbers in cell.items()
            if isinstance(numbers, list)
        }
        for cell in load(name)["result"]["cells"]
        if wanted.items() <= cell.items()
    }
