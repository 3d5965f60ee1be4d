"""The unsubscribe link: GET shows, POST acts, once and at once (RFC 8058)."""

import asyncio

import pytest
import sqlalchemy as sa

from distributor.delivery import counts
from distributor.identifiers import IssueId
from distributor.operations import delivering, launching, membership
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.schema import consent, delivery, suppression
from tests.web.conftest import ALL, BOTH, MEMBERS, PUBLIC, SOME, Reader, Token
from tests.web.visitor import ONE_CLICK, Visitor

MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    {"Content-Type": "multipart/form-data; boundary=b"},
)
SCANNERS = (
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0)",
    "",
)


async def acts_of(office: Office, table: sa.Table) -> list[str]:
    column = table.c.action if table is consent else table.c.reason
    async with office.database.read() as connection:
        found = await connection.scalars(sa.select(column).where(table.c.email_key == ALL))
        return [act for act in found if act != "subscribed"]


async def test_page_shows_masked_address_publication_and_one_button(visitor: Visitor, token: Token) -> None:
    page = await visitor.get(f"/unsubscribe/{await token(SOME)}")

    assert page.status == 200
    assert "so***@example.com" in page.words
    assert "节能减排信息动态" in page.words
    assert (page.text.count("<button"), page.text.count("<form")) == (1, 1)
    assert SOME not in page.text


async def test_scanner_that_opens_every_link_changes_nothing(
    visitor: Visitor, office: Office, token: Token, reader: Reader
) -> None:
    before, signed = await reader(ALL), await token(ALL)

    for scanner in SCANNERS:
        for path in (f"/unsubscribe/{signed}", f"/preferences/{signed}", f"/unsubscribe/{signed}?lang=en"):
            for method in ("GET", "HEAD"):
                assert (await visitor.ask(method, path, headers={"User-Agent": scanner})).status == 200

    assert await reader(ALL) == before
    assert await acts_of(office, consent) == []


async def test_other_methods_are_refused_and_change_nothing(visitor: Visitor, token: Token, reader: Reader) -> None:
    before, path = await reader(ALL), f"/unsubscribe/{await token(ALL)}"

    answers = [await visitor.ask(method, path) for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")]

    assert {answer.status for answer in answers} == {405}
    assert {frozenset(answer.headers["allow"].split(", ")) for answer in answers} == {
        frozenset(("GET", "HEAD", "POST"))
    }
    assert await reader(ALL) == before


async def test_one_click_needs_no_cookie_referer_or_origin(visitor: Visitor, token: Token, reader: Reader) -> None:
    answer = await visitor.post(f"/unsubscribe/{await token(ALL)}", ONE_CLICK)

    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    assert (await reader(ALL)).status == "unsubscribed"


async def test_one_click_comes_as_multipart_too(visitor: Visitor, token: Token, reader: Reader) -> None:
    body, headers = MULTIPART

    answer = await visitor.ask("POST", f"/unsubscribe/{await token(ALL)}", body, headers)

    assert answer.status == 200
    assert (await reader(ALL)).status == "unsubscribed"


async def test_one_click_from_another_origin_counts(visitor: Visitor, token: Token, reader: Reader) -> None:
    foreign = {"Origin": "https://mail.example.net", "Referer": "https://mail.example.net/", "Cookie": "a=b"}

    answer = await visitor.post(f"/unsubscribe/{await token(ALL)}", ONE_CLICK, foreign)

    assert answer.status == 200
    assert (await reader(ALL)).status == "unsubscribed"


async def test_post_with_an_empty_body_unsubscribes(visitor: Visitor, token: Token, reader: Reader) -> None:
    answer = await visitor.ask("POST", f"/unsubscribe/{await token(ALL)}", b"")

    assert answer.status == 200
    assert (await reader(ALL)).status == "unsubscribed"


async def test_posting_twice_at_the_same_time_is_posting_once(visitor: Visitor, office: Office, token: Token) -> None:
    path = f"/unsubscribe/{await token(ALL)}"

    answers = await asyncio.gather(*(visitor.post(path, ONE_CLICK) for _ in range(6)))

    assert {answer.status for answer in answers} == {200}
    assert await acts_of(office, consent) == ["unsubscribed"]
    assert await acts_of(office, suppression) == ["unsubscribed"]


async def test_pages_own_button_shows_what_was_done_and_how_to_undo_it(
    visitor: Visitor, token: Token, reader: Reader
) -> None:
    path = f"/unsubscribe/{await token(ALL)}"

    done = await visitor.post(path, [("action", "unsubscribe")])

    assert "已退订" in done.words
    assert 'name="action" value="resubscribe"' in done.text
    assert (await reader(ALL)).status == "unsubscribed"


async def test_undo_brings_back_the_same_lists_and_sections(visitor: Visitor, token: Token, reader: Reader) -> None:
    before, path = await reader(BOTH), f"/unsubscribe/{await token(BOTH)}"
    await visitor.post(path, ONE_CLICK)

    undone = await visitor.post(path, [("action", "resubscribe")])

    after = await reader(BOTH)
    assert "已恢复订阅" in undone.words
    assert (after.status, after.lists, after.sections) == ("active", before.lists, before.sections)


async def test_one_click_is_never_taken_for_an_undo(visitor: Visitor, token: Token, reader: Reader) -> None:
    path = f"/unsubscribe/{await token(ALL)}"

    await visitor.post(path, [*ONE_CLICK, ("action", "resubscribe")])

    assert (await reader(ALL)).status == "unsubscribed"


async def test_who_left_already_is_told_so(visitor: Visitor, token: Token) -> None:
    path = f"/unsubscribe/{await token(ALL)}"
    await visitor.post(path, ONE_CLICK)

    page = await visitor.get(path)

    assert "已退订" in page.words
    assert "恢复订阅" in page.words


async def test_page_speaks_english_when_asked_and_in_the_undo_too(visitor: Visitor, token: Token) -> None:
    path = f"/unsubscribe/{await token(ALL)}?lang=en"

    shown, done = await visitor.get(path), await visitor.post(path, [("action", "unsubscribe")])

    assert "Stop sending 节能减排信息动态 to a***@example.com?" in shown.words
    assert '<html lang="en">' in shown.text
    assert "no longer sent" in done.words


async def test_reader_stopped_by_staff_cannot_undo_that(
    visitor: Visitor, office: Office, token: Token, reader: Reader
) -> None:
    signed = await token(ALL)
    await membership.remove(office, membership.address_of(ALL))

    answer = await visitor.post(f"/unsubscribe/{signed}", [("action", "resubscribe")])

    assert answer.status == 200
    assert "请和我们联系" in answer.words
    assert (await reader(ALL)).status == "removed"


@pytest.fixture
async def launched(office: Office) -> int:
    """A mailing of three copies, none of them claimed yet."""
    plan = SendingPlan(issue=IssueId("2015-055"), lists=(MEMBERS, PUBLIC))
    mailing = await launching.launch(office, LaunchOrder(plan=plan, origin="members+public"))
    assert mailing.planned == 3
    return mailing.id


async def test_post_stops_the_copy_that_a_running_mailing_has_not_sent_yet(
    visitor: Visitor, office: Office, token: Token, launched: int
) -> None:
    await visitor.post(f"/unsubscribe/{await token(SOME)}", ONE_CLICK)

    await delivering.dispatcher_of(office).run_until_idle()

    stored = [file.read_bytes() for file in (office.workspace.outbox / "new").iterdir()]
    assert len(stored) == 2
    assert not any(SOME.encode() in message for message in stored)
    assert await states_of(office, launched) == {"all@example.com": "stored", BOTH: "stored", SOME: "suppressed"}


async def states_of(office: Office, mailing: int) -> dict[str, str]:

    async with office.database.read() as connection:
        return {copy.address: copy.state async for copy in counts.copies(connection, [delivery.c.mailing == mailing])}
