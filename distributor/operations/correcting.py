"""Correct an article after publication: pages and feeds say so, nobody is mailed; what is unsent may get the new text.

Enters: an office, an issue, an article, a note for readers. Leaves: the article's file with note and moment in its
header, archive and feeds anew, and, where a person asks for it, another text for the copies that have not gone. Each
step is safe to repeat: a correction that was cut short is done again by the same words.
"""

import asyncio
import html
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.content import corrections
from distributor.content.header import parse_article
from distributor.content.loader import find_issue
from distributor.content.model import Article, Correction, Issue
from distributor.delivery import counts, decisions, ledger, pilots, refreezing
from distributor.delivery.counts import Counts, MailingLine
from distributor.delivery.refreezing import Refrozen
from distributor.editions import cut
from distributor.errors import AnotherProcess, EnvironmentFault, HeldError, InputError
from distributor.identifiers import EditionKey, ScheduleId, SectionId
from distributor.operations import publishing
from distributor.operations.files import holds
from distributor.operations.office import Office
from distributor.operations.publishing import Publication
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.rehearsal import SendingPlan, load_checked, only_sections, press_of
from distributor.problems import wording
from distributor.rendering.archive_views import issue_views
from distributor.rendering.mail import NOTICE, Press, inline_pictures, render_editions, render_notice
from distributor.rendering.masthead import Masthead
from distributor.rendering.model import InlinePicture, Placeholders, PublicFile, Rendition
from distributor.rendering.published import with_files
from distributor.rendering.urls import article_path
from distributor.schema import mailing

CHANGING_TEXT = "更正后换新文（correct --rest）"
"""Begins the reason of a pause that `send_rest` made and, when it is done, ends."""
PATIENCE = timedelta(minutes=3)
"""How long copies in hand are waited for; longer than the lease of a sender that died."""
_LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A correction before anything is written: the file's text as it is and as it will be.

    `text_changed` says whether the article's text differs from its published page; None where there is no page.
    """

    issue: Issue
    article: Article
    correction: Correction
    before: str
    after: str
    text_changed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A correction that is out: whether the article's file changed, and what publishing did."""

    draft: Draft
    file_changed: bool
    publication: Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A mailing of the issue with copies that have not gone, and its copies by state."""

    line: MailingLine
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What became of the copies that had not gone, and whether the mailing goes on."""

    refrozen: Refrozen
    goes_on: bool


async def draft(office: Office, issue: str, article: str, note: str) -> Draft:
    """Read the issue as strictly as a launch does and prepare the correction; nothing is written.

    Raises InputError: an issue or article unknown or with faults, one that was never launched, a note that is no line.
    """
    workspace = office.workspace
    checked, _warnings = await asyncio.to_thread(load_checked, workspace, find_issue(workspace.root, issue))
    if checked.id not in await publishing.launched_issues(office):
        raise InputError(
            wording(
                f"{checked.id} 还没有发出过，不用更正 → 直接改文章，再运行 distributor check {checked.number}",
                f"{checked.id} was never launched: just edit the article and run `distributor check {checked.number}`",
            )
        )
    meant = corrections.find_article(checked, article)
    now = workspace.clock.now().astimezone(workspace.zone)
    correction = corrections.made_correction(note, now.date(), shown=meant.path)
    before = corrections.read_article(workspace.root, meant)
    changed = await asyncio.to_thread(_text_changed, office, checked, meant)
    is_out = meant.corrections[-1:] == (correction,) and not changed
    minute = now.time().replace(second=0, microsecond=0)
    return Draft(
        issue=checked,
        article=meant,
        correction=correction,
        before=before,
        after=before if is_out else corrections.with_correction(before, meant, correction, minute),
        text_changed=changed,
    )


async def would_change(office: Office, drafted: Draft) -> tuple[PublicFile, ...]:
    """Return the public files that the correction would write; nothing is written."""
    fields = parse_article(drafted.after, drafted.article.path).fields
    assert fields is not None
    corrected = replace(
        drafted.article,
        updated=fields.updated,
        updated_time=fields.updated_time,
        corrections=fields.corrections,
    )
    articles = tuple(corrected if one.id == corrected.id else one for one in drafted.issue.articles)
    return await publishing.would_change(office, replace(drafted.issue, articles=articles))


async def correct(office: Office, drafted: Draft) -> Corrected:
    """Write the note into the article's file, then publish archive and feeds; nothing is mailed.

    Raises InputError where the issue got a fault meanwhile, EnvironmentFault for disk, database and deploy command.
    """
    workspace = office.workspace
    changed = drafted.after != drafted.before
    if changed:
        try:
            await asyncio.to_thread(corrections.write_article, workspace.root, drafted.article, drafted.after)
        except OSError as error:
            raise EnvironmentFault(
                wording(
                    f"写不了 {drafted.article.path}：{error.strerror} → 请检查权限和磁盘空间",
                    f"cannot write {drafted.article.path}: {error.strerror}: check rights and free space",
                )
            ) from error
    folder = workspace.root / drafted.issue.path
    checked, _warnings = await asyncio.to_thread(load_checked, workspace, folder)
    publication = await publishing.publish(office, launching=checked)
    return Corrected(draft=drafted, file_changed=changed, publication=publication)


async def unsent(office: Office, issue: Issue) -> tuple[Unsent, ...]:
    """Return the mailings of an issue that still have copies to go, the oldest first."""
    which = (
        mailing.c.channel == office.workspace.channel,
        mailing.c.issue == issue.id,
        mailing.c.state.in_(("running", "paused")),
    )
    async with office.database.read() as connection:
        lines = await counts.mailings(connection, which)
        found = [Unsent(line=one, counts=await counts.count_copies(connection, one.mailing.id)) for one in lines]
    return tuple(one for one in reversed(found) if one.counts.open)


async def send_rest(
    office: Office,
    of: MailingLine,
    *,
    patience: timedelta | None = None,
    waiting: Callable[[int], None] = lambda _in_hand: None,
) -> Rest:
    """Let the copies of a mailing that have not gone bear the text as the files have it now.

    The mailing is paused for it and goes on afterwards, unless a person had paused it; a pause that ends by itself is
    kept. `waiting` hears how many copies are in a sender's hands. Raises HeldError where they stay there: the mailing
    is then paused, and the same call goes on.
    """
    renditions, pictures = await _rendered(office, of)
    number = of.mailing.id
    async with office.database.write() as tx:
        before = await _paused(tx, of)
    await _until_free(office, before, PATIENCE if patience is None else patience, waiting)
    async with office.database.write() as tx:
        refrozen = await refreezing.refreeze(tx, number, renditions, pictures)
        mailed = before.mailing
        if mailed.state == "running" or _is_ours(before):
            await decisions.resume(tx, number)
        else:
            await decisions.pause(tx, number, reason=mailed.reason, resume_at=before.resume_at)
    return Rest(refrozen=refrozen, goes_on=mailed.state == "running" or _is_ours(before))


def _text_changed(office: Office, issue: Issue, article: Article) -> bool | None:
    workspace = office.workspace
    page = holds(workspace.public / article_path(article.id))
    if page is None:
        return None
    masthead = Masthead(publication=workspace.publication, sections=workspace.sections)
    (view,) = issue_views([with_files(issue, workspace.root)], masthead)
    body = next(one.body for one in view.articles if one.id == article.id)
    published = page.decode(errors="replace")
    return body not in published or article.title not in html.unescape(published)


async def _paused(tx: AsyncConnection, of: MailingLine) -> MailingLine:
    """Pause the mailing and return it as it was."""
    (before,) = await counts.mailings(tx, [mailing.c.id == of.mailing.id])
    if not await decisions.pause(tx, of.mailing.id, reason=CHANGING_TEXT):
        raise HeldError(wording("这次发送已取消，没有换文", "this mailing was cancelled; its text was not changed"))
    return before


def _is_ours(line: MailingLine) -> bool:
    return line.mailing.state == "paused" and line.mailing.reason == CHANGING_TEXT


async def _until_free(office: Office, of: MailingLine, patience: timedelta, waiting: Callable[[int], None]) -> None:
    """Wait until no sender holds copies of the paused mailing; what a dead one held is freed."""
    policy, number = office.workspace.settings.delivery.on_uncertain, of.mailing.id
    ends = asyncio.get_running_loop().time() + patience.total_seconds()
    while True:
        async with office.database.write() as tx:
            await tx.run_sync(ledger.recover, at=office.workspace.clock.now(), on_uncertain=policy)
            held = await refreezing.count_in_hand(tx, number)
        if not held:
            return
        waiting(held)
        if asyncio.get_running_loop().time() >= ends:
            raise AnotherProcess(
                wording(
                    f"发送 #{number} 有 {held} 份还在发送进程手里，保持暂停，没有换文 → 过几分钟再运行同一条命令",
                    f"{held} copies of mailing #{number} are still in a sender's hands; it stays paused, with the old "
                    "text: run the same command again in a few minutes",
                )
            )
        await asyncio.sleep(_LOOK_EVERY.total_seconds())


async def _rendered(office: Office, of: MailingLine) -> tuple[dict[EditionKey, Rendition], tuple[InlinePicture, ...]]:
    """Render the editions of which copies have not gone, as the files are now. Raises InputError and HeldError."""
    plan = _plan_of(office, of)
    workspace, mailed = office.workspace, of.mailing
    whole, _warnings = await asyncio.to_thread(load_checked, workspace, find_issue(workspace.root, mailed.issue))
    issue = whole if plan.sections is None else only_sections(whole, plan.sections)
    marks = Placeholders(token=mailed.token_mark, address=mailed.address_mark)
    press = press_of(workspace, marks, plan.body)
    async with office.database.read() as connection:
        await _refuse_unapproved(office, connection, of, whole)
        wanted = await refreezing.unsent_editions(connection, mailed.id)
    pictures = await asyncio.to_thread(inline_pictures, issue, press)
    made = await asyncio.to_thread(_render, issue, wanted, press)
    if mailed.send_no == pilots.SEND_NO:
        made = {key: pilots.marked(one, workspace.publication.language) for key, one in made.items()}
    return made, pictures


def _render(issue: Issue, wanted: frozenset[EditionKey], press: Press) -> dict[EditionKey, Rendition]:
    # An article that changed its section may leave an edition with fewer of them, or none; its readers stay.
    sections = {key: frozenset(map(SectionId, key.split("+"))) for key in sorted(wanted - {NOTICE})}
    editions = {key: edition for key, chosen in sections.items() if (edition := cut(issue, chosen))}
    rendered = zip(editions, render_editions(editions.values(), press), strict=True)
    made = {key: replace(rendition, edition=key) for key, rendition in rendered}
    return made | ({NOTICE: render_notice(issue, press)} if NOTICE in wanted else {})


def _plan_of(office: Office, of: MailingLine) -> SendingPlan:
    """Return what a mailing was launched from: its schedule as the settings have it now, or a person's lists."""
    schedule, is_slot, _slot = of.mailing.origin.partition("/")
    if not is_slot:
        return SendingPlan(issue=of.mailing.issue, lists=())
    if schedule not in {entry.id for entry in office.workspace.settings.schedule}:
        raise HeldError(
            wording(
                f"发送 #{of.mailing.id} 的计划 {schedule} 已从设置里删去，不知道它的栏目，没有换文 → 先把它写回设置",
                f"schedule {schedule} of mailing #{of.mailing.id} is gone from the settings, so its sections are "
                "unknown: write it back first; the text was not changed",
            )
        )
    return planning.plan_of_schedule(office, ScheduleId(schedule), of.mailing.issue)


async def _refuse_unapproved(office: Office, connection: AsyncConnection, of: MailingLine, issue: Issue) -> None:
    schedule = of.mailing.origin.partition("/")[0]
    entry = next((one for one in office.workspace.settings.schedule if one.id == schedule), None)
    if entry is None or not entry.approval or "/" not in of.mailing.origin:
        return
    if await decisions.is_approved(connection, issue=issue.id, fingerprint=issue.fingerprint):
        return
    raise HeldError(
        wording(
            f"计划 {schedule} 要核准，新文还没有核准，发送没有动 → distributor approve {issue.number} --by 姓名，"
            "再运行同一条命令",
            f"schedule {schedule} wants an approval and the new text has none: `distributor approve {issue.number} "
            "--by NAME`, then the same command; the mailing was not touched",
        )
    )
