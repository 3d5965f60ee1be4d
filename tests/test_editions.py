from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.model import Article, Body, Issue
from distributor.editions import cut, every_edition, segment
from distributor.identifiers import ArticleId, SectionId, SectionSet, issue_id

SIX = tuple(SectionId(name) for name in ("market", "policy", "domestic", "international", "reading", "notice"))


def article(number: int, section: str) -> Article:
    return Article(
        id=ArticleId(f"2015-055-a{number:02d}"),
        title=f"第{number}篇",
        section=SectionId(section),
        path=f"content/2015-055/a{number:02d}.md",
        body=Body(),
    )


def issue(*sections: str) -> Issue:
    return Issue(
        id=issue_id(2015, 55),
        number=55,
        date=date(2015, 7, 10),
        status="ready",
        path="content/2015-055",
        articles=tuple(article(number, section) for number, section in enumerate(sections, start=1)),
        fingerprint="0",
    )


def chosen(*sections: str) -> SectionSet:
    return frozenset(SectionId(section) for section in sections)


section_sets = st.none() | st.frozensets(st.sampled_from(SIX))


def test_edition_holds_the_chosen_sections_in_reading_order() -> None:
    edition = cut(issue("market", "policy", "policy", "notice"), chosen("notice", "market"))

    assert edition is not None
    assert edition.key == "market+notice"
    assert [article.section for article in edition.articles] == ["market", "notice"]


def test_all_sections_is_the_whole_issue() -> None:
    edition = cut(issue("market", "policy"), None)

    assert edition is not None
    assert edition.key == "market+policy"


def test_section_that_the_issue_lacks_changes_no_edition() -> None:
    small = issue("market")

    assert cut(small, chosen("market", "policy")) == cut(small, chosen("market"))


def test_nothing_chosen_in_this_issue_is_no_edition() -> None:
    assert cut(issue("market"), chosen("policy")) is None


def test_segment_maps_each_set_to_its_edition() -> None:
    sets = [None, chosen("policy"), chosen("reading"), chosen("policy", "reading"), None]

    assert segment(issue("market", "policy"), sets) == {
        None: "market+policy",
        chosen("policy"): "policy",
        chosen("reading"): None,
        chosen("policy", "reading"): "policy",
    }


@pytest.mark.parametrize(("count", "editions"), [(1, 1), (2, 3), (6, 63)])
def test_n_sections_make_at_most_two_to_the_n_editions(count: int, editions: int) -> None:
    assert len({edition.key for edition in every_edition(issue(*SIX[:count]))}) == editions


@given(section_sets, st.lists(st.sampled_from(SIX), min_size=1, max_size=12))
def test_reader_gets_exactly_the_articles_of_their_sections(wanted: SectionSet, sections: list[SectionId]) -> None:
    whole = issue(*sections)

    edition = cut(whole, wanted)

    got = edition.articles if edition else ()
    assert got == tuple(entry for entry in whole.articles if wanted is None or entry.section in wanted)
