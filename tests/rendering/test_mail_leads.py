import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.model import Body, Prose
from distributor.rendering.leads import ELLIPSIS, cut_at_sentence, cut_safely, ends_a_sentence, lead_text, opening
from tests.rendering.publications import CHART, TABLE, article, heading, paragraph

CLAUSES = st.text("甲乙丙丁，、0123456789.%AB万", min_size=1, max_size=24)
ENDS = st.sampled_from(["。", "！", "？", "……", "？！", "。”", "！》", "。）"])
SENTENCE = st.builds(lambda clause, end: clause + end, CLAUSES, ENDS)
PARAGRAPHS = st.lists(SENTENCE, min_size=1, max_size=30).map("".join)


def test_short_text_is_left_alone() -> None:
    assert cut_at_sentence("没有句号的短句", 120) == "没有句号的短句"


def test_cut_falls_behind_the_last_sentence_in_reach() -> None:
    assert cut_at_sentence("一二三四五。六七八九十。" + "长" * 30 + "。", 14) == "一二三四五。六七八九十。"


def test_closing_quote_belongs_to_its_sentence() -> None:
    assert cut_at_sentence("他说：“好，就这样。”" + "长" * 30 + "。", 12) == "他说：“好，就这样。”"


def test_sentence_inside_an_open_quote_is_no_place_to_stop() -> None:
    text = "先说结论。他讲：“第一句完。第二句也完。”后面还有很多很多很多很多话。"

    assert cut_at_sentence(text, 16) == "先说结论。他讲：“第一句完。第二句也完。”"


def test_one_more_sentence_is_let_end_when_the_first_ends_too_early() -> None:
    assert cut_at_sentence("好！" + "长" * 20 + "。后面", 20) == "好！" + "长" * 20 + "。"


def test_semicolon_serves_only_where_no_sentence_ends() -> None:
    assert cut_at_sentence("一二三四五六；" + "长" * 40, 10) == "一二三四五六；"
    assert cut_at_sentence("一二三四五六七。八九十；" + "长" * 40, 12) == "一二三四五六七。"


@pytest.mark.parametrize(
    ("text", "wish", "cut"),
    [
        ("读数为3.14159265358979和别的一些内容", 10, "读数为……"),
        ("成交额达到1,234,567.89元以及其他", 12, "成交额达到……"),
        ("参与方包括International组织等等", 10, "参与方包括……"),
        ("家庭👨\u200d👩\u200d👧\u200d👦出行的一些数字和说明", 6, "家庭……"),
        ("e\u0301" * 9, 6, "e\u0301" * 2 + "……"),
        ("旗🇨🇳🇩🇪🇫🇷🇧🇷都在这里飘着", 6, "旗🇨🇳……"),
        ("点赞👍🏽" * 5, 5, "点赞……"),
    ],
)
def test_unbroken_text_is_cut_at_a_safe_place(text: str, wish: int, cut: str) -> None:
    assert cut_at_sentence(text, wish) == cut


def test_latin_sentence_ends_at_a_full_stop_before_a_blank() -> None:
    assert cut_at_sentence("It rose by 3.5 percent. " + "And so on " * 9, 30) == "It rose by 3.5 percent."


@given(PARAGRAPHS, st.integers(1, 200))
def test_a_cut_text_stops_where_a_sentence_does_or_says_that_it_goes_on(text: str, wish: int) -> None:
    cut = cut_at_sentence(text, wish)

    assert cut == text or ends_a_sentence(cut)
    assert text.startswith((cut, cut.removesuffix(ELLIPSIS)))


@given(PARAGRAPHS, st.integers(1, 200))
def test_a_cut_is_never_much_longer_than_asked(text: str, wish: int) -> None:
    # 24: a number at the very beginning is kept whole
    assert len(cut_at_sentence(text, wish)) <= max(1.75 * wish, wish + len(ELLIPSIS) + 24)


@given(st.text(), st.integers(1, 60))
def test_a_safe_cut_splits_no_character_and_no_number(text: str, wish: int) -> None:
    kept = cut_safely(text, wish).removesuffix(ELLIPSIS)
    rest = text[len(kept) :]

    assert text.startswith(kept)
    assert not (kept and rest) or unicodedata.category(rest[0]) not in {"Mn", "Me", "Mc"}
    assert not (kept[-1:].isascii() and kept[-1:].isdigit() and rest[:1].isascii() and rest[:1].isdigit())


def test_summary_is_the_lead_where_there_is_one() -> None:
    assert lead_text(article(summary="编辑写的提要")) == "编辑写的提要"


def test_lead_is_whole_paragraphs_up_to_a_sentence() -> None:
    body = Body(blocks=(heading("小标题"), paragraph("第一段。" * 10), CHART, TABLE, paragraph("第二段。" * 40)))

    assert opening(article(body=body), 100) == ("第一段。" * 10, "第二段。" * 15)


def test_lead_has_no_addresses_of_links() -> None:
    linked = Prose(
        kind="paragraph", html='<p>见<a href="https://example.org/">公告</a>。</p>', text="见公告 (https://…)。"
    )

    assert lead_text(article(body=Body(blocks=(linked,)))) == "见公告。"


def test_introduction_to_a_list_is_no_place_to_stop() -> None:
    body = Body(blocks=(paragraph("一句完整的话。" * 5), paragraph("要点如下："), paragraph("长" * 300)))

    assert opening(article(body=body), 80) == ("一句完整的话。" * 5,)


def test_lone_introduction_says_that_it_goes_on() -> None:
    assert opening(article(body=Body(blocks=(paragraph("要点如下："),))), 80) == ("要点如下……",)


def test_list_serves_where_there_is_no_paragraph() -> None:
    items = Prose(kind="list", html="<ul>\n<li>甲项。</li>\n<li>乙项。</li>\n</ul>", text="- 甲项。\n- 乙项。")

    assert lead_text(article(body=Body(blocks=(items,)))) == "甲项。 乙项。"


@pytest.mark.parametrize("characters", [0, 120])
def test_empty_body_has_no_lead(characters: int) -> None:
    assert opening(article(body=Body()), characters) == ()
    assert lead_text(article(body=Body()), characters) == ""
