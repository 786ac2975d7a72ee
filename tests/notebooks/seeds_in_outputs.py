"""Changes of what cells show, and of how they were run."""

import base64

import numpy as np
from nbformat.v4 import new_output, new_raw_cell

from tests.notebooks.seeds import (
    COMPARISON,
    DECIMAL,
    another_number,
    cells,
    encode,
    first,
    first_output,
    first_picture,
    printing_cell,
    refused_by,
)
from tools.notebooks.cells import pictures
from tools.notebooks.pictures import decode


@refused_by(COMPARISON)
def a_printed_number_is_wrong(notebook):
    output = first(
        output
        for cell in cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream" and DECIMAL.search(output.text)
    )
    output.text = another_number(output.text)


@refused_by(COMPARISON)
def a_result_is_wrong(notebook):
    data = first_output(notebook, "text/plain")
    data["text/plain"] = another_number(data["text/plain"])


@refused_by(COMPARISON)
def a_table_is_wrong(notebook):
    data = first_output(notebook, "text/html")
    data["text/html"] = another_number(data["text/html"])


@refused_by(COMPARISON)
def a_printed_word_is_wrong(notebook):
    output = printing_cell(notebook).outputs[0]
    if output.output_type == "stream":
        output.text = "so " + output.text
    else:
        output.data["text/plain"] = "so " + output.data["text/plain"]


@refused_by(COMPARISON)
def a_picture_is_replaced(notebook):
    data = first_picture(notebook)
    pixels = decode(data["image/png"])
    data["image/png"] = encode(pixels[::-1])


@refused_by(COMPARISON)
def a_picture_has_another_size(notebook):
    data = first_picture(notebook)
    data["image/png"] = encode(decode(data["image/png"])[:, :-1])


@refused_by(COMPARISON)
def a_small_square_of_a_picture_is_brighter_by_a_tenth(notebook):
    data = first_picture(notebook)
    pixels = decode(data["image/png"])
    pixels[40:48, 60:68, :3] += np.where(pixels[40:48, 60:68, :3] < 128, 22, -22)
    data["image/png"] = encode(pixels)


@refused_by(COMPARISON)
def a_picture_is_not_a_picture(notebook):
    first_picture(notebook)["image/png"] = base64.b64encode(b"picture").decode()


@refused_by(COMPARISON)
def a_picture_is_deleted(notebook):
    cell = first(c for c in cells(notebook) if pictures(c))
    cell.outputs.remove(pictures(cell)[0])


@refused_by(COMPARISON)
def an_output_is_cleared(notebook):
    printing_cell(notebook).outputs = []


@refused_by(COMPARISON)
def an_output_is_too_many(notebook):
    cell = printing_cell(notebook)
    cell.outputs.append(new_output("display_data", {"text/plain": "0.5"}))


@refused_by("every_cell_was_run_in_order")
def a_cell_was_not_run(notebook):
    cell = cells(notebook)[-1]
    cell.execution_count, cell.outputs = None, []


@refused_by("every_cell_was_run_in_order")
def the_notebook_was_not_run(notebook):
    for cell in cells(notebook):
        cell.execution_count, cell.outputs = None, []


@refused_by("every_cell_was_run_in_order")
def two_cells_were_run_in_the_other_order(notebook):
    one, two = cells(notebook)[:2]
    one.execution_count, two.execution_count = two.execution_count, one.execution_count


@refused_by("every_cell_was_run_in_order")
def a_cell_was_run_twice(notebook):
    cells(notebook)[-1].execution_count += 1


@refused_by("every_cell_was_run_in_order")
def a_result_is_from_an_earlier_run(notebook):
    output = first(
        output
        for cell in cells(notebook)
        for output in cell.outputs
        if output.output_type == "execute_result"
    )
    output.execution_count += 1


def prints(text):
    def change(notebook):
        cells(notebook)[0].outputs.append(
            new_output("stream", name="stdout", text=text + "\n")
        )

    change.__name__ = f"prints {text}"
    return change


for said in (
    "/home/someone/why-softmax/chapters",
    r"C:\Users\someone",
    "loaded from lib/site-packages/numpy",
    "<Softmax object at 0x7f3a5c0b1d90>",
    "run on 2031-02-03",
    "done at 12:04:31",
    "took 3.52 s",
    "18.2 µs ± 110 ns per loop",
):
    refused_by("no_output_names_this_machine")(prints(said))


@refused_by("no_output_is_an_error_or_a_warning")
def a_cell_warns(notebook):
    warning = new_output("stream", name="stderr", text="RuntimeWarning: overflow\n")
    cells(notebook)[0].outputs.append(warning)


@refused_by("no_output_is_an_error_or_a_warning")
def a_cell_fails(notebook):
    error = new_output("error", ename="ValueError", evalue="no", traceback=["no"])
    cells(notebook)[0].outputs.append(error)


@refused_by("no_cell_is_exempt")
def a_tag_says_not_to_look(notebook):
    cells(notebook)[0].metadata["tags"] = ["nbval-ignore-output"]


@refused_by("no_cell_is_exempt")
def a_comment_says_not_to_run(notebook):
    cells(notebook)[0].source = "# NBVAL_SKIP\n" + cells(notebook)[0].source


@refused_by("no_cell_is_exempt")
def a_tag_is_mistyped(notebook):
    cells(notebook)[0].metadata["tags"] = ["hide-inputs"]


@refused_by("no_cell_is_exempt")
def a_cell_is_raw(notebook):
    notebook.cells[2] = new_raw_cell("It is 0.67.")


@refused_by("no_cell_is_exempt")
def a_picture_is_attached_that_no_cell_draws(notebook):
    notebook.cells[2]["attachments"] = {"x.png": {"image/png": ""}}
