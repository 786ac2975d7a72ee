"""What the rules on exercises refuse, and what they let stand."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.notebooks.exercises import bound_names, exercises, needed_names
from tools.notebooks.rules_of_exercises import checks_decide, exercises_have_solutions


def asked(text="Why?", number=1):
    return new_markdown_cell(f"### Exercise {number}: One\n\n{text}")


def code(source="pass", *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


def solution(source="answer = 2"):
    return code(source, "hide-cell")


def check(source="assert answer == 1 + 1"):
    return code(source, "check")


def page(*cells):
    return new_notebook(cells=[code("known = 1"), *cells])


IN_WORDS = "Why?\n\n*In words.*"
AFTER = new_markdown_cell("## The end"), code()


@pytest.mark.parametrize(
    "cells",
    [
        (asked(), solution(), check()),
        (asked(), solution(), check(), asked(IN_WORDS, 2), solution("# So."), *AFTER),
        (asked(), solution(), check(), asked("", 2), solution("b = 1"), check("b")),
        (new_markdown_cell("### Exercises in words\n\nNone."), code()),
    ],
)
def test_a_solution_and_a_check_stand_below_or_a_solution_in_words(cells):
    assert exercises_have_solutions(page(*cells)) == []


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ((asked(),), "no cell"),
        ((asked(), solution()), "solution"),
        ((asked(), check()), "check"),
        ((asked(), check(), solution()), "check and solution"),
        ((asked(), solution(), code(), check()), "solution and a cell and check"),
        ((asked(), solution(), check(), check()), "solution and check and check"),
        ((asked(IN_WORDS), solution(), check()), "solution and check"),
        ((asked(IN_WORDS),), "no cell"),
        ((asked(), new_markdown_cell("## End"), solution(), check()), "no cell"),
    ],
)
def test_another_order_is_refused(cells, found):
    (complaint,) = exercises_have_solutions(page(*cells))
    assert complaint.startswith(f"cell 2: 'Exercise 1: One' is followed by {found}, ")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((solution("answer = 2\nassert 1"), check()), "asserts is a check's"),
        ((solution(), check("answer")), "asserts nothing"),
        ((solution(), check("assert known")), "uses nothing of the solution"),
        ((solution("x = 1"), check("x = 2\nassert x")), "uses nothing of the solution"),
        ((solution("known = 2"), check("assert known")), "known, which the page has"),
        ((solution("def known(): 1"), check("assert known")), "known, which the page"),
    ],
)
def test_a_check_that_would_pass_without_the_solution_is_refused(cells, said):
    (complaint,) = checks_decide(page(asked(), *cells))
    assert said in complaint


def test_a_name_of_an_earlier_exercise_is_known_too():
    again = asked(number=2), solution(), check()
    assert checks_decide(page(asked(), solution(), check())) == []
    (complaint,) = checks_decide(page(asked(), solution(), check(), *again))
    assert "answer, which the page has already" in complaint


def test_what_is_to_be_defined_is_what_the_check_takes_from_the_solution():
    (exercise,) = exercises(
        page(
            asked(),
            solution("given = 1\nhelp_ = given\ndef f(x): return x + help_"),
            check("given = [2]\nassert [f(x) for x in given if known]"),
        )
    )
    assert exercise.to_define() == ["f"]
    assert exercise.text.strip() == "Why?"


def test_names_are_those_of_the_page_and_not_of_its_functions():
    source = "import a.b\nfrom c import d as e\nwith f() as g: h = 1\ni += 1"
    assert bound_names(source) == ["a", "e", "g", "h", "i"]
    assert needed_names(source) == {"f", "i"}
    inside = "def f(x):\n y = x\n return [z(y, k) for k in w]"
    assert (bound_names(inside), needed_names(inside)) == (["f"], {"z", "w"})
    assert bound_names("%pip install x") == []
