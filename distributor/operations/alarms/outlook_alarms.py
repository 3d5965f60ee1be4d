"""What will go wrong unless a person sees to it: a disk, a calendar, a list, a slot that comes up with nothing ready.

Enters: an office, and what is known already. Leaves: what stands of each cause. A list file is read again only where it
changed since it was last brought in and a slot comes within a day and a half; beats stay cheap.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from distributor import incidents
from distributor.errors import InputError
from distributor.identifiers import ListName
from distributor.incidents import Cause, Incident, News
from distributor.operations import membership
from distributor.operations.alarms.slot_alarms import name_of
from distributor.operations.alarms.standing import Standing
from distributor.operations.desk import approving
from distributor.operations.examinations import machine
from distributor.operations.examinations.calendar import examine_calendar
from distributor.operations.examinations.findings import told
from distributor.operations.office import Office
from distributor.operations.rehearsals.planning import ScheduledSlot
from distributor.operations.rehearsals.rehearsal import load_ready
from distributor.operations.workspace import Workspace
from distributor.problems import Wording, wording
from distributor.scheduling.forecast import upcoming
from distributor.scheduling.model import Occurrence
from distributor.scheduling.workdays import ending_soon
from distributor.schema import list_file
from distributor.times import local_text, parse_duration

LISTS_AHEAD = timedelta(hours=36)
LARGEST_READ = 2_000_000
"""Bytes of a list file, some 40,000 people: a larger one takes seconds to compare and is looked at by the launch."""
ROOM_REGAINED = 1.2
"""By how much the free room must exceed a threshold again, so that a file that comes and goes is no news each time."""
_ROOMS = (("var", machine.LITTLE_SPACE), ("var full", machine.TOO_LITTLE_SPACE))


def disk(workspace: Workspace, known: Collection[Incident]) -> Standing:
    """Return which thresholds of free room are undershot; one that was, until there is a good deal more."""
    try:
        free = machine.free_bytes(workspace.var if workspace.var.exists() else workspace.root)
    except OSError as error:
        return _room_unknown(error)
    open_ones = {one.subject for one in known if one.cause is Cause.DISK}
    low = [
        subject for subject, least in _ROOMS if free < least or (subject in open_ones and free < least * ROOM_REGAINED)
    ]
    seen = machine.examine_disk(workspace.var, lambda _folder: free)
    remedy = seen.remedy or machine.examine_disk(workspace.var, lambda _folder: 0).remedy
    assert remedy is not None
    what = wording(f"{workspace.var} 所在的磁盘{seen.seen.zh}", f"The disk of {workspace.var}: {seen.seen.en}")
    return Standing(
        cause=Cause.DISK,
        news=tuple(News(cause=Cause.DISK, subject=subject, what=what, remedy=remedy) for subject in low),
    )


def _room_unknown(error: OSError) -> Standing:
    what = wording(f"看不到磁盘空间：{error}", f"The free room cannot be told: {error}")
    remedy = wording("检查磁盘是否挂载", "Check whether the disk is mounted")
    return Standing(cause=Cause.DISK, news=(News(cause=Cause.DISK, subject="var", what=what, remedy=remedy),))


def workdays(workspace: Workspace) -> Standing:
    """Return whether the known working days end within 60 days, where an enabled schedule asks for them."""
    asked = any(rule.enabled and rule.policy != "send" for rule in workspace.rules)
    if not asked or ending_soon(workspace.workdays, workspace.today) is None:
        return Standing(cause=Cause.CALENDAR)
    ending = examine_calendar(workspace)[0]
    assert ending.remedy is not None
    known_until = workspace.workdays.known_until.isoformat()
    news = News(cause=Cause.CALENDAR, subject=known_until, what=ending.seen, remedy=ending.remedy)
    return Standing(cause=Cause.CALENDAR, news=(news,))


async def lists(office: Office, rows: Sequence[Occurrence], known: Collection[Incident], now: datetime) -> Standing:
    """Return the lists whose file lost so many people that the next launch would stop."""
    soon = {
        row.schedule for row in rows if row.state in ("planned", "waiting_content") and row.due_at <= now + LISTS_AHEAD
    }
    entries = [entry for entry in office.workspace.settings.schedule if entry.enabled]
    wanted = {name for entry in entries if entry.id in soon for name in entry.lists}
    open_ones = {one.subject for one in known if one.cause is Cause.LIST_SHRUNK}
    looked_at = [name for name in office.workspace.list_names if name in wanted or name in open_ones]
    found = [news for name in await _changed(office, looked_at) if (news := await _shrunk(office, name)) is not None]
    return Standing(
        cause=Cause.LIST_SHRUNK, news=tuple(found), kept=frozenset(open_ones - set(office.workspace.list_names))
    )


async def _changed(office: Office, names: Sequence[ListName]) -> list[ListName]:
    """Return the lists whose file is not the one that was last brought in, as far as its time tells."""
    if not names:
        return []
    async with office.database.read() as connection:
        rows = await connection.execute(sa.select(list_file.c.list, list_file.c.synced_at))
        synced = {row.list: row.synced_at for row in rows}
    return [name for name in names if name in synced and _is_newer(office.workspace.list_file(name), synced[name])]


def _is_newer(path: Path, than: datetime) -> bool:
    """Say whether a list file came or changed since, and can be compared quickly."""
    if not path.exists():
        return False
    seen = path.stat()
    # The time of the inode's change: copying a file with its old date does not keep that.
    return seen.st_size <= LARGEST_READ and datetime.fromtimestamp(seen.st_ctime, UTC) > than


async def _shrunk(office: Office, name: ListName) -> News | None:
    try:
        (sync,) = await membership.compare_lists(office, [name])
    except InputError:
        return None
    if sync.difference is None or not sync.difference.is_new_file or not sync.is_held:
        return None
    what, remedy = told(membership.shrunk(sync).message)
    return News(cause=Cause.LIST_SHRUNK, subject=name, what=what, remedy=remedy)


async def reminders(office: Office, now: datetime) -> Standing:
    """Return the slots that come up within their schedule's `remind` and have nothing that may go.

    What operators were told of once for a slot is not told again, whatever becomes ready and a draft again.
    """
    if not _any_within(office.workspace, now):
        return Standing(cause=Cause.REMINDER)
    news: list[News] = []
    for coming in await approving.next_slots(office):
        remind = office.workspace.schedule(coming.schedule).remind
        ahead = parse_duration(remind) if remind else None
        if ahead is None or not coming.slot.due_at - ahead <= now < coming.slot.due_at or _is_held(coming):
            continue
        lacking = await _lacking(office, coming)
        if lacking is not None:
            news.append(_reminder(office.workspace, coming, lacking))
    return Standing(cause=Cause.REMINDER, news=tuple(news))


async def without_repeated(office: Office, standing: Standing, known: Collection[Incident]) -> Standing:
    """Leave out what was told once and is over, although it is so again."""
    open_ones = {one.subject for one in known if one.cause is standing.cause}
    async with office.database.read() as connection:
        fresh = [
            news
            for news in standing.news
            if news.subject in open_ones or not await incidents.was_told(connection, news.cause, news.subject)
        ]
    return Standing(cause=standing.cause, news=tuple(fresh), kept=standing.kept)


def _any_within(workspace: Workspace, now: datetime) -> bool:
    """Say whether any slot is near enough to be reminded of, without looking at content or database."""
    for rule in workspace.rules:
        remind = workspace.schedule(rule.id).remind if rule.enabled else None
        ahead = parse_duration(remind) if remind else None
        slots = upcoming(rule, workspace.workdays, now, 2) if ahead else ()
        if ahead and any(slot.due_at - ahead <= now for slot in slots):
            return True
    return False


def _is_held(coming: ScheduledSlot) -> bool:
    return coming.occurrence is not None and coming.occurrence.state == "held"


async def _lacking(office: Office, coming: ScheduledSlot) -> Wording | None:
    """Return what a slot lacks, None where an issue may go."""
    if coming.choice.issue is None:
        behind = dict(coming.choice.passed_over).items()
        return wording(
            "\n".join(["还没有可发的一期", *(f"{issue}：{why.zh}" for issue, why in behind)]),
            "\n".join(["No issue may go yet", *(f"{issue}: {why.en}" for issue, why in behind)]),
        )
    issue = coming.choice.issue.id
    try:
        await asyncio.to_thread(load_ready, office.workspace, issue)
    except InputError as error:
        return wording(f"{issue} 有错：\n{error.text('zh')}", f"{issue} has faults:\n{error.text('en')}")
    if not office.workspace.schedule(coming.schedule).approval:
        return None
    if (await approving.state(office, issue)).standing == "approved":
        return None
    return wording(f"{issue} 已就绪，还没有核准", f"{issue} is ready and not approved yet")


def _reminder(workspace: Workspace, coming: ScheduledSlot, lacking: Wording) -> News:
    at = local_text(coming.slot.due_at, workspace.zone)
    subject = name_of(coming.occurrence) if coming.occurrence else f"{coming.schedule}/{coming.slot.key}"
    issue = coming.choice.issue.id if coming.choice.issue else None
    approval = workspace.schedule(coming.schedule).approval
    ready = (
        wording(f"检查：distributor check {issue}", f"look at it with `distributor check {issue}`")
        if issue
        else wording(
            "检查好的一期用 distributor ready 定稿（写上期号）",
            "mark a checked issue ready with `distributor ready ISSUE`",
        )
    )
    approve = (
        wording(
            f"；核准：distributor approve {issue or '期号'} --by 姓名",
            f", approve it with `distributor approve {issue or 'ISSUE'} --by NAME`",
        )
        if approval
        else wording("", "")
    )
    return News(
        cause=Cause.REMINDER,
        subject=subject,
        what=wording(
            f"{coming.schedule} 定在 {at} 发送。{lacking.zh}", f"{coming.schedule} sends at {at}. {lacking.en}"
        ),
        remedy=wording(
            f"{ready.zh}{approve.zh}；这次不发了：distributor schedule skip {subject}",
            f"{ready.en}{approve.en}; to leave it out: `distributor schedule skip {subject}`",
        ),
    )
