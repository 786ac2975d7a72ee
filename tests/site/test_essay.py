"""The page of the essay shows all of it, and leads from each claim to its card."""

import re

from attention_lib.book.essay import chinese, pieces

QUOTED = [piece for piece in pieces() if piece.chinese]
CHINESE = "[lang=zh-CN]"


def test_the_page_has_every_piece_in_its_order(pages):
    text = pages["essay.html"].article.get_text()
    place = 0
    for piece in pieces():
        for words in filter(None, (piece.chinese, piece.english)):
            place = text.index(words, place) + len(words)


def test_each_sentence_leads_to_its_card_where_verdict_and_words_are_the_same(pages):
    sentences = pages["essay.html"].select(".essay-sentence")
    decided = set()
    for piece, sentence in zip(QUOTED, sentences, strict=True):
        decision = sentence.select_one(".essay-decision")
        assert re.match(rf"Claim {piece.number}\b", decision.text)
        if (link := decision.a) is None:
            assert decision.text.endswith(": not yet decided")
            continue
        page, anchor = link["href"].split("#")
        card = pages[page].find(id=anchor)
        assert card.select_one(".verdict").text == decision.select_one(".verdict").text
        assert (
            card.select_one(".claim-number").text
            == f"Claim {piece.number} of the essay"
        )
        if piece.kind == "claim":
            assert card.select_one(CHINESE).text == piece.chinese
            assert (
                sentence.select("p")[1].text in card.select_one(".claim-sentence").text
            )
            decided.add(piece.number)
    shown = {
        card["id"].removeprefix("claim-")
        for page in pages.values()
        for card in page.select(".claim-card:has([lang=zh-CN])")
    }
    assert decided == shown


def test_all_chinese_on_the_site_says_that_it_is(pages):
    for name, page in pages.items():
        for text in page.find_all(string=chinese):
            assert text.find_parent(lang="zh-CN"), f"{name}: {text}"
            assert not text.parent.select("a"), f"{name}: a link of ours in {text}"


def test_every_page_says_that_the_quoted_words_are_under_no_licence_of_ours(pages):
    for name, page in pages.items():
        said = " ".join(footer.text for footer in page.select("footer"))
        assert "quoted words are under neither licence" in said, name
