import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.config.model import Section
from distributor.identifiers import SectionId, SectionSet
from distributor.subscribers.preferences import SectionNames, parse_form, parse_sections, parse_set_key, set_key
from tests.subscribers.builders import EVERY_NAME, SECTIONS, chosen

SEPARATORS = ["、", "，", ",", "；", ";", "|", "｜", "/", "／", " ", "\u3000", "\xa0", "\n", "， ", " | "]


@pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
def test_sections_are_parted_by_any_usual_separator(separator: str) -> None:
    choice = parse_sections(f"市场热点{separator}notice", SECTIONS)

    assert choice.sections == chosen("market", "notice")
    assert choice.unknown == ()


@pytest.mark.parametrize("text", ["", "  ", "\u3000", "全部", "全部栏目", "ALL", "ａｌｌ", "*", "、", "市场热点、全部"])
def test_nothing_or_the_word_all_means_every_section(text: str) -> None:
    choice = parse_sections(text, SECTIONS)

    assert choice.sections is None
    assert choice.unknown == ()


@pytest.mark.parametrize(
    "text", ["market", "MARKET", "ｍａｒｋｅｔ", " 市场热点 ", "市场热点\u200b", "\ufeff市场热点", "market,market"]
)
def test_case_width_and_invisible_characters_do_not_matter(text: str) -> None:
    assert parse_sections(text, SECTIONS).sections == chosen("market")


def test_naming_all_six_is_not_all() -> None:
    text = "、".join(section.title for section in SECTIONS)

    assert parse_sections(text, SECTIONS).sections == EVERY_NAME


def test_title_that_holds_a_separator_is_one_section() -> None:
    sections = [Section(id=SectionId("news"), title="碳市场/能源 周报"), Section(id=SectionId("law"), title="法规")]

    assert parse_sections("碳市场/能源 周报、法规", sections).sections == chosen("news", "law")


def test_id_wins_over_a_title_of_the_same_words() -> None:
    sections = [Section(id=SectionId("a"), title="b"), Section(id=SectionId("b"), title="c")]

    assert parse_sections("b", sections).sections == chosen("b")


def test_unknown_section_is_named_with_the_nearest_and_the_known_ones() -> None:
    names = SectionNames(SECTIONS)

    unknown = names.choose("政策焦点、market").unknown
    what, remedy = names.fault(unknown)

    assert unknown == ("政策焦点",)
    assert "政策焦点" in what.zh
    assert "是不是“政策聚焦”" in remedy.zh
    assert "行业公告（notice）" in remedy.zh


def test_unknown_section_without_a_near_one_lists_the_known() -> None:
    _, remedy = SectionNames(SECTIONS).fault(["zzzz"])

    assert "是不是" not in remedy.zh
    assert "market" in remedy.en


def test_unticked_form_asks_instead_of_meaning_all() -> None:
    assert parse_form([], SECTIONS) is None
    assert parse_form(["", " "], SECTIONS) is None


def test_ticked_form_is_read_like_a_cell() -> None:
    choice = parse_form(["market", "policy"], SECTIONS)

    assert choice is not None
    assert choice.sections == chosen("market", "policy")


def test_forged_form_value_is_unknown() -> None:
    choice = parse_form(["market", "secret"], SECTIONS)

    assert choice is not None
    assert choice.unknown == ("secret",)


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        pytest.param(None, "*", id="all"),
        pytest.param(chosen("policy", "market"), "market+policy", id="alphabetical"),
        pytest.param(chosen("policy"), "policy", id="one"),
        pytest.param(EVERY_NAME, "domestic+market+notice+policy+reading+world", id="every name is not all"),
    ],
)
def test_stored_form_of_a_choice(sections: SectionSet, key: str) -> None:
    assert set_key(sections) == key
    assert parse_set_key(key) == sections


def test_section_dropped_from_the_config_stays_in_the_stored_choice() -> None:
    assert parse_set_key("market+weather") == chosen("market", "weather")


def test_choosing_nothing_cannot_be_stored() -> None:
    with pytest.raises(ValueError, match="no choice"):
        set_key(frozenset())


@given(st.frozensets(st.sampled_from(sorted(EVERY_NAME)), min_size=1), st.sampled_from(SEPARATORS), st.randoms())
def test_every_choice_survives_a_cell_and_the_database(
    names: frozenset[SectionId], separator: str, random: object
) -> None:
    titles = {section.id: section.title for section in SECTIONS}
    cell = separator.join(random.choice((name, titles[name])) for name in names)  # type: ignore[attr-defined]

    choice = parse_sections(cell, SECTIONS)

    assert choice.sections == names
    assert parse_set_key(set_key(choice.sections)) == names


@given(st.text())
def test_no_text_crashes_the_reading(text: str) -> None:
    choice = parse_sections(text, SECTIONS)

    assert choice.sections is None or choice.sections <= EVERY_NAME
