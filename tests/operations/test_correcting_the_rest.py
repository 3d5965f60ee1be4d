"""A correction in the middle of a mailing: what went has the old text, the rest the new one, nobody two or none.

The command line as the how-to has it, on both databases; the mail server's journal is the evidence, and what it took is
compared byte for byte with what the two frozen texts make.
"""

import asyncio
import hashlib
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.delivery import counts
from distributor.delivery.model import Copy, Mailing
from distributor.identifiers import MailingId
from distributor.operations import correcting, delivering
from distributor.operations.clocks import SystemClock
from distributor.operations.letters import LetterRoom
from distributor.operations.office import Office
from distributor.schema import delivery
from tests.delivery.journal_steps import address, wait_for
from tests.offices import office_in
from tests.operations.test_restoring import READERS, SEND, House, later, sending, write_house
from tests.smtp_journal_server import journal_server

pytestmark = pytest.mark.slow

CORRECT = ("correct", "55", "a01", "--note", "价格应为 41.5 元", "--rest")
OLD, NEW = "的正文。", "的价格是 41.5 元。"
FIRST = 60


@pytest.fixture
def house(tmp_path: Path, database_url: URL) -> Iterator[House]:
    url = database_url.render_as_string(hide_password=False)
    where = "sqlite:///var/distributor.db" if database_url.drivername.startswith("sqlite") else url
    with journal_server(tmp_path, "dot slow s=0.02") as mail:
        yield write_house(tmp_path / "office", mail, where)


@asynccontextmanager
async def office_of(house: House) -> AsyncIterator[Office]:
    async with office_in(house.root, SystemClock()) as office:
        yield office


def mend(house: House) -> None:
    article = house.root / "content" / "2015-055" / "a01.md"
    article.write_text(article.read_text(encoding="utf-8").replace(OLD, NEW), encoding="utf-8")


def expected(house: House) -> dict[str, tuple[str, str]]:
    """Return the digest of the message that the ledger says each reader has, and the key of its text."""

    async def composed() -> dict[str, tuple[str, str]]:
        async with office_of(house) as office:
            room, (mailing, copies) = LetterRoom(office), await _copies(office)
            await room.prepare(mailing)
            made = ((copy, room.compose(mailing, copy).content) for copy in copies)
            return {copy.address: (hashlib.sha256(content).hexdigest(), copy.edition) for copy, content in made}

    return asyncio.run(composed())


async def _copies(office: Office) -> tuple[Mailing, list[Copy]]:
    names = Copy.__dataclass_fields__
    async with office.database.read() as connection:
        mailing = await counts.load_mailing(connection, MailingId(1))
        rows = await connection.execute(sa.select(*(delivery.c[name] for name in names)))
        return mailing, [Copy(**row._mapping) for row in rows]


def judge(house: House) -> tuple[int, int]:
    """Hold the journal against the ledger; return how many readers have the old text and how many the new one."""
    ledger, taken = expected(house), house.mail.taken
    assert sorted(one["recipient"] for one in taken) == sorted(ledger) == sorted(map(address, range(1, READERS + 1)))
    assert {one["recipient"]: one["digest"] for one in taken} == {reader: made[0] for reader, made in ledger.items()}
    assert len({one["message_id"] for one in taken}) == READERS
    new = sum(edition.endswith("@2") for _digest, edition in ledger.values())
    return READERS - new, new


def texts(house: House) -> dict[bool, str]:
    """Return the HTML of the old and of the new text, by whether it is the new one."""

    async def read() -> dict[bool, str]:
        async with office_of(house) as office, office.database.read() as connection:
            found = await counts.load_renditions(connection, MailingId(1))
            return {"@" in key: rendition.html for key, rendition in found.items()}

    return asyncio.run(read())


def paused(house: House) -> None:
    """Pause in the middle; the process that sends lets what is under way end, and ends."""
    with sending(house) as running:
        wait_for(lambda: len(house.mail.taken) >= FIRST)
        assert house("pause", "55") == 0
        running.wait(60)


def killed(house: House) -> None:
    """Kill in the middle; what was in hand is given back once its lease is over, what was sending is uncertain."""
    with sending(house) as running:
        wait_for(lambda: len(house.mail.taken) >= FIRST)
        running.send_signal(signal.SIGKILL)
        running.wait()
    wait_for(lambda: time.time() - house.mail.path.stat().st_mtime > 0.5)
    later(house)


def test_what_went_has_the_old_text_and_the_rest_the_new_one(house: House) -> None:
    paused(house)
    gone = len(house.mail.taken)
    mend(house)

    assert house(*CORRECT) == 0
    assert len(house.mail.taken) == gone
    assert house("resume", "55") == 0
    assert house(*SEND) == 0

    assert FIRST <= gone < READERS
    assert judge(house) == (gone, READERS - gone)
    assert [(NEW in html, OLD in html) for _is_new, html in sorted(texts(house).items())] == [
        (False, True),
        (True, True),
    ]


def test_a_sender_that_was_killed_loses_nobody_and_its_unknown_copies_go_again_as_they_were(house: House) -> None:
    killed(house)
    known = {one["recipient"]: one["digest"] for one in house.mail.taken}
    mend(house)

    assert house(*CORRECT) == 0
    asyncio.run(_let_unknown_go(house))
    assert house(*SEND) == 0

    ledger = expected(house)
    assert {one["recipient"] for one in house.mail.taken} == ledger.keys()
    assert {(one["recipient"], one["digest"]) for one in house.mail.taken} == {
        (reader, made[0]) for reader, made in ledger.items()
    }
    assert {reader for reader, made in ledger.items() if made[1].endswith("@2")}.isdisjoint(known)
    assert len(house.mail.taken) - READERS <= 4


async def _let_unknown_go(house: House) -> None:
    """Let the minutes pass after which an unknown copy goes again."""
    async with office_of(house) as office, office.database.write() as tx:
        unknown = sa.update(delivery).where(delivery.c.state == "uncertain")
        await tx.execute(unknown.values(due_at=office.workspace.clock.now()))


def cut_off(house: House, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Run the command and end it before a step, as a kill would."""

    def dies(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(where, dies)
        assert house(*CORRECT) == 130


@pytest.mark.parametrize(
    "step",
    [
        "distributor.operations.publishing.publish",
        "distributor.operations.correcting._rendered",
        "distributor.delivery.refreezing.count_in_hand",
        "distributor.delivery.refreezing._move",
        "distributor.delivery.decisions.resume",
    ],
)
def test_a_correction_killed_at_any_step_is_finished_by_the_same_command(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with sending(house) as running:
        wait_for(lambda: len(house.mail.taken) >= FIRST)
        running.send_signal(signal.SIGTERM)
        running.wait(60)
    gone = len(house.mail.taken)
    mend(house)
    cut_off(house, monkeypatch, step)

    before = set(expected(house).values())
    assert not any(edition.endswith("@2") for _digest, edition in before)
    assert house(*CORRECT) == 0
    assert house(*SEND) == 0

    assert judge(house) == (gone, READERS - gone)


async def _changed_while_running(house: House, until: Callable[[], bool]) -> None:
    async with asyncio.timeout(120), office_of(house) as office:
        stop = asyncio.Event()
        running = asyncio.create_task(delivering.dispatcher_of(office).run(stop))
        while not until():
            await asyncio.sleep(0.02)
        drafted = await correcting.draft(office, "55", "a01", "价格应为 41.5 元")
        await correcting.correct(office, drafted)
        (unsent,) = await correcting.unsent(office, drafted.issue)
        await correcting.send_rest(office, unsent.line)
        while await correcting.unsent(office, drafted.issue):
            await asyncio.sleep(0.05)
        stop.set()
        await running


def test_a_running_daemon_goes_on_with_the_new_text(house: House) -> None:
    with sending(house) as running:
        wait_for(lambda: len(house.mail.taken) >= 5)
        running.send_signal(signal.SIGTERM)
        running.wait(60)
    mend(house)

    asyncio.run(_changed_while_running(house, lambda: len(house.mail.taken) >= FIRST))

    old, new = judge(house)
    assert old >= FIRST
    assert new > 0
    assert re.search("41.5", texts(house)[True])
