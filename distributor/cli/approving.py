"""Commands of the desk: approve an issue, take in what lies in the inbox."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from distributor.cli.console import complain, say, say_json, say_problems, tr, words
from distributor.cli.editing import ISSUE_HELP
from distributor.cli.entry import office_of
from distributor.content.model import Issue
from distributor.operations.desk import approving, inbox
from distributor.operations.desk.approving import Approval
from distributor.operations.desk.desk_views import when_text
from distributor.operations.desk.inbox import INBOX, Taken
from distributor.operations.workspace import Workspace
from distributor.problems import Language
from distributor.times import local_text

_JSON = tr("输出 JSON", "print JSON")
_SHOWN = 12
_SET_ASIDE = 5


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("approve", help=tr("核准一期，之后再改就作废", "approve an issue as it is now"))(approve)
    app.command("inbox", help=tr("把 inbox/ 里的文件变成草稿", "turn what lies in inbox/ into drafts"))(take_in)


def approve(
    context: typer.Context,
    issue: Annotated[str, typer.Argument(metavar="ISSUE", help=ISSUE_HELP)],
    by: Annotated[str, typer.Option("--by", help=tr("谁核准的：姓名或邮箱", "who approves: a name or an address"))],
    as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False,
) -> None:
    """Approve an issue exactly as it is now; whoever edits it afterwards voids that."""
    asyncio.run(_approve(context, issue, by, as_json=as_json))


async def _approve(context: typer.Context, issue: str, by: str, *, as_json: bool) -> None:
    async with office_of(context) as office:
        approval = await approving.approve(office, issue, by)
        if as_json:
            say_json(_approval_json(office.workspace, approval))
            return
        _say_approved(office.workspace, approval)


def _say_approved(workspace: Workspace, approval: Approval) -> None:
    issue, signature = approval.issue, approval.signature
    at = local_text(signature.at, workspace.zone)
    if not approval.is_new:
        say(tr(f"{signature.by} 已于 {at} 核准，没有变化", f"{signature.by} approved this at {at} already"))
    say(
        tr(
            f"{issue.id} 已核准：{issue.date}，{len(issue.articles)} 篇，指纹 {_short(issue)}",
            f"{issue.id} is approved: {issue.date}, {len(issue.articles)} articles, fingerprint {_short(issue)}",
        )
    )
    for coming in approval.slots:
        when = when_text(workspace, coming, _language())
        say(tr(f"发送：{when}", f"goes out: {when}"))
        if coming.occurrence is not None and coming.occurrence.state == "held":
            release = f"distributor schedule release {coming.schedule}"
            say(tr(f"这一次已被暂缓，放行：{release}", f"that slot is held back, let it go: {release}"))
    if not approval.slots and approval.passed_over is not None:
        why = words(approval.passed_over)
        say(tr(f"下一次发送不会带上它：{why}", f"the next slot will not take it: {why}"))
    if not approving.asked_by(workspace):
        say(tr("没有计划要求核准（approval = true），不核准也会发", "no schedule asks for approval (approval = true)"))
    say(tr("之后再改这一期，核准就作废", "an edit from here on voids this approval"))


def take_in(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False) -> None:
    """Take in what has arrived, as `run` does at every beat."""
    asyncio.run(_take_in(context, as_json=as_json))


async def _take_in(context: typer.Context, *, as_json: bool) -> None:
    async with office_of(context) as office:
        workspace = office.workspace
        (workspace.root / INBOX).mkdir(exist_ok=True)
        taken = await inbox.take_in(office)
    if as_json:
        say_json([_taken_json(one) for one in taken])
    else:
        _say_taken(taken)
    if any(one.why is not None for one in taken):
        raise typer.Exit(_SET_ASIDE)


def _say_taken(taken: Sequence[Taken]) -> None:
    if not taken:
        say(tr("inbox/ 里没有新文件（刚放进去的要等 5 秒）", "nothing new in inbox/ (a new file waits 5 seconds)"))
    for one in taken:
        if one.why is not None:
            say_problems(one.why.problems)
            complain(tr(f"{one.name} 没有导入，放到了 {one.file}", f"{one.name} was refused: it lies at {one.file}"))
        if one.draft is not None:
            say_problems(one.draft.warnings)
            issue, count = one.draft.issue, one.draft.articles
            say(
                tr(
                    f"{one.name} 已成为草稿 {issue}（{count} 篇）",
                    f"{one.name} became draft {issue} ({count} articles)",
                )
            )
            say(tr(f"看过后：distributor ready {issue}", f"look at it, then `distributor ready {issue}`"))


def _language() -> Language:
    return "zh" if tr("zh", "en") == "zh" else "en"


def _short(issue: Issue) -> str:
    return issue.fingerprint[:_SHOWN]


def _approval_json(workspace: Workspace, approval: Approval) -> dict[str, object]:
    return {
        "issue": approval.issue.id,
        "date": approval.issue.date.isoformat(),
        "articles": len(approval.issue.articles),
        "fingerprint": approval.issue.fingerprint,
        "by": approval.signature.by,
        "at": approval.signature.at.isoformat(),
        "is_new": approval.is_new,
        "slots": [
            {
                "schedule": coming.schedule,
                "slot": coming.slot.key,
                "due_at": coming.slot.due_at.astimezone(workspace.zone).isoformat(),
                "held": coming.occurrence is not None and coming.occurrence.state == "held",
            }
            for coming in approval.slots
        ],
    }


def _taken_json(taken: Taken) -> dict[str, object]:
    return {
        "name": taken.name,
        "file": taken.file,
        "issue": taken.draft.issue if taken.draft else None,
        "articles": taken.draft.articles if taken.draft else 0,
        "refused": taken.why.text("en") if taken.why else None,
    }
