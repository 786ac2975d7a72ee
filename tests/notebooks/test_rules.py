"""The rules on a saved chapter: what each refuses, and what it lets stand."""

import doctest
import importlib
import pkgutil

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import tools.notebooks
from tools.notebooks.prose import prose
from tools.notebooks.rules_of_layout import (
    headings_are_shallow,
    sentences_stand_between_cells,
    title_is_a_question,
)
from tools.notebooks.rules_of_prose import numbers_in_prose_are_printed
from tools.notebooks.rules_of_running import no_output_names_this_machine


def text(*lines):
    return new_markdown_cell("\n".join(lines))


def code(source="pass", *tags, prints=None):
    outputs = [] if prints is None else [new_output("stream", text=prints)]
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=outputs)


def page(*cells):
    return new_notebook(cells=list(cells))


@pytest.mark.parametrize(
    "sentence",
    [
        "about 0.66",
        "about 0.7, or 0.659",
        "exactly 0.659001.",
        "66 %, 65.9%, 66 percent, 65.9 per cent",
        r"$w_1 \approx 0.66$ or $66\%$",
        "between 24 and 66 %, or 24\N{EN DASH}66 %, or 0.24-0.66",
        "-0.50, \N{MINUS SIGN}0.5, $e^{-0.5}$, $(-0.5)$",
        r"$1-0.24$ and $\exp-0.5$ and $x\cdot0.66$",
        "1.5e-16, 1.5 × 10⁻¹⁶, $1.5\\times 10^{-16}$",
        "the fraction 0.125 (printed as 12.5%)",
        "> The essay says 11.22.",
        "in `x = 11.22` and ``11.22 ` 11.22``",
        "```python\nx = 11.22\n```",
        "~~~\nx = 11.22\n~~~",
        "````\n```\n11.22\n```\n11.22\n````",
        "[a page](https://example.org/11.22) and <https://example.org/11.22>",
        "[@author11.22] and {cite:p}`author11.22`",
        "version 2.13.0 of 2026, with 3 keys and 10 heads",
        "### Exercise 5.1",
        "```{figure} x.png\n:width: 11.22\nWords.\n```",
        "<!-- 11.22 --><span style='width: 11.22em'>0.66</span>",
    ],
)
def test_a_number_that_is_printed_or_is_none_may_stand(sentence):
    printed = "[0.659001 0.242433]\n-0.5 1.5e-16\nshare: 12.5%\n"
    assert (
        numbers_in_prose_are_printed(page(text(sentence), code(prints=printed))) == []
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "about 0.67",
        "about 0.65",
        "about 0.6",
        "67 %",
        "0.66 %",
        "25\N{EN DASH}66 %",
        "-0.66",
        "\N{MINUS SIGN}0.66",
        "0.50",
        r"$w_1 = 0.67$",
        r"$x\cdot0.67$",
        "1.5e-15",
        "1.5 × 10⁻¹⁵",
        "$$\n0.67\n$$",
        "## A heading of 0.67",
        "| a | 0.67 |",
        "*0.67*",
        "> quoted\n\nbut 11.22 is ours",
        ">11.22",
        "```{note}\n11.22\n```",
        "```{note} Of 11.22\nWords.\n```",
        ":::{admonition} Of 11.22\n:class: tip\nWords.\n:::",
        "{math}`11.22`",
        "[11.22](page.md)",
        "$0.1<x$ and $11.22>y$",
        "`code` 11.22 `code`",
        "```\ncode\n```\n11.22",
    ],
)
def test_a_number_that_no_cell_prints_is_refused(sentence):
    printed = "[0.659001 0.242433]\n-0.5 1.5e-16\n"
    assert numbers_in_prose_are_printed(page(text(sentence), code(prints=printed)))


def test_a_number_belongs_to_its_section():
    cells = [text("## One"), code(prints="0.659"), text("0.66", "## Two", "And 0.66.")]
    complaints = numbers_in_prose_are_printed(page(*cells))
    assert len(complaints) == 1
    assert "no cell of 'Two' prints a number that rounds to 0.66" in complaints[0]
    assert numbers_in_prose_are_printed(page(*cells, code(prints="0.659"))) == []
    # A deeper heading does not part a sentence from its number.
    cells[2] = text("### Three", "And 0.66.")
    assert numbers_in_prose_are_printed(page(*cells)) == []


def test_a_table_prints_too_but_a_pictures_stand_in_does_not():
    table = new_output("display_data", {"text/html": "<td style='x: 0.8'>0.659</td>"})
    cell = new_code_cell("pass", outputs=[table])
    assert numbers_in_prose_are_printed(page(text("0.66"), cell)) == []
    assert numbers_in_prose_are_printed(page(text("0.8"), cell))
    drawn = new_output("display_data", {"image/png": "", "text/plain": "<Figure 0.66>"})
    cell = new_code_cell("pass", outputs=[drawn])
    assert numbers_in_prose_are_printed(page(text("0.66"), cell))


def test_a_caption_may_name_what_its_cell_prints_or_spells_out():
    def drawn(caption, alt):
        metadata = {"mystnb": {"figure": {"caption": caption}, "image": {"alt": alt}}}
        return page(new_code_cell("ax.set_xlim(-3.5, 1.9)", metadata=metadata))

    assert numbers_in_prose_are_printed(drawn("Up to 1.9.", "From -3.5 to 1.9.")) == []
    assert len(numbers_in_prose_are_printed(drawn("To 1.8.", "From -3.4."))) == 2
    assert numbers_in_prose_are_printed(page(*drawn("", "").cells, text("To 1.9.")))


def test_the_message_names_cell_and_nearest_number():
    cells = [text("It is 0.67."), code(prints="0.659001 5")]
    assert numbers_in_prose_are_printed(page(*cells)) == [
        "cell 1 ('It is 0.67.'): no cell of the opening prints a number that rounds "
        "to 0.67; nearest: 0.659001"
    ]


def test_prose_keeps_the_words_of_a_role():
    assert prose("see {ref}`about 0.66 <fig-x>`") == "see about 0.66 "


@pytest.mark.parametrize(
    "printed",
    [
        "a ratio of 3/4/5, and/or 0x3c00, 10:1, 3:2",
        "1e-16 of 12 s",
        "<td>0.5</td> <br/> https://example.org/a/b/c",
        "chapters/05_worked_example.ipynb",
    ],
)
def test_what_is_no_trace_of_a_machine_may_be_printed(printed):
    assert no_output_names_this_machine(page(code(prints=printed))) == []


def test_a_recorded_result_may_show_its_date_but_no_path():
    dated = "measured 2026-08-15, 3.5 ms"
    assert len(no_output_names_this_machine(page(code(prints=dated)))) == 2
    recorded = page(code("pass", "recorded", prints=dated))
    assert no_output_names_this_machine(recorded) == []
    recorded = page(code("pass", "recorded", prints="/home/someone/results.json"))
    assert no_output_names_this_machine(recorded)


def test_a_label_may_stand_above_the_title():
    assert title_is_a_question(page(text("(chapter-five)=", "# Why?"))) == []
    assert title_is_a_question(page(text("Well.", "# Why?")))
    assert title_is_a_question(page(code(), text("# Why?")))
    assert title_is_a_question(page(text("Why?")))


def test_a_comment_in_a_fence_is_no_heading():
    assert headings_are_shallow(page(text("# A?", "```", "#### no", "```"))) == []
    assert headings_are_shallow(page(text("# A?", "### skips one")))


@pytest.mark.parametrize("tag", ["check", "remove-cell", "remove-input"])
def test_checks_and_hidden_cells_need_no_sentence(tag):
    assert sentences_stand_between_cells(page(code(), code("pass", tag))) == []
    assert sentences_stand_between_cells(page(code(), code("pass", tag), code()))


def test_other_cells_need_a_sentence_between_them():
    assert sentences_stand_between_cells(page(code(), text("So."), code())) == []
    assert sentences_stand_between_cells(page(code(), code()))
    assert sentences_stand_between_cells(page(code(), text("## So"), code()))


@pytest.mark.parametrize(
    "name", [each.name for each in pkgutil.iter_modules(tools.notebooks.__path__)]
)
def test_the_examples_in_the_docstrings_are_true(name):
    module = importlib.import_module(f"tools.notebooks.{name}")
    assert doctest.testmod(module).failed == 0
