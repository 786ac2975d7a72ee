"""The harness sees every change that would mislead a reader, and no other."""

import copy
from contextlib import suppress

import numpy as np
import pytest

import tests.notebooks.seeds_in_words  # noqa: F401  # lists its seeds
from tests.notebooks import seeds, seeds_in_outputs
from tests.notebooks.conftest import REAL_CHAPTER
from tools.notebooks.cells import code_cells, pictures
from tools.notebooks.outputs import compare_outputs
from tools.notebooks.pictures import decode
from tools.notebooks.plain_form import read, to_text
from tools.notebooks.printed_text import FLOAT, LAST_DIGIT
from tools.notebooks.rules import RULES


def broken_rules(notebook):
    return {rule.__name__ for rule in RULES if rule(notebook)}


def differences(saved, fresh):
    """Compare cell by cell, as after a fresh run that printed what `fresh` holds."""
    return [
        complaint
        for (_, old), (_, new) in zip(code_cells(saved), code_cells(fresh), strict=True)
        for complaint in compare_outputs(
            old.outputs,
            new.outputs,
            LAST_DIGIT if "last-digit" in old.metadata.get("tags", []) else FLOAT,
        )
    ]


def test_the_small_chapter_obeys_every_rule(small):
    assert broken_rules(small) == set()
    assert differences(small, small) == []


def is_refused(saved, spoilt, seed):
    """Tell whether what should refuse a change does."""
    if seed.refused_by == seeds.COMPARISON:
        return bool(differences(spoilt, saved))
    (rule,) = (rule for rule in RULES if rule.__name__ == seed.refused_by)
    return bool(rule(spoilt))


@pytest.mark.parametrize("seed", seeds.SEEDS, ids=str)
def test_a_change_of_the_small_chapter_is_refused(small, seed):
    assert is_refused(small, seed.spoil(small), seed)


@pytest.mark.parametrize("path", REAL_CHAPTER, ids=lambda path: path.stem)
def test_a_change_of_a_real_chapter_is_refused(path):
    chapter = read(path)
    changes = 0
    for seed in seeds.SEEDS:
        with suppress(seeds.NotHere):
            spoilt = seed.spoil(chapter)
            assert is_refused(chapter, spoilt, seed), seed
            changes += 1
    assert changes > 40


def spoil_cell_by_cell(small, other):
    """Spoil each cell above the exercises in its own way; return their names."""
    cells = [cell for _, cell in code_cells(small)]
    setup, numbers, result, noisy, _, check, heat_map, line, *_ = cells
    numbers.outputs[0].text = numbers.outputs[0].text.replace("0.65900", "0.65901")
    result.outputs = []
    noisy.outputs[0].text = "0.6790\n"
    seeds_in_outputs.a_table_is_wrong(small)
    check.execution_count = None
    others = [cell for _, cell in code_cells(other)]
    heat_map.outputs = others[6].outputs
    line.outputs = others[7].outputs
    setup.outputs = [copy.deepcopy(numbers.outputs[0])]
    return {f"Cell {place}" for place in range(8)}


def add_noise(notebook):
    """Change what another processor would change."""
    _, numbers, result, noisy, table, _, heat_map, line, *_ = (
        cell for _, cell in code_cells(notebook)
    )
    value = float(result.outputs[0].data["text/plain"])
    result.outputs[0].data["text/plain"] = repr(value * (1 + 1e-9))
    text = numbers.outputs[0].text
    assert "0.09856589" in text
    numbers.outputs[0].text = text.replace("0.09856589", "0.0985659 ")
    assert noisy.outputs[0].text == "0.6590\n"
    noisy.outputs[0].text = "0.6591\n"
    html = table.outputs[0].data["text/html"]
    assert "0.659001" in html
    table.outputs[0].data["text/html"] = html.replace("0.659001", "0.6590011")
    random = np.random.default_rng(0)
    for cell in (heat_map, line):
        data = pictures(cell)[0].data
        pixels = decode(data["image/png"])
        data["image/png"] = seeds.encode(pixels + random.integers(-1, 2, pixels.shape))


def spoil_every_output(chapter):
    """Spoil what each cell of a real chapter shows; return the names of the spoilt."""
    spoilt = set()
    for place, (_, cell) in enumerate(code_cells(chapter)):
        for output in cell.outputs:
            spoilt.add(f"Cell {place}")
            if "image/png" in output.get("data", {}):
                pixels = decode(output.data["image/png"])
                output.data["image/png"] = seeds.encode(pixels[:, ::-1])
            elif output.output_type == "stream":
                output.text += "and so on\n"
            else:
                for mime in output.data:
                    output.data[mime] += " and so on"
    return spoilt


def test_strict_pytest_refuses_them_and_passes_noise(
    small, other, strict_run, tmp_path
):
    noise = copy.deepcopy(small)
    add_noise(noise)
    spoilt = spoil_cell_by_cell(small, other)
    small.cells[4].source = small.cells[4].source.replace("0.66", "0.61")
    notebooks = {"spoilt": small, "noise": noise}
    refused = {("spoilt", name) for name in spoilt}
    refused |= {
        ("spoilt", "every_cell_was_run_in_order"),
        ("spoilt", "numbers_in_prose_are_printed"),
    }
    for path in REAL_CHAPTER:
        notebooks["real"] = read(path)
        refused |= {("real", name) for name in spoil_every_output(notebooks["real"])}
    paths = []
    for name, notebook in notebooks.items():
        paths.append(tmp_path / f"{name}.ipynb")
        paths[-1].write_text(to_text(notebook), "utf-8")

    outcomes = strict_run(paths, tmp_path)

    of_cells = {
        (name, f"Cell {place}")
        for name, notebook in notebooks.items()
        for place, _ in enumerate(code_cells(notebook))
    }
    assert of_cells <= outcomes.keys()
    failed = {item for item, complaint in outcomes.items() if complaint}
    # The prose of the real one may no longer round from what its cells print.
    failed -= {item for item in failed - of_cells if item[0] == "real"}
    assert failed == refused
