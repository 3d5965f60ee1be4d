"""Feeds and a page as prose to read in review; renew with --update-golden."""

import pytest

from distributor.rendering.archive import build_archive
from distributor.rendering.feeds import build_feeds
from tests.rendering.conftest import CheckGolden
from tests.rendering.publications import full_issue, masthead, templates


@pytest.mark.parametrize("name", ["all.atom", "all.rss", "all.json", "issues.atom"])
def test_a_feed_is_as_kept(name: str, check_golden: CheckGolden) -> None:
    [feed] = [file for file in build_feeds([full_issue()], masthead()) if file.path.name == name]

    check_golden(f"feed-{name}", feed.content.decode())


@pytest.mark.parametrize("path", ["index.html", "issues/2015-055.html", "articles/2015-055-a01.html"])
def test_a_page_is_as_kept(path: str, check_golden: CheckGolden) -> None:
    [page] = [file for file in build_archive([full_issue()], masthead(), templates()) if file.path.as_posix() == path]

    check_golden(f"page-{path.replace('/', '-')}", page.content.decode())
