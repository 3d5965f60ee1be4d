"""The sample publication of this repository: its own settings and issues make sound feeds and pages."""

import tomllib
from functools import cache
from pathlib import Path, PurePosixPath

import html5lib
import pytest

from distributor.config.model import Publication, Section
from distributor.content.loader import list_issues, load_issue
from distributor.rendering.archive import build_archive
from distributor.rendering.feeds import build_feeds
from distributor.rendering.masthead import Masthead
from distributor.rendering.published import PublishedIssue, with_files
from tests import feed_rules, json_feed_rules
from tests.rendering.publications import templates

ROOT = Path(__file__).parents[2]


@cache
def _sample() -> tuple[Masthead, tuple[PublishedIssue, ...]]:
    tables = tomllib.loads((ROOT / "distributor.toml").read_text("utf-8"))
    sections = tuple(Section(**table) for table in tables["section"])
    loaded = [load_issue(ROOT / folder.path, root=ROOT, sections=sections) for folder in list_issues(ROOT)]
    issues = tuple(with_files(one.issue, ROOT) for one in loaded if one.issue)
    return Masthead(publication=Publication(**tables["publication"]), sections=sections), issues


def test_the_sample_has_two_issues_the_newest_first() -> None:
    assert [one.issue.number for one in _sample()[1]] == [56, 55]


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
def test_the_samples_feeds_draw_no_event(form: str) -> None:
    masthead, issues = _sample()
    check = json_feed_rules.check if form == "json" else feed_rules.check

    for file in build_feeds(issues, masthead):
        if file.path.suffix == f".{form}":
            assert check(file.content, location=masthead.site.url(PurePosixPath(file.path))) == (), file.path


def test_the_samples_pages_are_html_without_a_parse_error() -> None:
    masthead, issues = _sample()

    for file in build_archive(issues, masthead, templates()):
        if file.path.suffix == ".html":
            html5lib.HTMLParser(strict=True).parse(file.content.decode())
