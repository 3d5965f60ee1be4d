"""`approve` and `inbox`: what they do, what they say, how they end."""

from pathlib import Path

import pytest

from distributor.cli import console
from distributor.content import loader
from distributor.operations.desk import inbox
from tests.cli.mailed import Told
from tests.offices import write_issue, write_workspace
from tests.operations.dropped import AT_ONCE, document, drop

WITH_APPROVAL = {'max_age = "10d"\n': 'max_age = "10d"\napproval = true\n'}


@pytest.fixture(autouse=True)
def _in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LANGUAGE", "zh")


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    root = write_workspace(tmp_path / "office", changes=WITH_APPROVAL)
    write_issue(root)
    return Told(root, capsys)


def test_approve_says_what_was_approved(told: Told) -> None:
    assert told("approve", "55", "--by", "张三") == 0

    assert "2015-055 已核准：2015-07-10，6 篇，指纹 " in told.out
    assert "之后再改这一期，核准就作废" in told.out


def test_approve_twice_says_who_did_first(told: Told) -> None:
    told("approve", "55", "--by", "张三")

    assert told("approve", "55", "--by", "李四") == 0
    assert "张三 已于 " in told.out


def test_approve_after_an_edit_is_a_new_approval(told: Told) -> None:
    first = told.json("approve", "55", "--by", "张三")
    path = told.root / "content" / "2015-055" / "a01.md"
    path.write_text(path.read_text(encoding="utf-8") + "\n又一段。\n", encoding="utf-8")

    again = told.json("approve", "55", "--by", "李四")

    assert (first["is_new"], again["is_new"], again["by"]) == (True, True, "李四")
    assert first["fingerprint"] != again["fingerprint"]


def test_approve_asks_who(told: Told) -> None:
    assert told("approve", "55") == 2
    assert told("approve", "55", "--by", " ") == 2


def test_approve_refuses_a_draft_and_an_issue_that_is_none(told: Told) -> None:
    loader.set_status(told.root / "content" / "2015-055", "draft")

    assert told("approve", "55", "--by", "张三") == 2
    assert "distributor ready 2015-055" in told.err
    assert told("approve", "99", "--by", "张三") == 2


def test_approve_says_where_nobody_asks_for_it(told: Told) -> None:
    write_workspace(told.root)

    assert told("approve", "55", "--by", "张三") == 0
    assert "没有计划要求核准" in told.out


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox.take_in, "__kwdefaults__", {"settled": AT_ONCE})


@pytest.mark.usefixtures("_at_once")
def test_inbox_says_what_became_of_each_file(told: Told) -> None:
    drop(told.root, document())
    drop(told.root, b"x", "坏.docx")

    assert told("inbox") == 5

    assert "第57期 2015-07-24.docx 已成为草稿 2015-057（2 篇）" in told.out
    assert "坏.docx 没有导入，放到了 inbox/refused/坏.docx" in told.err


@pytest.mark.usefixtures("_at_once")
def test_inbox_in_json(told: Told) -> None:
    drop(told.root, document())

    (taken,) = told.json("inbox")

    assert (taken["issue"], taken["articles"], taken["refused"]) == ("2015-057", 2, None)


def test_inbox_makes_the_folder_and_says_that_it_is_empty(told: Told) -> None:
    assert told("inbox") == 0
    assert "没有新文件" in told.out
    assert (told.root / "inbox").is_dir()
