"""Cut the essay into its pieces, and save what each one is and its digest.

python tools/essay_digests.py ESSAY

Run once, with the essay's text; the book needs only the digests. What the book quotes
(attention_lib/book/essay.toml) must stand in the essay, in that order. A numbered line
is a heading, and whatever else stands before or after a quotation frames it.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from attention_lib.book import essay  # noqa: E402

HEADING = re.compile(r"\d+\. ")


def cut(text, quotations):
    """Yield the name and the Chinese characters of each piece of a text.

    Parameters
    ----------
    text : str
        The essay.
    quotations : iterable of (str, str)
        Name and words of each quotation, in the order of the essay.

    Raises
    ------
    ValueError
        If a quotation does not stand after the one before it.
    """
    quotations = iter(quotations)
    name, words = next(quotations, ("", ""))
    for line in text.splitlines():
        rest = essay.chinese(line)
        if HEADING.match(line):
            yield "heading", rest
            continue
        while words and (quoted := essay.chinese(words)) in rest:
            before, _, rest = rest.partition(quoted)
            if before:
                yield "framing", before
            yield name, quoted
            name, words = next(quotations, ("", ""))
        if rest:
            yield "framing", rest
    if words:
        raise ValueError(f"the essay does not say, where it should, {name}: {words}")


def main(arguments):
    """Write the list of digests."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    text = Path(arguments[0]).read_text("utf-8")
    quotations = [(p.name, p.chinese) for p in essay.pieces() if p.chinese]
    lines = [
        json.dumps([name, essay.digest(words)]) for name, words in cut(text, quotations)
    ]
    essay.DIGESTS.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
