"""A correction goes into an article's header: only its own lines change, whatever the file looked like."""

import datetime as dt
from pathlib import Path

import pytest

from distributor.content import corrections
from distributor.content.header import parse_article
from distributor.content.model import Correction, Issue
from distributor.errors import InputError
from tests.content.folders import IssueOnDisk, article

DAY = dt.date(2015, 7, 17)
MADE = Correction(on=DAY, note="第二段的价格应为 41.5 元")
MINUTE = dt.time(14, 30)


@pytest.fixture
def on_disk(tmp_path: Path) -> IssueOnDisk:
    folder = tmp_path / "content" / "2015-055"
    folder.mkdir(parents=True)
    issue = IssueOnDisk(root=tmp_path, path=folder)
    issue.settings()
    issue.write("a01.md", article("价格 42 元。", title="碳市场周报"))
    issue.write("a04.md", article(id="2015-055-a04", title="市场周报补遗", section="policy"))
    return issue


@pytest.fixture
def issue(on_disk: IssueOnDisk) -> Issue:
    loaded = on_disk.load().issue
    assert loaded is not None
    return loaded


def corrected(issue: Issue, text: str, made: Correction = MADE) -> str:
    return corrections.with_correction(text, issue.articles[0], made, MINUTE)


@pytest.mark.parametrize("called", ["2015-055-a04", "a04", " A04 ", "a04.md", "补遗", "市场周报补遗"])
def test_an_article_is_found_by_its_id_its_file_or_a_part_of_its_title(issue: Issue, called: str) -> None:
    assert corrections.find_article(issue, called).id == "2015-055-a04"


@pytest.mark.parametrize(
    ("called", "told"),
    [
        ("a44", "是不是 2015-055-a04《市场周报补遗》？"),
        ("周报", "2015-055-a01《碳市场周报》；2015-055-a04《市场周报补遗》"),
        ("完全不同的题目", "现有：2015-055-a01《碳市场周报》"),
        ("", "现有：2015-055-a01"),
    ],
)
def test_what_is_no_article_is_refused_with_the_near_miss(issue: Issue, called: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        corrections.find_article(issue, called)

    assert told in refused.value.text("zh")


def test_the_note_and_the_minute_stand_last_in_the_header_and_all_else_stays(issue: Issue) -> None:
    text = article("价格 42 元。\n\n  两格", title="碳：市场“周报”")

    assert corrected(issue, text) == text.replace(
        "\n---\n\n", "\nupdated: 2015-07-17 14:30\ncorrection: 2015-07-17 | 第二段的价格应为 41.5 元\n---\n\n"
    )


def test_an_older_note_keeps_its_day(issue: Issue) -> None:
    text = (
        article(updated="2015-07-12", correction="先改一处").replace("updated:", "更新：").replace("正文", "---\n正文")
    )

    written = corrected(issue, text)

    assert written.split("---")[1].splitlines()[4:] == [
        "updated: 2015-07-17 14:30",
        "correction: 2015-07-12 | 先改一处",
        "correction: 2015-07-17 | 第二段的价格应为 41.5 元",
    ]


def test_the_same_words_on_the_same_day_are_noted_once(issue: Issue) -> None:
    once = corrected(issue, article())

    again = corrections.with_correction(once, issue.articles[0], MADE, dt.time(15, 0))

    assert again == once.replace("14:30", "15:00")


def test_an_empty_line_of_ours_gives_way(issue: Issue) -> None:
    written = corrected(issue, article().replace("\n---\n\n", "\nupdated:\ncorrection:\n---\n\n"))

    assert parse_article(written, "a01.md").fields is not None


def test_a_text_that_is_no_article_is_refused(issue: Issue) -> None:
    with pytest.raises(InputError, match="does not begin with ---"):
        corrected(issue, "没有开头")


def test_a_note_beyond_the_limit_of_a_value_is_refused(issue: Issue) -> None:
    with pytest.raises(InputError) as refused:
        corrected(issue, article(), Correction(on=DAY, note="字" * 2000))

    assert "上限是 2000" in refused.value.text("zh")


@pytest.mark.parametrize("note", ["", "  ", "\u200b", "一行\n又一行", "响\x07"])
def test_a_note_is_one_line_of_text(note: str) -> None:
    with pytest.raises(InputError):
        corrections.made_correction(note, DAY, shown="a01.md")


def test_a_note_loses_what_nobody_sees() -> None:
    assert corrections.made_correction(" 价\u200b格 ", DAY, shown="a01.md").note == "价格"


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda text: text.encode("gb18030"), id="GB18030"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="BOM"),
    ],
)
def test_a_file_of_any_form_is_written_as_the_house_writes(on_disk: IssueOnDisk, issue: Issue, stored: object) -> None:
    text = article("价格 42 元。\n\n第二段。")
    file = on_disk.write("a01.md", stored(text))  # type: ignore[operator]  # a function of the table
    file.chmod(0o640)

    read = corrections.read_article(on_disk.root, issue.articles[0])
    corrections.write_article(on_disk.root, issue.articles[0], corrected(issue, read))

    assert file.read_bytes() == corrected(issue, text).encode()
    assert file.stat().st_mode & 0o777 == 0o640
