"""The promise as readers see it: the sample issue, 500 of them, a real server, each exactly their sections."""

import asyncio
import email
import email.policy
import os
import random
import re
import shutil
import signal
import sys
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor.addresses import parse_address
from distributor.content.model import Issue
from distributor.delivery import counts
from distributor.editions import cut
from distributor.identifiers import ListName, SectionId, SectionSet
from distributor.operations import sending
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.schema import delivery
from distributor.subscribers import tokens
from tests.conftest import FRIDAY_NINE as PAST
from tests.conftest import SetClock
from tests.journeys.samples import sample_issue
from tests.offices import REPOSITORY, TITLES, office_in, write_list, write_workspace
from tests.smtp_servers import Received, Running, Sink, serving

READERS = 500
MEMBERS = (ListName("members"),)


def random_preferences(seed: int, readers: int = READERS) -> dict[str, SectionSet]:
    """Return readers with their sections, None for all; a quarter want everything."""
    draw = random.Random(seed)
    wanted: dict[str, SectionSet] = {}
    for number in range(readers):
        some = frozenset(SectionId(section) for section in TITLES if draw.random() < 0.4)
        wanted[f"reader{number:03d}@example.com"] = some or None
    return wanted


def office_folder(root: Path, port: int, wanted: dict[str, SectionSet]) -> Path:
    """Write a workspace with the sample issue whose server is on this host."""
    smtp = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{port}"\nconnections = 4\n'
    write_workspace(root, changes={'transport = "smtp"': 'transport = "smtp"'}, more=smtp)
    shutil.copytree(REPOSITORY / "content" / "2015-055", root / "content" / "2015-055")
    cells = {address: "、".join(TITLES[section] for section in sorted(some or ())) for address, some in wanted.items()}
    write_list(root, "members", cells)
    return root


def parsed(received: Received) -> EmailMessage:
    return email.message_from_bytes(received.content, policy=email.policy.default)


def titles_in(text: str, issue: Issue) -> set[str]:
    """Return the articles whose title stands in a text, whatever its line breaks."""
    plain = re.sub(r"\s+", "", text)
    return {article.id for article in issue.articles if re.sub(r"\s+", "", article.title) in plain}


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return re.sub(r"<[^>]+>", "", content).replace("&amp;", "&").replace("&#34;", '"') if kind == "html" else content


async def test_five_hundred_readers_each_get_exactly_their_sections(tmp_path: Path, clock: SetClock) -> None:
    wanted = random_preferences(seed=55)
    sink = Sink()
    async with serving(sink) as server:
        root = office_folder(tmp_path / "office", server.port, wanted)
        async with office_in(root, clock) as office:
            sent = await sending.send(office, SendingPlan(issue=sample_issue(root).id, lists=MEMBERS))

    issue = sample_issue(root)
    assert Counter(received.recipient for received in sink.received) == Counter(dict.fromkeys(wanted, 1))
    assert sent.counts.by_state["accepted"] == READERS
    for received in sink.received:
        edition = cut(issue, wanted[received.recipient])
        assert edition is not None
        expected = {article.id for article in edition.articles}
        message = parsed(received)
        assert titles_in(text_of(message, "html"), issue) == expected
        assert titles_in(text_of(message, "plain"), issue) == expected


async def test_each_mail_carries_the_readers_own_links_and_nobody_elses(tmp_path: Path, clock: SetClock) -> None:
    wanted = random_preferences(seed=7, readers=40)
    sink = Sink()
    async with serving(sink) as server:
        root = office_folder(tmp_path / "office", server.port, wanted)
        async with office_in(root, clock) as office:
            await sending.send(office, SendingPlan(issue=sample_issue(root).id, lists=MEMBERS))
            keyring = office.keyring

    owners = Counter()
    for received in sink.received:
        message = parsed(received)
        found = set(re.findall(r"v1\.[a-z0-9.]+", message["List-Unsubscribe"] + text_of(message, "plain")))
        assert len(found) == 1
        owners[tokens.verify(keyring, tokens.MANAGE, found.pop())] += 1
        address = parse_address(received.recipient)
        assert address is not None
        assert address.masked in text_of(message, "plain")
    assert len(owners) == 40
    assert None not in owners


async def test_sending_again_resumes_nothing_and_says_so(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()
    async with serving(sink) as server:
        root = office_folder(tmp_path / "office", server.port, random_preferences(seed=1, readers=10))
        plan = SendingPlan(issue=sample_issue(root).id, lists=MEMBERS)
        async with office_in(root, clock) as office:
            first = await sending.send(office, plan)
            second = await sending.send(office, plan)

    assert (first.is_new, second.is_new) == (True, False)
    assert second.counts.is_finished
    assert len(sink.received) == 10


async def start_send(root: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "distributor", "--root", str(root), "send", "2015-055", "--list", "members"),
        cwd=REPOSITORY,
        env={**os.environ, "DISTRIBUTOR_LANG": "en"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def kill_after(server: Running, sink: Sink, root: Path, messages: int) -> None:
    process = await start_send(root)
    async with asyncio.timeout(60):
        while len(sink.received) < messages:
            await asyncio.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    await process.wait()


class Slow(Sink):
    """Takes its time after the dot, so that a kill falls into the middle."""

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        await asyncio.sleep(0.01)
        return await super().handle_DATA(server, session, envelope)  # type: ignore[arg-type]


@pytest.mark.slow
async def test_edit_in_the_middle_of_a_killed_send_changes_no_byte(tmp_path: Path, clock: SetClock) -> None:
    sink = Slow()
    async with serving(sink) as server:
        root = office_folder(tmp_path / "office", server.port, random_preferences(seed=3, readers=120))
        await kill_after(server, sink, root, messages=30)
        article, template = root / "content" / "2015-055" / "a04.md", root / "templates" / "email.html"
        article.write_text(article.read_text(encoding="utf-8").replace("领跑者", "改过的词"), encoding="utf-8")
        template.write_text("{{ broken", encoding="utf-8")
        async with office_in(root, clock) as office, office.database.write() as tx:
            (line,) = await counts.mailings(tx)
            renditions = await counts.load_renditions(tx, line.mailing.id)
            # The killed process holds its copies until their lease is over; the test does not wait for that.
            await tx.execute(sa.update(delivery).where(delivery.c.claim.is_not(None)).values(lease_until=PAST))
        process = await start_send(root)
        assert await process.wait() == 0

    frozen = {rendition.html for rendition in renditions.values()}
    copies = Counter(received.recipient for received in sink.received)
    assert len(copies) == 120
    # A kill leaves at most one copy per connection whose acceptance nobody knows; it goes again, the same bytes.
    assert sum(copies.values()) - 120 <= 4
    for received in sink.received:
        message = parsed(received)
        part = message.get_body(("html",))
        assert part is not None
        assert (
            unfilled(part.get_content().replace("\r\n", "\n"), line.mailing.token_mark, line.mailing.address_mark)
            in frozen
        )
    assert len({(received.recipient, received.content) for received in sink.received}) == 120


def unfilled(html: str, token_mark: str, address_mark: str) -> str:
    """Put the marks back where one reader's values stand."""
    with_marks = re.sub(r"v1\.[a-z0-9]{4}\.m\.[a-z2-7]{24}\.[a-z2-7]{32}", token_mark, html)
    return re.sub(r"[a-z]{1,2}\*\*\*@example\.com", address_mark, with_marks)
