"""A table by hand: names and words are escaped, cells are HTML already."""

from attention_lib.book import tables


def test_a_table_names_its_rows_and_columns():
    rows = [("a & b", ["<td>1</td>", "<td>2</td>"])]
    assert tables.table("kind", "map", ["x", "y < z"], rows) == (
        '<table class="kind">\n<thead><tr><th scope="col">map</th>'
        '<th scope="col">x</th><th scope="col">y &lt; z</th></tr></thead>\n<tbody>\n'
        '<tr><th scope="row">a &amp; b</th><td>1</td><td>2</td></tr>\n'
        "</tbody>\n</table>\n"
    )


def test_what_names_stand_for_is_folded():
    assert tables.spelt_out("What?", [("x", "1 < 2")]) == (
        '<details class="laws-said"><summary>What?</summary>\n'
        "<dl>\n<dt>x</dt><dd>1 &lt; 2</dd>\n</dl>\n</details>"
    )
