"""What the tables of the book share in HTML: named rows and columns, spelt out."""

from html import escape

__all__ = ["spelt_out", "table"]


def table(kind, corner, columns, rows, *, caption=""):
    """Give a table whose rows and columns have names.

    Parameters
    ----------
    kind : str
        Its class, for the styles.
    corner : str
        What the rows are.
    columns : iterable of str
        Names.
    rows : iterable of (str, iterable of str)
        Names, with the cells as HTML.
    caption : str, optional
        What it shows, written above it.

    Returns
    -------
    str
        HTML.
    """
    names = (corner, *columns)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'
        for name, cells in rows
    )
    above = f"<caption>{escape(caption)}</caption>\n" if caption else ""
    return (
        f'<table class="{kind}">\n{above}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>\n"
    )


def spelt_out(summary, said):
    """Give what names stand for, folded below a summary.

    Parameters
    ----------
    summary : str
        What is seen at first.
    said : iterable of (str, str)
        Names, and what each one stands for.

    Returns
    -------
    str
        HTML.
    """
    each = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in said
    )
    return (
        f'<details class="laws-said"><summary>{escape(summary)}</summary>\n'
        f"<dl>\n{each}\n</dl>\n</details>"
    )
