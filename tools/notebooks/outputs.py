"""Outputs of a cell: merge its streams, and compare a saved with a fresh run."""

from collections.abc import Sequence

import nbformat
from nbformat import NotebookNode

from tools.notebooks.pictures import compare_pictures
from tools.notebooks.printed_text import FLOAT, Tolerance, compare_texts


def merged_streams(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return outputs with all that a stream printed in its first place.

    How often a kernel flushes depends on the clock, so the pieces do not count.
    """
    merged: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        if output.output_type != "stream":
            merged.append(output)
        elif output.name in streams:
            streams[output.name].text += output.text
        else:
            streams[output.name] = nbformat.from_dict(dict(output))
            merged.append(streams[output.name])
    return merged


def kind(output: NotebookNode) -> str:
    """Return in words what sort of output this is, to name it in a message."""
    if output.output_type == "stream":
        return f"text on {output.name}"
    if output.output_type == "error":
        return f"an error, {output.ename}"
    return " + ".join(sorted(output.data)) or "nothing"


def compare_outputs(
    saved: Sequence[NotebookNode],
    fresh: Sequence[NotebookNode],
    tolerance: Tolerance = FLOAT,
) -> list[str]:
    """Return how the fresh outputs of a cell differ from the saved ones."""
    saved, fresh = merged_streams(saved), merged_streams(fresh)
    old, new = [kind(each) for each in saved], [kind(each) for each in fresh]
    if old != new:
        return [f"saved {_listed(old)}, now {_listed(new)}"]
    complaints = []
    for a, b in zip(saved, fresh, strict=True):
        if a.output_type == "stream":
            pairs = {a.name: (a.text, b.text)}
        elif a.output_type == "error":
            pairs = {"error": (a.evalue, b.evalue)}
        else:
            pairs = {mime: (a.data[mime], b.data[mime]) for mime in a.data}
            if a.metadata != b.metadata:
                complaints.append(f"saved with {a.metadata}, now with {b.metadata}")
        for name, (left, right) in pairs.items():
            difference = _compare(name, left, right, tolerance)
            if difference:
                complaints.append(f"{name}: {difference}")
    return complaints


def _compare(name: str, saved: object, fresh: object, tolerance: Tolerance):
    if name == "image/png":
        return compare_pictures(saved, fresh)
    if isinstance(saved, str) and isinstance(fresh, str):
        return compare_texts(saved, fresh, tolerance)
    return None if saved == fresh else f"saved {saved!r}, now {fresh!r}"


def _listed(kinds: list[str]) -> str:
    return ", ".join(kinds) or "no output"
