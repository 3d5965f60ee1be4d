"""Steps that the tests of the beat share: offices with a pilot or an approval, and what the rows and copies say."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.content.loader import find_issue, load_issue
from distributor.delivery import counts, decisions
from distributor.identifiers import IssueId, ScheduleId, SlotKey
from distributor.operations.delivering import dispatcher_of
from distributor.operations.office import Office
from distributor.operations.worker import tick
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence
from distributor.schema import delivery, mailing, rendition
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace

READERS = {"all@example.com": "", "policy@example.com": "政策聚焦", "two@example.org": "市场热点、行业公告"}
STAFF = {"boss@example.com": "", "all@example.com": ""}
"""One who is also on the list of members, and one who is not."""

SLOT = "2015-W28#1"
RULE = 'max_age = "10d"'
PILOT = f'{RULE}\npilot = {{ list = "staff", hold = "2h" }}'
APPROVAL = f"{RULE}\napproval = true"
STAFF_LIST = '\n[[list]]\nname = "staff"\ntitle = "同事"\n'


def write_office(root: Path, schedule: str = RULE, *, url: URL | None = None, more: str = "") -> Path:
    """Write a workspace with issue 55, three members and two of the staff; `schedule` ends the weekly's table."""
    database = {} if url is None else {"sqlite:///var/distributor.db": _written(url)}
    write_workspace(root, changes={RULE: schedule} | database, more=STAFF_LIST + more)
    write_issue(root)
    write_list(root, "members", READERS)
    write_list(root, "staff", STAFF)
    return root


def _written(url: URL) -> str:
    return url.render_as_string(hide_password=False).replace("+aiosqlite", "")


@asynccontextmanager
async def edited(office: Office, changes: Mapping[str, str], clock: SetClock) -> AsyncIterator[Office]:
    """Replace text of the settings and open the office anew, as a daemon does that reads them again."""
    path = office.workspace.root / "distributor.toml"
    settings = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in settings
        settings = settings.replace(old, new)
    path.write_text(settings, encoding="utf-8")
    async with office_in(office.workspace.root, clock) as opened:
        yield opened


def at(text: str, zone: str = "Asia/Shanghai") -> datetime:
    """Return the UTC moment of a wall clock: `2015-07-10 09:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


async def beat(office: Office, clock: SetClock, moment: str | None = None) -> list[tuple[str, int]]:
    """Tick and deliver; return what was launched, as issue and send number."""
    if moment is not None:
        clock.moment = at(moment)
    done = await tick(office)
    await dispatcher_of(office).run_until_idle()
    return [(launched.issue, launched.send_no) for launched in done.launched]


async def row_of(office: Office, slot: str = SLOT, schedule: str = "weekly") -> Occurrence:
    async with office.database.read() as connection:
        found = await calendar.find(connection, ScheduleId(schedule), SlotKey(slot))
    assert found is not None
    return found


async def copies(office: Office) -> Counter[tuple[str, int]]:
    """Return how many copies each reader has, by address and send number."""
    async with office.database.read() as connection:
        rows = await connection.execute(sa.select(delivery.c.address, delivery.c.send_no))
        return Counter((row.address, row.send_no) for row in rows)


async def subjects(office: Office, send_no: int) -> set[str]:
    statement = sa.select(rendition.c.subject).join(mailing, mailing.c.id == rendition.c.mailing)
    async with office.database.read() as connection:
        return set(await connection.scalars(statement.where(mailing.c.send_no == send_no)))


async def mailings(office: Office) -> int:
    async with office.database.read() as connection:
        return len(await counts.mailings(connection))


async def approve(office: Office, issue: str = "2015-055") -> None:
    """Approve an issue as it lies on the disk now."""
    workspace = office.workspace
    loaded = load_issue(find_issue(workspace.root, issue), root=workspace.root, sections=workspace.sections)
    assert loaded.issue is not None
    async with office.database.write() as tx:
        await decisions.approve(
            tx, issue=IssueId(issue), fingerprint=loaded.issue.fingerprint, by="王主任", at=workspace.clock.now()
        )


def edit(root: Path, issue: str = "2015-055", article: str = "a01.md") -> None:
    """Change one article, as an editor does who mends it."""
    path = root / "content" / issue / article
    path.write_text(path.read_text(encoding="utf-8") + "\n改正的一段。\n", encoding="utf-8")


def set_status(root: Path, status: str, issue: str = "2015-055") -> None:
    path = root / "content" / issue / "issue.toml"
    text = path.read_text(encoding="utf-8")
    other = "draft" if status == "ready" else "ready"
    path.write_text(text.replace(f'"{other}"', f'"{status}"'), encoding="utf-8")
