"""The one script of all live figures, put together from the files beside this one."""

import functools
import json
from pathlib import Path

from attention_lib.book.palette import SERIES, WEIGHTINGS
from attention_lib.book.plots import KEY_STYLES
from attention_lib.book.plots_of_weightings import WEIGHTING_STYLES

__all__ = ["palette", "script", "script_of", "sources"]

HERE = Path(__file__).parent
FIRST_FILES = ("numbers.js", "parts.js", "controls.js", "page.js")
# The first four are those of keys.
INKS = tuple(dict.fromkeys([*SERIES, *WEIGHTINGS.values()]))
DASHES = {"-": "", "--": "6 3", "-.": "7 3 2 3", ":": "2 3"}
# Where a figure stands on a dark page: the site's, JupyterLab's, or none of the book's.
DARK = ('html[data-theme="dark"] .aw', '[data-jp-theme-light="false"] .aw')
ALONE = "html:not([data-theme]) body:not([data-jp-theme-light]) .aw"

# The first one on a page starts the figures; in a notebook, others start what is new.
WHOLE = """(function () {{
"use strict";
if (window.AttentionFigures) return window.AttentionFigures.start();
const STYLES = {styles};
const KEYS = {keys};
const SHEET = {sheet};
{sources}
document.head.append(make("style", {{}}, SHEET));
window.AttentionFigures = {{ start, numbers: NUMBERS, shown }};
start();
}})();"""


@functools.cache
def script():
    """Give the script that every live figure carries.

    Returns
    -------
    str
        JavaScript, a classic script: it loads nothing, and does nothing twice.
    """
    return script_of(path.read_text("utf-8") for path in sources())


def sources():
    """Give the files, in their order: what kinds share, then each kind."""
    return [*(HERE / name for name in FIRST_FILES), *sorted(HERE.glob("kinds/*.js"))]


def script_of(texts):
    """Put the texts of files together, without comments, indents and empty lines."""
    styles = {name: _as_drawn(style) for name, style in WEIGHTING_STYLES.items()}
    return WHOLE.format(
        styles=json.dumps(styles, ensure_ascii=False),
        keys=json.dumps([_as_drawn(style) for style in KEY_STYLES]),
        sheet=json.dumps(palette() + _without_space(_style_sheet())),
        sources="\n".join(_without_space(text) for text in texts),
    )


def palette():
    """Give the colours of the plots as variables of CSS, paler where it is dark."""
    light, dark = (
        " ".join(f"--aw-{i}: {getattr(ink, shade)};" for i, ink in enumerate(INKS))
        for shade in ("light", "dark")
    )
    inks = [f".aw-ink-{i} {{ --ink: var(--aw-{i}); }}" for i in range(len(INKS))]
    alone = f"{ALONE} {{ {dark} background: #14171c; color: #e6e6e6; padding: 1rem; }}"
    return "\n".join(
        [
            f".aw {{ {light} }}",
            f"{', '.join(DARK)} {{ {dark} }}",
            f"@media (prefers-color-scheme: dark) {{ {alone} }}",
            *inks,
            "",
        ]
    )


def _as_drawn(style):
    """Give the place of a style's colour, its dashes, and its mark."""
    ink = [ink.light for ink in INKS].index(style["color"])
    return {
        "ink": ink,
        "dash": DASHES[style["linestyle"]],
        "form": style["marker"],
    }


def _style_sheet():
    return (HERE / "live.css").read_text("utf-8")


def _without_space(text):
    """Leave out what no browser reads. Comments have lines of their own."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
