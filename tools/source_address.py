"""Where the book's source is published, if anywhere: ``[project.urls] Source``.

What installs or opens the book from elsewhere hangs on it: the hidden first cell of
the chapters, the Colab button and what the README says. A name on a package index is
no address: whoever registers it would decide what readers run.
"""

import tomllib
from pathlib import Path

__all__ = ["source_address"]

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def source_address():
    """Give the address of the repository, or None while `pyproject.toml` has none."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    return project.get("urls", {}).get("Source")
