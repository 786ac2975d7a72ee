"""How docstrings are read: a name in backticks links to the object, if there is one.

NumPy's docstrings put parameters and functions alike between single backticks. Here
a public name of the library becomes a link, and everything else is shown as code.
"""

import functools
import inspect

from docutils import nodes
from sphinx import addnodes

__all__ = ["public_names", "setup"]


@functools.cache
def public_names():
    """Give every public name with its dotted address, modules' members included.

    Returns
    -------
    dict of str
        For example ``{"softmax": "attention_lib.softmax"}``.
    """
    import attention_lib
    from attention_lib import nn
    from attention_lib.weightings import kinds

    names = {name: f"attention_lib.{name}" for name in attention_lib.__all__}
    for name in attention_lib.__all__:
        module = getattr(attention_lib, name)
        if not inspect.ismodule(module):
            continue
        for inner in module.__all__:
            at_top = getattr(attention_lib, inner, None) is getattr(module, inner)
            path = inner if at_top else f"{name}.{inner}"
            names[f"{name}.{inner}"] = f"attention_lib.{path}"
    for name in nn.__all__:  # torch's modules, which `import attention_lib` leaves out
        names[name] = names[f"nn.{name}"] = f"attention_lib.nn.{name}"
    for name in kinds.__all__:  # what a weighting of one's own derives from
        names[name] = names[f"weightings.{name}"] = f"attention_lib.weightings.{name}"
    names["Stream"] = "attention_lib.weightings.streams.Stream"
    return names


def name_role(role, rawtext, text, lineno, inliner, options=None, content=None):
    """Read one name between backticks."""
    literal = nodes.literal(rawtext, text)
    target = public_names().get(text.removeprefix("attention_lib."))
    if target is None:
        return [literal], []
    reference = addnodes.pending_xref(
        rawtext,
        literal,
        refdomain="py",
        reftype="obj",
        reftarget=target,
        refexplicit=True,
        refdoc=inliner.document.settings.env.docname,
    )
    return [reference], []


def keep_quotes(app, docname, source):
    """Leave the quotes of docstrings straight: they are code, as in ``"auto"``."""
    app.config.smartquotes_action = "D" if docname.startswith("api") else "qDe"


def setup(app):
    """Register the role that `_config.yml` makes the default."""
    app.add_role("name", name_role)
    app.connect("source-read", keep_quotes)
