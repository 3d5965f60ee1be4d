"""The letter about an issue: the real mail below, the check above, links of one operator; seen as a server got it."""

import re
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from distributor import incidents
from distributor.addresses import Address, parse_address
from distributor.content import loader
from distributor.incidents import Cause, Incident, News
from distributor.operations import worker
from distributor.operations.desk import desk_letters, desk_links, operators
from distributor.operations.desk.awaiting import watch_approvals
from distributor.operations.desk.operator_letters import OperatorLetter
from distributor.operations.office import Office
from distributor.problems import wording
from tests.conftest import SetClock
from tests.offices import REPOSITORY, article_text, office_in, write_issue, write_workspace
from tests.operations.dropped import document, drop, story, take
from tests.smtp_servers import Sink, serving

WITH_APPROVAL = {'max_age = "10d"\n': 'max_age = "10d"\napproval = true\n'}
NO_PAGES = {'mode = "public"': 'mode = "none"'}
ENGLISH = {'language = "zh-CN"': 'language = "en"'}
ISSUE = "2015-055"
LINK = re.compile(r'href="https://news\.example\.com/desk/([^"]+)"')


def operator(text: str = "ops@example.com") -> Address:
    address = parse_address(text)
    assert address is not None
    return address


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = write_workspace(tmp_path / "office", changes=WITH_APPROVAL)
    write_issue(root)
    return root


@pytest.fixture
async def office(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    clock.moment -= timedelta(hours=21)
    async with office_in(root, clock) as opened:
        await worker.tick(opened)
        yield opened


async def waiting(office: Office) -> Incident:
    await watch_approvals(office)
    async with office.database.read() as connection:
        return next(one for one in await incidents.ongoing(connection) if one.cause in (Cause.APPROVAL, Cause.DRAFT))


async def letter_of(office: Office, to: str = "ops@example.com") -> OperatorLetter:
    letter = await desk_letters.letters_for(office, await waiting(office), operator(to))
    assert letter is not None
    return letter


async def test_the_letter_shows_the_whole_issue_as_readers_will_see_it(office: Office) -> None:
    letter = await letter_of(office)

    for section in ("市场热点", "行业公告"):
        assert f"{section}的一篇" in letter.html
        assert f"{section}的一篇" in letter.text
    assert letter.html.count("<body") == letter.html.count("</html>") == 1
    assert letter.subject == "【待核准】节能减排信息动态：总第55期等您核准"


async def test_the_head_tells_what_was_checked_and_when_it_goes(office: Office) -> None:
    letter = await letter_of(office)

    assert "6篇：" in letter.text
    assert "周五 2015-07-10 09:00 +08:00（weekly）" in letter.text
    assert "KB，上限 95 KB" in letter.text


async def test_the_two_links_are_this_operator_s_and_end(office: Office) -> None:
    incident = await waiting(office)
    letter = await letter_of(office)

    links = [desk_links.read(office.keyring, token) for token in LINK.findall(letter.html)]

    assert [link.act for link in links if link] == ["approve", "hold"]
    assert {link.operator for link in links if link} == {"ops@example.com"}
    assert {link.until for link in links if link} == {incident.raised_at + timedelta(days=14)}


async def test_the_same_letter_again_is_the_same(office: Office, clock: SetClock) -> None:
    first = await letter_of(office)
    clock.advance(timedelta(minutes=3))

    assert (await letter_of(office)).text == first.text


async def test_the_reader_s_links_below_unsubscribe_nobody(office: Office) -> None:
    letter = await letter_of(office)

    assert set(re.findall(r"/unsubscribe/([^\"<\s]+)", letter.html + letter.text)) == {"preview"}


async def test_without_pages_the_letter_names_commands(root: Path, clock: SetClock, office: Office) -> None:
    write_workspace(root, changes=WITH_APPROVAL | NO_PAGES)

    async with office_in(root, clock) as plain:
        letter = await letter_of(plain)

    assert "/desk/" not in letter.html + letter.text
    assert "distributor approve 2015-055 --by NAME" in letter.text
    assert "distributor schedule hold weekly" in letter.text


async def test_in_english_it_is_english(root: Path, clock: SetClock, office: Office) -> None:
    write_workspace(root, changes=WITH_APPROVAL | ENGLISH)

    async with office_in(root, clock) as plain:
        letter = await letter_of(plain)

    assert letter.subject == "[To approve] 节能减排信息动态: No. 55 waits for your approval"
    assert "Below is the mail as readers will get it." in letter.text


async def test_a_dropped_draft_gets_a_letter_that_makes_it_ready(office: Office, root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    drop(root, document(story("碳市场一周综述")))
    await take(office)

    letter = await letter_of(office)

    assert letter.subject.startswith("【新草稿】")
    assert "定稿并核准" in letter.html
    assert "碳市场一周综述" in letter.html


async def test_a_draft_that_lacks_something_says_what_and_offers_no_link(office: Office, root: Path) -> None:
    (root / "content" / ISSUE / "a01.md").write_text(
        article_text("2015-055-a01", "market").replace("source:", "missing: 正文\nsource:"), encoding="utf-8"
    )
    loader.set_status(root / "content" / ISSUE, "draft")
    await raise_draft(office)

    letter = await letter_of(office)

    assert "改好以下各处才能核准" in letter.text
    assert "content/2015-055/a01.md:" in letter.text
    assert LINK.findall(letter.html) == []


async def test_a_draft_with_faults_is_told_without_a_picture_of_it(office: Office, root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    (root / "content" / ISSUE / "a01.md").write_text("no header", encoding="utf-8")
    await raise_draft(office)

    letter = await letter_of(office)

    assert "content/2015-055/a01.md" in letter.text
    assert "改好后才能看到邮件的样子" in letter.text
    assert LINK.findall(letter.html) == []


async def raise_draft(office: Office) -> None:
    said = wording("来了", "it came")
    async with office.database.write() as tx:
        news = News(cause=Cause.DRAFT, subject=f"{ISSUE}:x", what=said, remedy=said)
        await incidents.report(tx, news, office.workspace.clock.now())


async def test_a_large_issue_still_fits_into_one_letter(root: Path, clock: SetClock, office: Office) -> None:
    long = "一段很长的正文。" * 600
    for number, section in enumerate(("market", "policy", "domestic", "international", "reading", "notice"), start=1):
        path = root / "content" / ISSUE / f"a{number:02d}.md"
        path.write_text(article_text(f"2015-055-a{number:02d}", section, body=long[: 4600 + number]), encoding="utf-8")
    write_workspace(root, changes=WITH_APPROVAL | {"max_html_kb = 95": "max_html_kb = 90"})

    async with office_in(root, clock) as plain:
        letter = await letter_of(plain)

    assert len(letter.html.encode()) <= 90_000
    assert "为了放进这封信" in letter.text


async def test_other_news_get_no_letter_of_this_kind(office: Office) -> None:
    incident = await waiting(office)
    other = Incident(**{name: getattr(incident, name) for name in incident.__slots__} | {"cause": Cause.DISK})

    assert await desk_letters.letters_for(office, other, operator()) is None


async def test_an_issue_that_was_taken_away_gets_no_letter(office: Office, root: Path) -> None:
    incident = await waiting(office)
    (root / "content" / ISSUE).rename(root / "gone")

    assert await desk_letters.letters_for(office, incident, operator()) is None


async def test_a_server_gets_the_letter_with_its_pictures(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()
    clock.moment -= timedelta(hours=21)
    async with serving(sink) as running:
        more = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{running.port}"\n'
        changes = WITH_APPROVAL | {'transport = "smtp"': 'transport = "smtp"'}
        root = write_workspace(tmp_path / "mailed", changes=changes, more=more)
        shutil.copytree(REPOSITORY / "content" / ISSUE, root / "content" / ISSUE)
        async with office_in(root, clock) as mailed:
            await worker.tick(mailed)
            await watch_approvals(mailed)
            sent = await operators.tell(mailed)

    message = message_from_bytes(sink.received[0].content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    html = message.get_body(("html",))
    assert html is not None
    shown = set(re.findall(r'src="cid:([^"]+)"', html.get_content()))
    carried = {str(part["Content-ID"]).strip("<>") for part in message.walk() if part["Content-ID"]}
    assert (sent, sink.received[0].recipient) == (1, "ops@example.com")
    assert "【待核准】" in message["Subject"]
    assert shown == carried != set()
    assert message["List-Unsubscribe"] is None
