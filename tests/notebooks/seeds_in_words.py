"""Changes of what a chapter says, and of how it is laid out."""

import copy
import re

import numpy as np

from tests.notebooks.seeds import (
    NotHere,
    add_words,
    cells,
    encode,
    first,
    first_picture,
    refused_by,
)
from tools.notebooks.cells import pictures
from tools.notebooks.pictures import decode
from tools.notebooks.prose import prose
from tools.notebooks.rules_of_prose import written_numbers


def sentences(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell, prose(cell.source)


def spoil_sentence(notebook, *, percent):
    """Change the last digit of the most precise number that a sentence names."""
    named = [
        (cell, re.match(r"[\d.]+", each.text.lstrip("-\N{MINUS SIGN}")).group())
        for cell, text in sentences(notebook)
        for each in written_numbers(text)
        if each.percent == percent
    ]
    cell, number = max(named, key=lambda each: len(each[1]), default=(None, None))
    if cell is None:
        raise NotHere
    wrong = number[:-1] + str((int(number[-1]) + 5) % 10)
    cell.source = re.sub(rf"(?<![\d.]){re.escape(number)}(?!\d)", wrong, cell.source)


@refused_by("numbers_in_prose_are_printed")
def a_decimal_in_a_sentence_is_wrong(notebook):
    spoil_sentence(notebook, percent=False)


@refused_by("numbers_in_prose_are_printed")
def a_percentage_in_a_sentence_is_wrong(notebook):
    spoil_sentence(notebook, percent=True)


@refused_by("numbers_in_prose_are_printed")
def a_caption_names_another_number(notebook):
    cell = first(c for c in cells(notebook) if pictures(c))
    cell.metadata.mystnb.figure.caption += " It is 0.123456 here."


@refused_by("numbers_in_prose_are_printed")
def a_sentence_moves_away_from_its_number(notebook):
    number = max(
        (
            each.text
            for _, text in sentences(notebook)
            for each in written_numbers(text)
        ),
        key=len,
        default=None,
    )
    if number is None:
        raise NotHere
    add_words(notebook, f"## Elsewhere\n\nOnce it was {number} there.")


@refused_by("figures_have_words")
def the_alternative_text_is_missing(notebook):
    del first(c for c in cells(notebook) if pictures(c)).metadata.mystnb["image"]


@refused_by("figures_have_words")
def the_alternative_text_is_a_word(notebook):
    cell = first(c for c in cells(notebook) if pictures(c))
    cell.metadata.mystnb.image.alt = "Weights."


@refused_by("figures_have_words")
def the_caption_is_missing(notebook):
    cell = first(c for c in cells(notebook) if pictures(c))
    del cell.metadata.mystnb.figure["caption"]


@refused_by("figures_have_words")
def the_name_is_missing(notebook):
    cell = first(c for c in cells(notebook) if pictures(c))
    del cell.metadata.mystnb.figure["name"]


@refused_by("figures_have_words")
def two_pictures_have_one_name(notebook):
    cell = first(c for c in cells(notebook) if pictures(c))
    notebook.cells.append(copy.deepcopy(cell))


@refused_by("figures_have_words")
def a_cell_shows_two_pictures(notebook):
    cell = first(c for c in cells(notebook) if pictures(c))
    cell.outputs.append(pictures(cell)[0])


@refused_by("pictures_fit_a_phone")
def a_picture_is_wider_than_a_phone_can_show(notebook):
    data = first_picture(notebook)
    data["image/png"] = encode(np.tile(decode(data["image/png"]), (1, 9, 1)))


@refused_by("title_is_a_question")
def the_title_does_not_ask(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("?", ".", 1)


@refused_by("title_is_a_question")
def there_are_two_titles(notebook):
    add_words(notebook, "# And another?")


@refused_by("headings_are_shallow")
def a_heading_is_too_deep(notebook):
    add_words(notebook, "#### A detail")


@refused_by("cells_are_short")
def a_line_is_too_wide(notebook):
    cells(notebook)[-1].source += "\n#" + "-" * 68


@refused_by("cells_are_short")
def a_cell_is_too_long(notebook):
    cells(notebook)[0].source += "\n" * 41 + "pass"


@refused_by("sentences_stand_between_cells")
def no_sentence_stands_between_two_cells(notebook):
    index = first(
        i
        for i, (a, b, c) in enumerate(
            zip(notebook.cells, notebook.cells[1:], notebook.cells[2:], strict=False)
        )
        if (a.cell_type, b.cell_type, c.cell_type) == ("code", "markdown", "code")
        and not {"check", "remove-cell"}
        & {*a.metadata.get("tags", []), *c.metadata.get("tags", [])}
    )
    notebook.cells[index + 1].source = "## A heading alone"


@refused_by("exercises_have_solutions")
def an_exercise_has_no_solution(notebook):
    cell = first(
        c for c in cells(notebook) if "hide-cell" in c.metadata.get("tags", [])
    )
    cell.metadata["tags"] = []


@refused_by("exercises_have_solutions")
def an_exercise_has_no_check(notebook):
    notebook.cells.remove(first_check_of_an_exercise(notebook))


@refused_by("exercises_have_solutions")
def an_exercise_in_words_does_not_say_so(notebook):
    cell = first(c for c in notebook.cells if "*In words.*" in c.source)
    cell.source = cell.source.replace("*In words.*", "")


@refused_by("checks_decide")
def a_check_uses_nothing_of_its_solution(notebook):
    first_check_of_an_exercise(notebook).source = "assert 1 + 1 == 2"


def first_check_of_an_exercise(notebook):
    pairs = zip(notebook.cells, notebook.cells[1:], strict=False)
    return first(b for a, b in pairs if "hide-cell" in a.metadata.get("tags", []))
