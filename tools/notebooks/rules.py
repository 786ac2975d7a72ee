"""All rules on a saved chapter, in the order in which they are reported."""

from collections.abc import Callable

from nbformat import NotebookNode

from tools.notebooks import (
    rules_of_exercises,
    rules_of_layout,
    rules_of_prose,
    rules_of_running,
)

Rule = Callable[[NotebookNode], list[str]]

# What `make run` insists on before it saves a chapter.
RULES_OF_RUNNING: tuple[Rule, ...] = (
    rules_of_running.every_cell_was_run_in_order,
    rules_of_running.no_output_is_an_error_or_a_warning,
    rules_of_running.no_output_names_this_machine,
)
RULES: tuple[Rule, ...] = (
    *RULES_OF_RUNNING,
    rules_of_running.no_cell_is_exempt,
    rules_of_prose.numbers_in_prose_are_printed,
    rules_of_layout.figures_have_words,
    rules_of_layout.pictures_fit_a_phone,
    rules_of_layout.title_is_a_question,
    rules_of_layout.headings_are_shallow,
    rules_of_layout.cells_are_short,
    rules_of_layout.sentences_stand_between_cells,
    rules_of_exercises.exercises_have_solutions,
    rules_of_exercises.checks_decide,
)
