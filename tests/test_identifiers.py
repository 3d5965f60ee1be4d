from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.identifiers import (
    IssueReference,
    SectionId,
    article_id,
    edition_key,
    is_article_id,
    is_name,
    issue_id,
    parse_issue_reference,
    tag_uri,
)


@pytest.mark.parametrize("text", ["55", "055", " 55 "])
def test_issue_is_named_by_its_number(text: str) -> None:
    assert parse_issue_reference(text) == IssueReference(number=55, year=None)


def test_issue_is_named_by_year_and_number() -> None:
    assert parse_issue_reference("2015-055") == IssueReference(number=55, year=2015)


@pytest.mark.parametrize("text", ["", "五十五", "2015-", "-55", "55a", "２０１５-055", "../055", "2015-055-a01"])
def test_anything_else_names_no_issue(text: str) -> None:
    assert parse_issue_reference(text) is None


@given(st.integers(1000, 9999), st.integers(1, 999_999))
def test_issue_id_reads_back(year: int, number: int) -> None:
    text = issue_id(year, number)

    assert parse_issue_reference(text) == IssueReference(number=number, year=year)


def test_article_id_carries_its_issue() -> None:
    assert article_id(issue_id(2015, 55), 4) == "2015-055-a04"
    assert is_article_id("2015-055-a04")


@pytest.mark.parametrize("text", ["a04", "2015-055", "2015-055-", "2015-055-A04", "2015-055-a04 ", "2015-055-../x"])
def test_article_id_has_one_form(text: str) -> None:
    assert not is_article_id(text)


@pytest.mark.parametrize(
    ("text", "usable"), [("members", True), ("a-b_2", True), ("会员", False), ("A", False), ("", False)]
)
def test_names_in_the_config_are_plain(text: str, usable: bool) -> None:
    assert is_name(text) is usable


def test_edition_key_keeps_the_reading_order() -> None:
    assert edition_key([SectionId("policy"), SectionId("market")]) == "policy+market"


def test_feed_id_is_a_tag_uri() -> None:
    tag = tag_uri(authority="News.Example.com", founded=date(2015, 1, 1), specific="2015-055-a04")

    assert tag == "tag:news.example.com,2015-01-01:2015-055-a04"
