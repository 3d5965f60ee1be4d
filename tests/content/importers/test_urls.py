from dataclasses import replace

import pytest

from distributor.content.importers.layer import read_layer
from distributor.content.importers.model import DoubtKind, DraftIssue, DraftLink
from tests.content.importers.raw_layer import Part, Style, lay_out, with_urls
from tests.content.importers.stories import GRID, HEATING, ISSUE, METHOD, PORT, SECTIONS

ONE_PAGE = Style(lines_per_page=400, header_every=0)


def read(*stories: object, style: Style = ONE_PAGE) -> DraftIssue:
    return read_layer(lay_out((Part(title="市场热点", stories=stories),), style), SECTIONS, number=12)  # type: ignore[arg-type]


def links(issue: DraftIssue) -> dict[str, list[DraftLink]]:
    return {article.title: list(article.links) for article in issue.articles if article.links}


def test_a_file_belongs_to_the_article_that_speaks_of_it_and_takes_its_name() -> None:
    found = links(read(METHOD, HEATING))

    assert list(found) == [METHOD.title]
    assert [(link.name, link.attachment, link.guessed) for link in found[METHOD.title]] == [("附件.doc", True, False)]


def test_files_take_the_names_of_the_appendices_in_order() -> None:
    found = links(read(PORT))

    assert [link.name for link in found[PORT.title]] == [
        "Joint Statement of the Northern Ports on Shore Power and Low Sulphur Fuel",
        "七港岸电建设进度表",
    ]


def test_repeated_addresses_are_kept_once() -> None:
    found = links(read(PORT))

    assert len(PORT.urls) == 3
    assert [link.url for link in found[PORT.title]] == list(dict.fromkeys(PORT.urls))


def test_files_of_two_articles_on_one_page_are_shared_out_in_order() -> None:
    found = links(read(PORT, METHOD))

    assert [len(found[title]) for title in (PORT.title, METHOD.title)] == [2, 1]


def test_a_page_in_the_middle_of_a_sentence_belongs_to_that_article() -> None:
    text = lay_out((Part(title="市场热点", stories=(HEATING,)),), replace(ONE_PAGE, spaced_lines=True))
    lines = text.split("\n\n")

    issue = read_layer(
        "\n\n".join(lines[:5]) + "\n\nhttp://www.example.org/heat/\n " + "\n\n".join(lines[5:]), SECTIONS, number=12
    )

    assert [link.url for link in issue.articles[0].links] == ["http://www.example.org/heat/"]
    assert [block.text for block in issue.articles[0].blocks] == list(HEATING.paragraphs)


def test_an_address_between_two_articles_of_a_page_is_a_guess_and_held_back() -> None:
    issue = read(HEATING, with_urls(GRID, "http://www.example.org/grid/"))

    owner = next(article for article in issue.articles if article.links)
    assert (owner.title, owner.links[0].guessed, owner.missing) == (GRID.title, True, ("link",))
    assert any(doubt.kind is DoubtKind.LINK for doubt in issue.doubts)


def test_an_address_without_scheme_is_completed() -> None:
    issue = read(with_urls(HEATING, "www.example.org/heat"))

    assert issue.articles[0].links[0].url == "http://www.example.org/heat"


def test_an_address_broken_into_two_lines_is_put_together() -> None:
    long = "http://www.example.org/2019/03/heating-networks/files/"
    issue = read(with_urls(HEATING, long, "annual-report.pdf"))

    assert [link.url for link in issue.articles[0].links] == [long + "annual-report.pdf"]


def test_an_address_before_any_article_is_reported() -> None:
    issue = read_layer("http://www.example.org/\n" + lay_out(ISSUE, ONE_PAGE), SECTIONS, number=12)

    assert any("前面没有文章" in doubt.what.zh for doubt in issue.doubts)


@pytest.mark.parametrize("inline", ["网址是 http://www.example.org/a 。", "发到 bjjn@example.com，过时不候。"])
def test_addresses_inside_a_sentence_stay_text(inline: str) -> None:
    issue = read(replace(HEATING, paragraphs=(inline,)))

    assert [block.text for block in issue.articles[0].blocks] == [inline]
