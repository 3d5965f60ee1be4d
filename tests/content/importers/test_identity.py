"""Number and date of a dropped document: from its name, else from above its first article, never guessed."""

import datetime as dt

import pytest

from distributor.content.importers.identity import Identity, identify
from distributor.errors import InputError
from tests.content.importers.stories import SECTIONS

DAY = dt.date(2015, 7, 24)
ARTICLE = "【市场热点】\n一篇文章\n发布日期：2015-7-20  来源：某网\n正文。\n"

NAMES = {
    "Chinese": "第57期 2015-07-24.docx",
    "Chinese date": "简报第57期（2015年7月24日）终稿2.docx",
    "date first": "2015年7月24日 第57期.docx",
    "digits run together": "57期20150724.docx",
    "issue's id": "2015-057 2015-07-24.docx",
    "dots": "No.57 2015.7.24.docx",
    "underlines": "2015_07_24 57期.docx",
    "full width": "２０１５年７月２４日　第５７期.docx",
    "year's number beside the whole": "2015年第27期（总第57期）2015-07-24.docx",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_says_number_and_date(name: str) -> None:
    assert identify(name, ARTICLE.encode(), SECTIONS) == Identity(number=57, date=DAY)


def test_a_masthead_says_what_the_name_does_not() -> None:
    content = f"节能简报\n总第57期\n2015年7月24日\n{ARTICLE}".encode()

    assert identify("终稿.txt", content, SECTIONS) == Identity(number=57, date=DAY)


def test_the_name_wins_over_a_masthead_copied_from_last_week() -> None:
    content = f"总第56期 2015年7月17日\n{ARTICLE}".encode()

    assert identify("第57期 2015-07-24.txt", content, SECTIONS) == Identity(number=57, date=DAY)


UNCLEAR = {
    "neither": ("终稿.txt", "期号、日期"),
    "no date": ("第57期.txt", "看不出日期"),
    "no number": ("2015-07-24.txt", "看不出期号"),
    "number zero": ("第0期 2015-07-24.txt", "看不出期号"),
    "a day that does not exist": ("第57期 2015-02-30.txt", "看不出日期"),
    "two years": ("2014-057 2015-07-24.txt", "2014 年"),
}


@pytest.mark.parametrize(("name", "why"), UNCLEAR.values(), ids=UNCLEAR.keys())
def test_what_is_unclear_is_asked_and_not_guessed(name: str, why: str) -> None:
    with pytest.raises(InputError) as refusal:
        identify(name, ARTICLE.encode(), SECTIONS)

    assert why in refusal.value.problems[0].what.zh


def test_the_date_of_an_article_is_not_the_issue_s() -> None:
    with pytest.raises(InputError, match="date"):
        identify("第57期.txt", ARTICLE.encode(), SECTIONS)
