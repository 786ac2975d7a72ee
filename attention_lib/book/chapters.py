"""The number of a chapter, which is in the name of its file and nowhere else."""

import re

__all__ = ["chapter_number"]


def chapter_number(path):
    """Give the number of a page of the book, or None where it is no chapter.

    A chapter that is too long for one page has others, with a letter.

    >>> chapter_number("chapters/02_normalization")
    '2'
    >>> chapter_number("02b_probabilities.ipynb")
    '2b'
    >>> chapter_number("chapters/glossary")
    """
    found = re.match(r"0*(\d+[a-z]?)_", path.rpartition("/")[2])
    return found and found[1]
