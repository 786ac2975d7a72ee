"""The script of the live figures, run by a small engine without a page."""

import json
import math

import quickjs

from attention_lib.book.live import script

# As much of a page as the script asks for before there is a figure.
NO_PAGE = """
var window = globalThis, console = {error() {}};
var document = {
  querySelectorAll: () => [], head: {append() {}},
  createElement: () => ({setAttribute() {}, append() {}}),
};
const kept = (_, x) => typeof x === "number" && !isFinite(x) ? String(x) : x;
"""


class Engine:
    """A run of the script, whose functions can be called."""

    def __init__(self, text=None):
        self.context = quickjs.Context()
        self.context.eval(NO_PAGE)
        self.context.eval(text or script())

    def call(self, name, *arguments):
        """Give what a function of the numbers returns, as Python's own kinds."""
        # As JavaScript, the JSON of Python has names for all that JSON lacks.
        given = ", ".join(json.dumps(argument) for argument in arguments)
        called = f"AttentionFigures.numbers.{name}({given})"
        return _read(json.loads(self.context.eval(f"JSON.stringify({called}, kept)")))

    def shown(self, number, digits):
        """Give a number as the figures write it."""
        given = json.dumps(number)
        return self.context.eval(f"AttentionFigures.shown({given}, {digits})")


def _read(found):
    """Give numbers for the texts that stand for those which JSON lacks."""
    if isinstance(found, list):
        return [_read(each) for each in found]
    if isinstance(found, dict):
        return {name: _read(each) for name, each in found.items()}
    return math.nan if found is None else float(found)
