"""Figures that answer: their script, and what carries one into a page or a notebook.

The script computes what a reader changes. All else, and what stands there where no
script runs, comes from `attention_lib`. Each file in ``kinds`` is one kind of figure;
the module here of the same name makes it from what it shows.
"""

from attention_lib.book.live.script import script
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["Widget", "script", "shown", "still"]
