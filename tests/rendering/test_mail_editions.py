"""All 63 editions of a big issue: size, contents, form, sameness of the two parts."""

import hashlib
import itertools
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from distributor.content.model import Issue
from distributor.editions import Edition, every_edition
from distributor.rendering.leads import ends_a_sentence
from distributor.rendering.mail import ADDRESS_ROOM, TOKEN_ROOM, render_edition, render_editions
from distributor.rendering.model import Rendition
from tests.rendering.mails import MARKS, XHTML, big_issue, headings, issue, parsed, press, visible_text, whole
from tests.rendering.publications import article

BUDGET = 95_000
LONGEST_TOKEN = "t" * TOKEN_ROOM
LONGEST_ADDRESS = "a" * ADDRESS_ROOM

MORE = re.compile('class="more"[^>]*><a href="([^"]+)"[^>]*>阅读全文：《(.+?)》<')
Pairs = list[tuple[Edition, Rendition]]


@pytest.fixture(scope="module")
def big() -> Issue:
    return big_issue()


@pytest.fixture(scope="module")
def fitted(big: Issue) -> Pairs:
    editions = every_edition(big)
    return list(zip(editions, render_editions(editions, press()), strict=True))


def replaced(content: str) -> str:
    return content.replace(MARKS.token, LONGEST_TOKEN).replace(MARKS.address, LONGEST_ADDRESS)


def paragraphs(html: str) -> list[list[str]]:
    """The paragraphs of each article that is cut, up to its link."""
    found = []
    for cell in parsed(html).iter(f"{XHTML}td"):
        texts = ["".join(one.itertext()) for one in cell.iter(f"{XHTML}p") if one.get("class") is None]
        if cell.get("class") == "article" and any(one.get("class") == "more" for one in cell.iter(f"{XHTML}p")):
            found.append(texts)
    return found


def test_there_are_63_editions(fitted: Pairs) -> None:
    assert len({rendition.edition for _, rendition in fitted}) == 63


def test_no_edition_exceeds_the_budget_for_any_reader(fitted: Pairs) -> None:
    sizes = [len(replaced(rendition.html).encode()) for _, rendition in fitted]

    assert max(sizes) <= BUDGET


def test_budget_is_used_where_articles_are_cut(fitted: Pairs) -> None:
    cut = [rendition for _, rendition in fitted if rendition.shortened]

    # At least one long article more would not fit: the longest saves some 13 KB, and what is left lengthens leads.
    assert len(cut) > 10
    assert min(rendition.html_bytes for rendition in cut) > BUDGET - 15_000


@pytest.mark.parametrize("limit", [20, 24, 35, 50, 72])
def test_smaller_budgets_are_kept_too(big: Issue, limit: int) -> None:
    rendition = render_edition(whole(big), press(max_html_kb=limit))

    assert len(replaced(rendition.html).encode()) <= limit * 1000


@pytest.mark.parametrize("limit", [25, 40])
def test_digests_keep_the_budget(big: Issue, limit: int) -> None:
    rendition = render_edition(whole(big), press(body="digest", max_html_kb=limit))

    assert len(replaced(rendition.html).encode()) <= limit * 1000


def test_every_article_of_an_edition_stands_in_it_once_and_no_other(fitted: Pairs, big: Issue) -> None:
    for edition, rendition in fitted:
        inside = [article.title for article in edition.articles]
        outside = [article.title for article in big.articles if article not in edition.articles]
        assert headings(rendition.html, 3) == inside
        assert not any(title in rendition.html + rendition.text + rendition.preheader for title in outside)


def test_longest_articles_give_way_and_short_ones_stay_whole(fitted: Pairs, big: Issue) -> None:
    _, rendition = fitted[-1]
    more = set(re.findall("阅读全文：《(.+?)》<", rendition.html))
    cut = [article.body.characters for article in big.articles if article.title in more]
    kept = [article.body.characters for article in big.articles if article.title not in more]

    assert len(cut) == rendition.shortened > 0
    assert min(cut) >= max(kept)


def test_every_lead_ends_at_a_sentence(fitted: Pairs) -> None:
    leads = [texts for _, rendition in fitted for texts in paragraphs(rendition.html)]

    assert leads
    assert all(ends_a_sentence(text) for texts in leads for text in texts)


def test_link_to_the_rest_leads_to_the_article_it_names(fitted: Pairs, big: Issue) -> None:
    ids = {article.title: article.id for article in big.articles}
    for _, rendition in fitted:
        for address, title in MORE.findall(rendition.html):
            assert address == f"https://news.example.com/articles/{ids[title]}.html"


def test_every_link_is_absolute(fitted: Pairs) -> None:
    for _, rendition in fitted:
        addresses = [found.get("href") for found in parsed(rendition.html).iter(f"{XHTML}a")]
        assert all(urlsplit(address).scheme in {"https", "http", "mailto"} for address in addresses)
        assert all(urlsplit(address).netloc for address in addresses)


def test_mail_is_html_that_a_strict_parser_takes(fitted: Pairs) -> None:
    for _, rendition in fitted:
        root = parsed(rendition.html)
        assert root.get("lang") == "zh-CN"
        assert root.findtext(f"{XHTML}head/{XHTML}title") == rendition.subject


def test_only_the_sheet_for_dark_mode_and_narrow_screens_is_kept(fitted: Pairs) -> None:
    for _, rendition in fitted:
        (sheet,) = parsed(rendition.html).iter(f"{XHTML}style")
        assert sheet.get("data-css-inline") == "keep"
        assert "prefers-color-scheme:dark" in sheet.text
        assert "max-width:480px" in sheet.text


def test_nothing_is_in_the_mail_that_clients_refuse(fitted: Pairs) -> None:
    for _, rendition in fitted:
        assert not re.search(r'<(script|form|link|iframe|input|svg)|="data:|var\(|javascript:|\son\w+=', rendition.html)


def test_layout_tables_say_that_they_are_no_data(fitted: Pairs) -> None:
    for _, rendition in fitted:
        for table in parsed(rendition.html).iter(f"{XHTML}table"):
            assert (table.get("role") == "presentation") is (table.get("class") != "grid")
            assert table.get("width")
            assert table.get("cellpadding") == table.get("cellspacing") == table.get("border") == "0"


def test_headings_never_skip_a_level(fitted: Pairs) -> None:
    for _, rendition in fitted:
        levels = [int(level) for level in re.findall(r"<h([1-6])", rendition.html)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_text_part_holds_all_that_the_html_part_holds(fitted: Pairs) -> None:
    for _, rendition in fitted[::7]:
        text = "".join(rendition.text.split())
        shown = {None, "meta", "caption"}
        for paragraph in (one for one in parsed(rendition.html).iter(f"{XHTML}p") if one.get("class") in shown):
            for piece in paragraph.itertext():
                assert "".join(piece.split()) in text
        for address in {found.get("href") for found in parsed(rendition.html).iter(f"{XHTML}a")}:
            assert address in rendition.text or "#" in address


def test_data_cells_stand_in_the_text_part_too(fitted: Pairs) -> None:
    _, rendition = fitted[0]
    grids = [table for table in parsed(rendition.html).iter(f"{XHTML}table") if table.get("class") == "grid"]

    cells = {"".join(cell.itertext()) for grid in grids for cell in grid.iter() if cell.tag[-2:] in {"th", "td"}}

    assert cells >= {"地区", "6,000", "市场1", "21.7"}
    assert all(cell in rendition.text for cell in cells)


def test_subject_and_preheader_are_one_line(fitted: Pairs) -> None:
    for _, rendition in fitted:
        assert rendition.subject == "本期看点"
        assert 0 < len(rendition.preheader) < 160
        assert "\n" not in rendition.preheader


def test_edition_by_edition_gives_the_same_as_all_together(fitted: Pairs) -> None:
    for edition, rendition in fitted[::9]:
        assert render_edition(edition, press()) == rendition


def test_marks_of_any_length_change_nothing_but_themselves(fitted: Pairs) -> None:
    other = press(placeholders=type(MARKS)(token="x" * 40, address="y" * 60))
    edition, rendition = fitted[-1]

    again = render_edition(edition, other)

    assert again.html.replace("x" * 40, MARKS.token).replace("y" * 60, MARKS.address) == rendition.html


def test_two_processes_render_the_same_bytes(fitted: Pairs) -> None:
    program = (
        "import hashlib;from tests.rendering.mails import *;from distributor.rendering.mail import render_edition;"
        "made=render_edition(whole(big_issue()), press());"
        "print(hashlib.sha256((made.html+made.text+made.subject+made.preheader).encode()).hexdigest())"
    )
    made = fitted[-1][1]
    expected = hashlib.sha256((made.html + made.text + made.subject + made.preheader).encode()).hexdigest()

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )

    assert found.stdout.strip() == expected


def test_hundred_articles_still_fit() -> None:
    of = issue(*(article(f"2015-055-a{place:03d}", title=f"第{place}号通告的标题") for place in range(100)))

    rendition = render_edition(whole(of), press(max_html_kb=40))

    assert rendition.html_bytes <= 40_000
    assert headings(rendition.html, 3) == [article.title for article in of.articles]
    assert "第99号通告的标题" in visible_text(rendition.html)
