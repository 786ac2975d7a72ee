"""Cures for faults of the theme and of the extensions around it.

The small templates beside this file cure those of the theme's own components.
"""

import functools
import re
import shutil
from pathlib import Path

__all__ = ["setup"]

TEMPLATES = Path(__file__).with_name("templates")

REPAIRS = {
    # A folded cell: the label would hide the visible "Show code".
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # A list of works: a role that browsers dropped, in a list that is none.
    ' role="doc-biblioentry"': "",
    '<div role="list" class="citation-list">': '<div class="citation-list">',
}
LONG_SIGNATURE = re.compile(r'<dl>\s*(<dd><em class="sig-param.*?)</dl>', re.DOTALL)


def add_templates(app, config):
    """Look for templates here before asking the theme."""
    config.templates_path.insert(0, str(TEMPLATES))


def disconnect_thebe(app):
    """Leave out Thebe, which Jupyter Book always loads: it names a CDN's script."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener
            for listener in listeners
            if not listener.handler.__module__.startswith("sphinx_thebe")
        ]


def remove_thebe_styles(app, pagename, templatename, context, doctree):
    """Drop the link to Thebe's style sheet, which is not there any more."""
    context["css_files"] = [
        sheet for sheet in context["css_files"] if "thebe" not in str(sheet.filename)
    ]


def repair_body(app, pagename, templatename, context, doctree):
    """Take out attributes that mislead those who hear a page."""
    body = context.get("body")
    if body is None:
        return
    for wrong, right in REPAIRS.items():
        body = body.replace(wrong, right)
    context["body"] = LONG_SIGNATURE.sub(lines_of_signature, body)


def lines_of_signature(found):
    """Give a parameter a line without the list of definitions that defines none."""
    lines = found[1].replace("<dd>", '<span class="sig-line">')
    return lines.replace("</dd>", "</span>")


def name_the_toggles(app, pagename, templatename, context, doctree):
    """Give the arrows that open a part of the contents a name that can be heard."""
    generate = context.get("generate_toctree_html")
    if generate is None:
        return

    @functools.wraps(generate)
    def named(*args, **options):
        contents = generate(*args, **options)
        for toggle in contents.select("li > details > summary"):
            toggle["aria-label"] = f"Pages of {toggle.find_previous('a').text}"
        return contents

    context["generate_toctree_html"] = named


def open_at_the_landing_page(app, error):
    """Make index.html the landing page itself, where there would be a redirection."""
    if error is None and app.builder.name == "html":
        landing = Path(app.outdir, f"{app.config.root_doc}.html")
        shutil.copyfile(landing, landing.with_name("index.html"))


def setup(app):
    """Connect to Sphinx."""
    disconnect_thebe(app)
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", remove_thebe_styles)
    app.connect("html-page-context", repair_body)
    app.connect("html-page-context", name_the_toggles, priority=900)
    app.connect("build-finished", open_at_the_landing_page, priority=400)
