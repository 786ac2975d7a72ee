"""The table of laws as the book shows it: full, as expected, with words and reasons."""

import html.parser

from attention_lib.book.law_table import WEIGHTINGS, LawTable, label, law_table, table
from attention_lib.book.laws import LAWS
from tests.law_verdicts import CELLS, EXPECTED


def test_the_table_has_no_empty_cell_and_says_what_is_expected():
    cells = table()
    assert [(c.law, c.weighting, c.holds) for c in cells] == CELLS
    assert len(cells) == len(LAWS) * len(WEIGHTINGS)
    for cell in cells:
        assert (cell.witness is not None) == (cell.holds != cell.law.everywhere)


class Cells(html.parser.HTMLParser):
    """The cells of a table, with the attributes of their tags."""

    def __init__(self, text):
        super().__init__()
        self.found, self.tag = [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tag = (tag, dict(attrs))

    def handle_data(self, data):
        if self.tag and self.tag[0] in ("th", "td") and data.strip():
            self.found.append((*self.tag, data))


def test_the_table_is_shown_with_words_and_scopes():
    cells = Cells(law_table()._repr_html_()).found
    columns = [text for tag, a, text in cells if a.get("scope") == "col"]
    assert columns == ["weighting", *(law.name for law in LAWS)]
    rows = [text for tag, a, text in cells if a.get("scope") == "row"]
    assert rows == list(EXPECTED)
    verdicts = [
        (a["class"], text.removesuffix(", given n"))
        for tag, a, text in cells
        if tag == "td"
    ]
    shown = {True: ("holds", "✓ yes"), False: ("breaks", "✗ no")}
    assert verdicts == [shown[holds] for _, _, holds in CELLS]


def test_a_cell_says_where_a_rule_streams_only_if_it_is_given_the_number_of_keys():
    told = {(label(c.weighting), c.law.name) for c in table() if "given" in c.word}
    names = ("ScalableSoftmax", "ReLU(mean=True)", "Sigmoid(bias=-log n)")
    assert told == {(name, "streams here") for name in names}


def test_the_table_in_plain_text_has_the_same_verdicts():
    lines = repr(law_table()).splitlines()[len(LAWS) + 2 :]
    for line, (name, verdicts) in zip(lines, EXPECTED.items(), strict=True):
        assert line.startswith(name)
        words = ["yes" if holds else "no" for holds in verdicts]
        assert line.removeprefix(name).split() == words
    assert repr(LawTable([])).strip() == ""


def test_the_example_behind_a_verdict_is_told():
    cells = {(label(c.weighting), c.law.name): str(c) for c in table()}
    shift = cells["Sigmoid", "shift invariant"]
    assert shift.startswith("Sigmoid, shift invariant: no; on (1.0, 0.0), -3.0")
    held = cells["Softmax", "shift invariant"]
    assert held == "Softmax, shift invariant: yes; no case to the contrary is found"
