"""The office road: a document dropped into inbox/ becomes a draft issue, and operators are told.

Enters: an office. Leaves: what was taken, as `Taken`, and an incident for each. The document itself ends in inbox/done/
or, with a report beside it, in inbox/refused/. Before a document is moved there its incident is written, so that a
process that is killed anywhere in between leaves work to the next one and nothing untold.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from distributor import incidents
from distributor.errors import DatabaseFault, EnvironmentFault, InputError
from distributor.incidents import Cause, News
from distributor.operations.desk import arrivals, drafting
from distributor.operations.desk.arrivals import Claimed
from distributor.operations.desk.drafting import Draft
from distributor.operations.files import write_if_changed
from distributor.operations.office import Office
from distributor.problems import wording

INBOX = "inbox"
SETTLED = timedelta(seconds=5)
"""How long nothing may have changed in a file before it counts as whole."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One document and where it lies now, from the workspace: `draft` is what it became, or `why` it became none."""

    name: str
    file: str
    draft: Draft | None = None
    why: InputError | None = None


async def take_in(office: Office, *, settled: timedelta = SETTLED) -> tuple[Taken, ...]:
    """Take every document that has arrived, and tell operators of it; safe to repeat, and in several processes.

    What the disk refuses to move stays for the next time and holds up no other. Raises EnvironmentFault where the
    inbox itself cannot be used, and DatabaseFault.
    """
    box = office.workspace.root / INBOX
    if not box.is_dir():
        return ()
    try:
        with arrivals.alone(box) as is_ours:
            return await _take_all(office, box, settled) if is_ours else ()
    except EnvironmentFault:
        raise
    except OSError as error:
        raise EnvironmentFault(
            wording(f"收件夹不能用：{error}；请检查 inbox/ 的权限", f"inbox/ cannot be used: {error}; check its rights")
        ) from error


def subject_of(draft: Draft) -> str:
    """Return what an incident about this draft is about: the issue, and how it looks."""
    return f"{draft.issue}:{draft.fingerprint[:32]}"


async def _take_all(office: Office, box: Path, settled: timedelta) -> tuple[Taken, ...]:
    taken = []
    for claimed in await asyncio.to_thread(arrivals.claim, box, settled):
        try:
            taken.append(await _take(office, claimed, box))
        except OSError as error:
            arrivals.forgive(claimed)
            if isinstance(error, DatabaseFault):
                raise
            _LOG.error("a document could not be taken in", extra={"file": claimed.path.name, "why": str(error)})
    await _forget_removed(office, box)
    return tuple(taken)


async def _take(office: Office, claimed: Claimed, box: Path) -> Taken:
    name = claimed.path.name
    try:
        draft = await asyncio.to_thread(_draft_of, office, claimed)
    except InputError as error:
        return await _refuse(office, claimed, box, error)
    await _tell_of_draft(office, name, draft)
    kept = await asyncio.to_thread(arrivals.keep, claimed, box)
    _LOG.info("a document became a draft", extra={"file": name, "issue": draft.issue})
    return Taken(name=name, file=office.workspace.shown(kept), draft=draft)


def _draft_of(office: Office, claimed: Claimed) -> Draft:
    """Return the draft; whatever a foreign document does to its reader refuses that document and nothing else."""
    if claimed.hopeless:
        raise InputError(_DEADLY)
    try:
        return drafting.draft_of(office.workspace, claimed.path)
    except (InputError, OSError):
        raise
    except Exception as error:
        _LOG.exception("a document broke its reader", extra={"file": claimed.path.name})
        raise InputError(_UNREADABLE) from error


_UNREADABLE = wording(
    "程序读不了这份文件，详情在日志里 → 在 Word 里另存为 .docx 再放进来",
    "the file broke our reader, see the log: save it anew as .docx and drop it again",
)
_DEADLY = wording(
    "读这份文件时程序三次中断 → 在 Word 里另存为 .docx 再放进来，或用 distributor import 试读",
    "the program ended three times while reading this file: save it anew as .docx, or try `distributor import`",
)


async def _tell_of_draft(office: Office, name: str, draft: Draft) -> None:
    """Tell of a draft; what was told of an earlier form of it is over."""
    if not draft.is_draft:
        return
    now, subject = office.workspace.clock.now(), subject_of(draft)
    async with office.database.write() as tx:
        for one in await incidents.ongoing(tx):
            is_older = one.cause is Cause.DRAFT and one.subject.startswith(f"{draft.issue}:")
            if is_older and one.subject != subject:
                await incidents.clear(tx, Cause.DRAFT, one.subject, now)
        await incidents.report(tx, _news_of(name, draft), now)


def _news_of(name: str, draft: Draft) -> News:
    issue, warnings = draft.issue, len(draft.warnings)
    return News(
        cause=Cause.DRAFT,
        subject=subject_of(draft),
        what=wording(
            f"{name} 已成为草稿 {issue}：{draft.articles} 篇，{warnings} 个提醒",
            f"{name} became draft {issue}: {draft.articles} articles, {warnings} warnings",
        ),
        remedy=wording(
            f"看过后运行 distributor ready {issue}，再运行 distributor approve {issue} --by 姓名",
            f"look at it, then `distributor ready {issue}` and `distributor approve {issue} --by NAME`",
        ),
    )


async def _refuse(office: Office, claimed: Claimed, box: Path, error: InputError) -> Taken:
    target = await asyncio.to_thread(arrivals.place_of_refusal, claimed, box)
    report = f"{error.text('zh')}\n\n{error.text('en')}\n"
    await asyncio.to_thread(write_if_changed, arrivals.report_of(target), report.encode("utf-8-sig"))
    async with office.database.write() as tx:
        news = _news_of_refusal(target, office.workspace.shown(target), error)
        await incidents.report(tx, news, office.workspace.clock.now())
    await asyncio.to_thread(arrivals.set_aside, claimed, target)
    _LOG.warning("a document was refused", extra={"file": target.name, "why": error.text("en")})
    return Taken(name=claimed.path.name, file=office.workspace.shown(target), why=error)


def _news_of_refusal(target: Path, shown: str, error: InputError) -> News:
    first = error.problems[0] if error.problems else None
    why = first.what if first else wording(error.text("zh"), error.text("en"))
    remedy = first.remedy if first else wording("改好后再放进 inbox/", "mend it and drop it into inbox/ again")
    return News(
        cause=Cause.INBOX,
        subject=target.name,
        what=wording(f"{target.name} 没有导入：{why.zh}", f"{target.name} was not imported: {why.en}"),
        remedy=wording(
            f"{remedy.zh}（文件在 {shown}，办完后删去）", f"{remedy.en} (it lies at {shown}; delete it when done)"
        ),
    )


async def _forget_removed(office: Office, box: Path) -> None:
    """End what was told of refused documents that somebody has taken away."""
    async with office.database.read() as connection:
        told = [one for one in await incidents.ongoing(connection) if one.cause is Cause.INBOX]
    gone = [one.subject for one in told if not arrivals.is_refused(box, one.subject)]
    if not gone:
        return
    async with office.database.write() as tx:
        for subject in gone:
            await incidents.clear(tx, Cause.INBOX, subject, office.workspace.clock.now())
