"""`make run` saves one form, again and again, and refuses what must not be saved."""

import base64
import io
import json
import os

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.notebooks.seeds import first_picture
from tools.notebooks.cells import pictures
from tools.notebooks.pictures import compare_pictures, decode, without_metadata
from tools.notebooks.plain_form import is_saved_plainly, read, to_text
from tools.run_notebooks import main


def save(path, *cells):
    path.write_text(to_text(new_notebook(cells=list(cells))), "utf-8")
    return path


def test_a_second_run_changes_no_byte_and_a_failing_one_saves_nothing(
    saved_twins, tmp_path, capsys
):
    first = saved_twins[0].read_bytes()
    again = tmp_path / "again.ipynb"
    again.write_bytes(first)
    fails = save(
        tmp_path / "fails.ipynb",
        new_markdown_cell("# Does it?"),
        new_code_cell("x = 0"),
        new_code_cell("1 / x"),
    )
    unsaved = fails.read_bytes()
    warns = save(
        tmp_path / "warns.ipynb",
        new_code_cell("import warnings\nwarnings.warn('careful')"),
        new_code_cell("print('/home/someone/chapters')\nobject()"),
    )

    assert main([str(again), str(fails), str(warns)]) == 1

    assert again.read_bytes() == first
    assert fails.read_bytes() == unsaved
    said = capsys.readouterr().err
    assert "fails.ipynb: NOT SAVED\n  cell 3 ('1 / x') fails:" in said
    assert "ZeroDivisionError: division by zero" in said
    assert "\x1b" not in said
    assert "warns.ipynb: NOT SAVED\n  cell 1 ('import warnings') warns:" in said
    assert "prints a path of this machine: /home/someone/chapters" in said
    assert "prints a address" in said


def test_pictures_are_saved_whatever_backend_the_shell_asks_for(
    saved_twins, tmp_path, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    again = tmp_path / "again.ipynb"
    again.write_bytes(saved_twins[0].read_bytes())
    assert main([str(again)]) == 0
    assert again.read_bytes() == saved_twins[0].read_bytes()
    assert os.environ["MPLBACKEND"] == "Agg"


def test_counts_run_from_one_and_metadata_are_fixed(small):
    counts = [c.execution_count for c in small.cells if c.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert small.metadata == {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }


def test_a_saved_picture_names_no_program_and_no_date(small):
    drawn = [p.data["image/png"] for c in small.cells for p in pictures(c)]
    assert len(drawn) == 2
    for png in drawn:
        data = base64.b64decode(png)
        assert data.startswith(b"\x89PNG")
        assert not any(kind in data for kind in (b"tEXt", b"iTXt", b"tIME"))


def test_a_picture_looks_the_same_without_them(small):
    png = first_picture(small)["image/png"]
    pixels = Image.fromarray(decode(png).astype(np.uint8))
    text = PngInfo()
    text.add_text("Software", "a program")
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG", pnginfo=text)
    named = base64.encodebytes(buffer.getvalue()).decode()  # with line breaks
    plain = without_metadata(named)
    assert b"Software" not in base64.b64decode(plain)
    assert "\n" not in plain
    assert compare_pictures(plain, png) is None


def editors_copy(small):
    """Return the small chapter as an editor might save it."""
    notebook = json.loads(to_text(small))
    notebook["metadata"]["language_info"]["version"] = "3.11.7"
    notebook["metadata"]["widgets"] = {}
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"]["execution"] = {"iopub.execute_input": "2031-02-03T12:00:00Z"}
        cell["metadata"]["scrolled"] = True
        if number % 2:
            del cell["id"]
        cell["source"] = "".join(cell["source"])
    printing = notebook["cells"][3]
    whole = "".join(printing["outputs"][0]["text"])
    stream = {"output_type": "stream", "name": "stdout"}
    printing["outputs"] = [
        {**stream, "text": whole[:5]},
        {**stream, "text": whole[5:]},
    ]
    return json.dumps(notebook, indent=4)


def test_an_editors_copy_takes_the_plain_form(small, tmp_path, capsys):
    path = tmp_path / "edited.ipynb"
    path.write_text(editors_copy(small), "utf-8")
    assert not is_saved_plainly(path)
    assert main(["--check", str(path)]) == 1
    assert "edited.ipynb: not in the form" in capsys.readouterr().err

    path.write_bytes(to_text(read(path)).encode("utf-8"))
    assert main(["--check", str(path)]) == 0
    plain = read(path)
    nbformat.validate(plain)
    for cell, before in zip(plain.cells, small.cells, strict=True):
        assert cell.source == before.source
        assert cell.metadata == before.metadata
        assert cell.get("outputs") == before.get("outputs")
    assert path.read_text("utf-8").endswith("}\n")


def test_ids_stay_where_they_are_good_and_follow_the_place_where_not(tmp_path):
    notebook = new_notebook(cells=[new_markdown_cell(str(n)) for n in range(5)])
    for cell, identifier in zip(
        notebook.cells, ["kept", "kept", "no id!", "cell-02", ""], strict=True
    ):
        cell["id"] = identifier
    path = tmp_path / "ids.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    ids = [cell.id for cell in read(path).cells]
    assert ids == ["kept", "cell-02-new", "cell-03", "cell-02", "cell-05"]


def test_a_name_that_is_no_notebook_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "missing.ipynb")])
    assert "no such notebook" in capsys.readouterr().err
