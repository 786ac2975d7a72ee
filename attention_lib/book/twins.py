"""Other weights with the same output, by linear programs.

A head's output is the average of n values of d numbers. All weights that give the same
average fulfil d + 1 linear equations, one for each number and one for the sum, and n
inequalities, for none is negative. Where the values, each with a 1 appended, are
linearly independent, only one row of weights does: that cannot be for n > d + 1.
"""

import numpy as np

__all__ = ["distance", "range_of", "twin"]

RANK = 1e-10  # a direction of the values shorter than this, beside the longest, is none
# The least that SciPy's solver may miss the equations by, which `polished` mends.
EXACTLY = {"primal_feasibility_tolerance": 1e-10}
GAIN = 1e-9  # a distance that grows by less has stopped growing


def twin(weights, values):
    """Find other weights with the same output, as far away as the programs find.

    The farthest ones maximise a convex function, which no linear program does. So from
    each of three starts, namely the weights which overlap least with the given ones, or
    have least on their largest key, or least on all keys above the average, programs
    lead further and further: each maximises the sum of what has grown less what has
    shrunk, until the signs stay. What comes out is a lower bound of the farthest.

    Parameters
    ----------
    weights : array of float, shape (n,)
        Non-negative, with a sum of one.
    values : array of float, shape (n, d)
        What they average.

    Returns
    -------
    array of float64, shape (n,)
        Non-negative, with a sum of one, and the same average to 1e-9 of the largest
        value. The given weights where there are no others.

    Notes
    -----
    Brunner et al. note that weights over more keys than a head has numbers are not
    unique, and look at the null space; here they must be weights, too.

    References
    ----------
    G. Brunner, Y. Liu, D. Pascual and others (2020). On identifiability in
    transformers. *ICLR*. https://arxiv.org/abs/1908.04211

    Examples
    --------
    The middle one of three values in a line is worth half of each end:

    >>> line = [[-1.0], [0.0], [1.0]]
    >>> twin([0.0, 1.0, 0.0], line)
    array([0.5, 0. , 0.5])

    Two values of one number each leave no choice:

    >>> twin([0.25, 0.75], line[:2])
    array([0.25, 0.75])
    """
    weights = np.array(weights, dtype=float)
    rows = equations(values)
    best = weights
    if len(rows) < len(weights):
        for start in starts(weights):
            found = farther(start, rows, weights)
            best = max(best, found, key=lambda other: distance(weights, other))
    return best


def range_of(weights, values, key):
    """Find the least and the most weight that one key may have at the same output.

    Parameters
    ----------
    weights : array of float, shape (n,)
        Non-negative, with a sum of one.
    values : array of float, shape (n, d)
        What they average.
    key : int
        Which key.

    Returns
    -------
    tuple of float
        Both are reached, for these are two linear programs.

    Examples
    --------
    >>> low, high = range_of([0.25, 0.5, 0.25], [[-1.0], [0.0], [1.0]], key=1)
    >>> print(f"{low:.2f} to {high:.2f}")
    0.00 to 1.00
    """
    weights = np.array(weights, dtype=float)
    rows = equations(values)
    here = float(weights[key])
    if len(rows) == len(weights):
        return here, here
    aim = np.zeros(len(weights))
    aim[key] = 1
    least, most = (float(least_of(c, rows, weights)[key]) for c in (aim, -aim))
    # What is given is a weight that it may have, whatever rounding does.
    return min(least, here), max(most, here)


def distance(weights, other):
    """Give the total variation of two rows: how much weight lies elsewhere, 0 to 1."""
    return float(abs(np.asarray(weights) - other).sum(-1)) / 2


def equations(values):
    """Give orthonormal rows, whose products with weights fix the average and the sum.

    Their number is the rank of the values with a 1 appended to each.
    """
    values = np.asarray(values, dtype=float)
    size = abs(values).max()
    scaled = values / size if size > 0 else values
    conditions = np.column_stack([scaled, np.ones(len(values))]).T
    _, sizes, rows = np.linalg.svd(conditions, full_matrices=False)
    return rows[sizes > RANK * sizes[0]]


def starts(weights):
    """Give three sums of weights, each of which is small far from the given ones."""
    largest = np.zeros_like(weights)
    largest[weights.argmax()] = 1
    return weights, largest, (weights > 1 / len(weights)).astype(float)


def farther(aim, rows, weights):
    """Go from the least of a sum to where no program leads farther."""
    here = least_of(aim, rows, weights)
    while True:
        # The distance is half of this sum's size here, and at least that anywhere.
        there = least_of(np.sign(weights - here), rows, weights)
        if distance(weights, there) < distance(weights, here) + GAIN:
            return here
        here = there


def least_of(aim, rows, weights):
    """Minimise a sum of weights, among those that fulfil the equations."""
    from scipy.optimize import linprog  # whoever draws no twins needs no SciPy

    found = linprog(aim, A_eq=rows, b_eq=rows @ weights, options=EXACTLY)
    if found.x is None:
        raise RuntimeError(f"the program was not solved: {found.message}")
    return polished(found.x, rows, weights)


def polished(found, rows, weights):
    """Fulfil the equations to rounding, by changes of the weights that are not zero."""
    found = found.clip(min=0)
    used = found > 0
    missed = rows @ (weights - found)
    found[used] += np.linalg.lstsq(rows[:, used], missed, rcond=None)[0]
    return found.clip(min=0)
