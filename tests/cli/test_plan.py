"""`plan`: what it says about limits."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.cli.mailed import SMTP, Told
from tests.offices import write_issue, write_list, write_workspace

RELAY = '\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\n'
LIMIT = '\n[[limit]]\ndomains = ["example.org", "example.net"]\nrate = ["1/day"]\n'


def told_with(folder: Path, more: str, capsys: pytest.CaptureFixture[str]) -> Told:
    root = write_workspace(folder / "office", changes=SMTP, more=more)
    write_issue(root)
    write_list(root, "members", {"a@example.com": "", "b@example.org": "", "c@example.net": ""})
    told = Told(root, capsys)
    assert told("subscribers", "sync", "members", "--yes") == 0
    return told


def line_of(told: Told, name: str) -> str:
    return next((line for line in told.out.splitlines() if line.startswith(name)), "")


def test_plan_names_the_limit_that_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = told_with(tmp_path, RELAY + LIMIT, capsys)

    assert told("plan", "55", "--list", "members") == 0

    assert "example.org, example.net：2 份，每天 1" in line_of(told, "由此决定")


def test_plan_without_limits_names_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = told_with(tmp_path, RELAY, capsys)

    assert told("plan", "55", "--list", "members") == 0

    assert "没有限速" in line_of(told, "预计发完")
    assert line_of(told, "由此决定") == ""


def test_plan_for_a_script_has_the_finishing_time_under_the_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = told_with(tmp_path, RELAY + LIMIT, capsys)

    found = told.json("plan", "55", "--list", "members")

    assert found["copies"] == 3
    assert found["finish"] > found["start"]


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """A workspace with issue 55, a list of three, and a relay."""
    return told_with(tmp_path, RELAY, capsys)


def test_next_slot_without_an_issue_is_nothing_to_plan(told: Told) -> None:
    assert told("plan") == 2

    assert "distributor schedule" in told.err


def test_issue_that_does_not_exist_is_named(told: Told) -> None:
    assert told("plan", "99", "--list", "members") == 2

    assert "99" in told.err


def test_list_that_does_not_exist_is_named_with_those_that_do(told: Told) -> None:
    assert told("plan", "55", "--list", "friends") == 2

    assert "没有这个名单：friends" in told.err
    assert "members" in told.err


def test_draft_is_not_planned(told: Told) -> None:
    write_issue(told.root, 56, date="2015-07-17", status="draft")

    assert told("plan", "56", "--list", "members") == 2

    assert "distributor ready 2015-056" in told.err


def test_list_without_an_issue_is_refused(told: Told) -> None:
    assert told("plan", "--list", "members") == 2

    assert "--list" in told.err


def test_list_file_that_cannot_be_read_is_named(told: Told) -> None:
    (told.root / "subscribers/members.csv").write_bytes(b"\x00\x01\x02")

    assert told("plan", "55", "--list", "members") == 2

    assert "subscribers/members.csv" in told.err


@pytest.mark.parametrize("out", ["none/page.html", "distributor.toml/page.html", "content"])
def test_page_that_cannot_be_written_is_refused_before_the_rehearsal(told: Told, out: str) -> None:
    assert told("plan", "55", "--list", "members", "--out", str(told.root / out)) == 2

    assert out in told.err
    assert told.out == ""
    assert not (told.root / "var/plans").exists()


def test_fault_found_by_proofreading_is_told_and_refused(told: Told) -> None:
    template = told.root / "templates/email.html"
    html = template.read_text(encoding="utf-8").replace("</body>", '<a href="#nowhere">x</a></body>')
    template.write_text(html, encoding="utf-8")

    assert told("plan", "55", "--list", "members") == 2

    assert "#nowhere" in told.err + told.out
    assert "改好之前发不出去" in told.err


def test_page_shows_what_was_planned(told: Told) -> None:
    page = told.root / "page.html"

    assert told("plan", "55", "--list", "members", "--out", str(page)) == 0

    assert "page.html" in told.out
    assert "试发碳市场" not in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").count('class="edition"') == 1
    assert page.stat().st_mode & 0o077 == 0


def test_page_lies_beside_the_plan_unless_told_otherwise(told: Told) -> None:
    found = told.json("plan", "55", "--list", "members", "--html")

    assert Path(found["html"]) == told.root / "var/plans/2015-055-lists-members.html"
    assert Path(found["html"]).exists()


@pytest.fixture
def scheduled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """A workspace with an issue of today whose schedule wants an approval and tells readers of no section."""
    rule = 'max_age = "10d"'
    changes = SMTP | {rule: 'max_age = "60d"\napproval = true', 'empty = "skip"': 'empty = "notice"'}
    root = write_workspace(tmp_path / "office", changes=changes, more=RELAY)
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    write_issue(root, date=today.isoformat(), sections=("market",))
    write_list(root, "members", {"a@example.com": "", "b@example.org": "政策聚焦"})
    return Told(root, capsys)


def test_next_slot_is_planned_with_its_approval(scheduled: Told) -> None:
    slot = scheduled.json("plan")["schedule"]

    assert (slot["id"], slot["approval"], slot["pilot"], slot["held"]) == ("weekly", "missing", None, False)


def test_notice_is_an_edition_with_a_name(scheduled: Told) -> None:
    assert scheduled("plan") == 0

    assert "通知（没有所选栏目）" in scheduled.out


def test_nothing_changed_is_told_in_one_line(scheduled: Told) -> None:
    scheduled("plan")

    assert scheduled("plan", "--diff") == 0

    assert "的 plan 相比没有变化" in scheduled.out


def test_later_end_is_told(told: Told) -> None:
    told("plan", "55", "--list", "members")
    settings = told.root / "distributor.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + LIMIT, encoding="utf-8")

    assert told("plan", "55", "--list", "members", "--diff") == 0

    assert "预计发完：" in told.out.partition("和 2")[2]


def test_warning_for_a_script_has_its_place_and_remedy(told: Told) -> None:
    article = told.root / "content/2015-055/a01.md"
    article.write_text(article.read_text(encoding="utf-8") + "\n[看](http://intranet/)\n", encoding="utf-8")

    found = told.json("plan", "55", "--list", "members")["findings"]

    assert {(one["verdict"], one["path"]) for one in found} == {("warning", "content/2015-055/a01.md")}
    assert all(one["remedy"] for one in found)


def test_first_difference_has_nothing_to_compare_with(told: Told) -> None:
    assert told("plan", "55", "--list", "members", "--diff") == 0

    assert "这是第一次 plan" in told.out


def test_difference_of_the_same_is_none(told: Told) -> None:
    told("plan", "55", "--list", "members")

    found = told.json("plan", "55", "--list", "members", "--diff")

    assert found["difference"]["readers"] == {"added": 0, "left": 0, "now": 3}
    assert found["difference"]["editions"] == {}


def test_difference_tells_who_came_who_left_and_what_reads_otherwise(told: Told) -> None:
    some = {"b@example.org": "", "c@example.net": "", **{f"{name}@example.org": "" for name in "def"}}
    write_list(told.root, "members", {"a@example.com": "", **some})
    assert told("subscribers", "sync", "members", "--yes") == 0
    told("plan", "55", "--list", "members")
    del some["c@example.net"]
    write_list(told.root, "members", {"a@example.com": "政策聚焦", **some, "new@example.org": "", "x@example.org": ""})
    issue = told.root / "content/2015-055/issue.toml"
    issue.write_text(issue.read_text(encoding="utf-8") + 'subject = "新的主题"\n', encoding="utf-8")

    assert told("plan", "55", "--list", "members", "--diff") == 0

    said = told.out.partition("和 2")[2]
    assert "读者 +2 −1，现在 7；换了版本的 1" in said
    assert "政策聚焦：新的版本" in said
    assert "全部 6 个栏目：内容有改动" in said
    assert "→ “新的主题" in said
    assert "名单 members" in said
    assert "上面已按改动后的算" in told.out


def test_edition_that_nobody_gets_any_more_is_told(told: Told) -> None:
    write_list(told.root, "members", {"a@example.com": "政策聚焦", "b@example.org": "", "c@example.net": ""})
    told("plan", "55", "--list", "members")
    write_list(
        told.root, "members", {"a@example.com": "", "b@example.org": "", "c@example.net": "", "d@example.com": ""}
    )

    assert told("plan", "55", "--list", "members", "--diff") == 0

    assert "政策聚焦：不再有人收这个版本" in told.out


def test_reader_on_two_lists_is_counted_under_both_and_mailed_once(told: Told) -> None:
    write_list(told.root, "public", {"a@example.com": "", "d@example.com": ""})

    assert told("plan", "55") == 0

    assert "1 人在几个名单里" in told.out
    assert line_of(told, "将发出").split() == ["将发出", "4"]


def test_dry_run_keeps_nothing_to_compare_with(told: Told) -> None:
    assert told("send", "55", "--list", "members", "--dry-run") == 0

    assert "预演" in told.out
    assert not (told.root / "var/plans").exists()
