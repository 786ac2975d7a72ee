"""Values in rotation: each with each test, and any two of them together."""

import itertools

import pytest

from tests.in_rotation import WHOLE, in_rotation, rotated

LENGTHS = [(2, 4), (6, 5), (6, 2, 6), (2, 3, 5), (3, 3, 3), (2, 2, 4), (2, 2, 7)]
LENGTHS += [(3, 10), (5, 7)]
SEEN = []


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_each_value_is_in_each_test_and_any_two_are_in_some(lengths):
    tests = rotated(26, [range(n) for n in lengths])
    for place, n in enumerate(lengths):
        for rows in tests:
            assert {row[place] for row in rows} == set(range(n))
    for one, other in itertools.combinations(range(len(lengths)), 2):
        together = {(row[one], row[other]) for rows in tests for row in rows}
        assert len(together) == lengths[one] * lengths[other]


@pytest.mark.skipif(WHOLE, reason="then all combinations are tried")
def test_the_rows_are_as_few_as_the_longest_list_has_values():
    assert {len(rows) for rows in rotated(5, ["abcd", "xy", "uvw"])} == {4}


@in_rotation(
    "name", ["one", "two"], {"letter digit": [("a", 1), ("b", 2)], "sign": "+-"}
)
def test_rows_arrive_as_arguments(name, letter, digit, sign):
    assert (letter, digit) in [("a", 1), ("b", 2)]
    SEEN.append((name, letter, sign))


def test_what_arrived_was_in_rotation():
    expected = {
        ("one", "a", "+"),
        ("one", "b", "-"),
        ("two", "b", "+"),
        ("two", "a", "-"),
    }
    assert expected <= set(SEEN)
