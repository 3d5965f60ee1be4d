"""One source, proven equal: what a reader's mail holds, the matching feeds and pages hold."""

import email
import email.policy
import html
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import feedparser
import pytest

from distributor.content.model import Article, Issue, Prose
from distributor.identifiers import ListName, SectionId
from distributor.operations import sending
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from tests.conftest import SetClock
from tests.journeys.samples import sample_issue
from tests.offices import REPOSITORY, SECTIONS, TITLES, office_in, write_list, write_workspace

READERS = {
    "everything@example.com": SECTIONS,
    "market@example.com": ("market",),
    "two@example.com": ("policy", "notice"),
    "three@example.com": ("domestic", "international", "reading"),
}


@pytest.fixture
async def sent(tmp_path: Path, clock: SetClock) -> AsyncIterator[Office]:
    """The sample issue sent whole (`body = "full"`) to four readers and published."""
    root = write_workspace(tmp_path / "office", changes={'body = "fit"': 'body = "full"'})
    shutil.copytree(REPOSITORY / "content" / "2015-055", root / "content" / "2015-055")
    write_list(
        root, "members", {address: "、".join(TITLES[one] for one in chosen) for address, chosen in READERS.items()}
    )
    async with office_in(root, clock) as office:
        plan = SendingPlan(issue=sample_issue(root).id, lists=(ListName("members"),))
        await sending.send(office, plan)
        yield office


def words_of(markup: str) -> str:
    """Return a page's or body's text without tags and blanks."""
    visible = re.sub(r"<(style|script|title|head)\b.*?</\1>", "", markup, flags=re.DOTALL)
    return re.sub(r"\s+", "", html.unescape(re.sub(r"<[^>]+>", "", visible)))


def passages(article: Article) -> list[str]:
    """Return what stands wherever the article does: its title, paragraphs and headings, without blanks."""
    prose = [
        block for block in article.body.blocks if isinstance(block, Prose) and block.kind in ("paragraph", "heading")
    ]
    return [re.sub(r"\s+", "", html.unescape(article.title)), *(words_of(block.html) for block in prose)]


def mails_in(office: Office) -> dict[str, str]:
    """Return the HTML of each delivered mail by address."""
    found = {}
    for file in (office.workspace.outbox / "new").iterdir():
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        part = message.get_body(("html",))
        assert part is not None
        found[message["To"].addresses[0].addr_spec] = part.get_content()
    return found


def entries_of(office: Office, feed: str) -> dict[str, str]:
    """Return the content of each entry of a feed by its id."""
    parsed = feedparser.parse((office.workspace.public / "feeds" / f"{feed}.atom").read_bytes())
    return {entry.id: entry.content[0].value for entry in parsed.entries}


def articles_for(issue: Issue, chosen: tuple[str, ...]) -> list[Article]:
    return [article for section in chosen for article in issue.in_section(SectionId(section))]


@pytest.mark.parametrize("address", READERS)
async def test_mail_holds_what_the_feeds_of_its_sections_hold(sent: Office, address: str) -> None:
    issue = sample_issue(sent.workspace.root)
    mail = words_of(mails_in(sent)[address])
    feeds: dict[str, str] = {}
    for section in READERS[address]:
        feeds |= entries_of(sent, f"section-{section}")

    wanted = articles_for(issue, READERS[address])
    assert feeds.keys() == {sent.workspace.site.tag(article.id) for article in wanted}
    for article in wanted:
        entry = words_of(feeds[sent.workspace.site.tag(article.id)])
        for passage in passages(article)[1:]:
            assert passage in mail
            assert passage in entry


@pytest.mark.parametrize("address", READERS)
async def test_mail_holds_what_the_pages_of_its_articles_hold_and_no_other_article(sent: Office, address: str) -> None:
    issue = sample_issue(sent.workspace.root)
    mail = words_of(mails_in(sent)[address])
    wanted = articles_for(issue, READERS[address])

    for article in issue.articles:
        page = words_of((sent.workspace.public / "articles" / f"{article.id}.html").read_text(encoding="utf-8"))
        for passage in passages(article):
            assert passage in page
            if article in wanted:
                assert passage in mail
        assert (passages(article)[0] in mail) is (article in wanted)


async def test_issue_page_and_whole_feed_hold_every_article(sent: Office) -> None:
    issue = sample_issue(sent.workspace.root)
    page = words_of((sent.workspace.public / "issues" / f"{issue.id}.html").read_text(encoding="utf-8"))
    every = entries_of(sent, "all")

    assert every.keys() == {sent.workspace.site.tag(article.id) for article in issue.articles}
    assert all(passage in page for article in issue.articles for passage in passages(article))
