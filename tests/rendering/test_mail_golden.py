"""Golden mails, read as prose in review; renewed by `pytest tests/rendering --update-golden`."""

from pathlib import Path

import pytest

from distributor.rendering.charts import chart_to_svg
from distributor.rendering.mail import render_edition, render_notice
from tests.rendering.conftest import CheckGolden
from tests.rendering.mails import issue, line_chart, long_article, part, press, whole
from tests.rendering.publications import article, full_issue

OFFLINE = {"web_mode": "none", "unsubscribe_mailbox": "weekly@news.example.com"}


@pytest.mark.parametrize("kind", ["html", "text"])
def test_whole_issue(check_golden: CheckGolden, kind: str) -> None:
    rendition = render_edition(whole(full_issue().issue), press())

    check_golden(f"mail-whole.{_ending(kind)}", getattr(rendition, kind))


@pytest.mark.parametrize("kind", ["html", "text"])
def test_digest_of_a_part(check_golden: CheckGolden, kind: str) -> None:
    of = issue(
        long_article("2015-055-a01", "market", 6, title="长文一篇"),
        article("2015-055-a02", "policy", title="短讯一则"),
        article("2015-055-a03", "notice", title="不在其中"),
    )

    rendition = render_edition(part(of, "market", "policy"), press(body="digest"))

    check_golden(f"mail-digest.{_ending(kind)}", getattr(rendition, kind))


@pytest.mark.parametrize("kind", ["html", "text"])
def test_notice_in_english_without_a_server(check_golden: CheckGolden, kind: str) -> None:
    notice = render_notice(issue(), press(language="en", **OFFLINE))

    check_golden(f"mail-notice.{_ending(kind)}", getattr(notice, kind))


def test_line_chart(check_golden: CheckGolden) -> None:
    check_golden("chart-line.svg", chart_to_svg(line_chart(5, 3), "几地的收盘价") + "\n")


def test_bar_chart(check_golden: CheckGolden) -> None:
    check_golden("chart-bar.svg", chart_to_svg(line_chart(4, 2, kind="bar"), "几地的收盘价") + "\n")


def test_golden_files_are_all_in_use() -> None:
    names = {
        path.name for path in (Path(__file__).parent / "golden").iterdir() if path.name.startswith(("mail", "chart"))
    }
    mails = {f"mail-{name}.{ending}" for name in ("whole", "digest", "notice") for ending in ("html", "txt")}

    assert names == mails | {"chart-line.svg", "chart-bar.svg"}


def _ending(kind: str) -> str:
    return "html" if kind == "html" else "txt"
