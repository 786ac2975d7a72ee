"""The book's own Sphinx extension: what its theme and its host need."""

import gc
import importlib
import sys

PARTS = (
    "anchors",
    "bibliography",
    "descriptions",
    "essay",
    "glossary",
    "hosting",
    "names",
    "numbers",
    "pictures",
    "search",
    "tables",
    "theme",
    "timings",
)


def setup(app):
    """Connect all parts; `_config.yml` loads this last, after what it changes."""
    # The API page shows this checkout, whatever else is installed.
    sys.path.insert(0, str(app.srcdir))
    for part in PARTS:
        importlib.import_module(f"{__name__}.{part}").setup(app)
    # A build makes millions of nodes that live to its end: to look among them for what
    # nothing needs any more would take a fifth of its time.
    gc.disable()
    app.connect("build-finished", lambda *_: gc.enable())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
