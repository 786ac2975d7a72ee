"""The directive of the page *The essay*: its claims in order, with their verdicts."""

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

__all__ = ["setup"]

# docutils makes the attribute `lang` of such a class.
CHINESE = "language-zh-CN"


class Essay(SphinxDirective):
    """The essay: its claims in its own words, and the rest in our English."""

    def run(self):
        """Give what opens the essay, then a section for each of its headings."""
        from attention_lib.book.essay import PIECES, pieces

        self.env.note_dependency(str(PIECES))
        above = [nodes.container()]
        for piece in pieces():
            if piece.kind == "heading":
                number, _, _ = piece.english.partition(" ")
                depth = 2 if number[-1].isdigit() else 1  # "2.1" is below "2."
                section = self.section(piece.english)
                del above[depth:]
                above[-1] += section
                above.append(section)
            elif piece.kind == "framing":
                above[-1] += nodes.paragraph("", piece.english, classes=["essay-frame"])
            else:
                above[-1] += self.sentence(piece)
        return above[0].children

    def section(self, title):
        """Give a section that links and the list of contents can find."""
        section = nodes.section("", nodes.title("", title), names=[title])
        self.state.document.note_implicit_target(section, section)
        return section

    def sentence(self, piece):
        """Give a sentence in Chinese and in English, and what is decided of it."""
        from attention_lib.book.claims import LEDGER

        claim = {c.number: c for c in LEDGER}.get(piece.number)
        holder = nodes.container(classes=["essay-sentence"])
        holder += nodes.paragraph("", piece.chinese, classes=["essay-words", CHINESE])
        holder += nodes.paragraph("", piece.english or claim.sentence)
        holder += self.decision(piece, claim)
        return holder

    def decision(self, piece, claim):
        """Give the verdict on a claim and a link to its card, where it has them."""
        again = ", again" if piece.kind == "repeats" else ""
        name = f"Claim {piece.number}{again}"
        line = nodes.paragraph(classes=["essay-decision"])
        if claim is None:
            line += nodes.Text(f"{name}: not yet decided")
            return line
        from attention_lib.book.cards import badge, place_of

        chapter, anchor = place_of(claim)
        relative = self.env.app.builder.get_relative_uri
        page = relative(self.env.docname, f"chapters/{chapter}")
        line += nodes.reference("", name, refuri=f"{page}#{anchor}", internal=True)
        line += nodes.Text(" ")
        line += nodes.raw("", badge(claim), format="html")
        return line


def setup(app):
    """Register the directive."""
    app.add_directive("essay", Essay)
