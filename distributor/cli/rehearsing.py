"""The command that rehearses: `plan`, and how a rehearsal reads in a terminal."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.console import LANGUAGE, complain, say, say_json, say_pairs, say_problems, say_table, tr, words
from distributor.cli.editing import ISSUE_HELP
from distributor.cli.entry import workspace_of
from distributor.cli.plan_differences import difference_json, say_difference
from distributor.cli.plan_json import plan_json
from distributor.errors import InputError
from distributor.identifiers import EditionKey
from distributor.operations import membership, sending
from distributor.operations.files import write_if_changed
from distributor.operations.membership import ListSync
from distributor.operations.office import Office
from distributor.operations.rehearsals import past_plans, planning
from distributor.operations.rehearsals.edition_titles import edition_title
from distributor.operations.rehearsals.past_plans import PlanDifference
from distributor.operations.rehearsals.plan_figures import (
    Pair,
    audience_figures,
    domain_rows,
    moment_figures,
    on_several_lists,
    slot_figures,
    verdict,
)
from distributor.operations.rehearsals.planning import AudiencePlan
from distributor.operations.workspace import Workspace
from distributor.problems import faults, wording
from distributor.web.copying import bring_lists, office_copy
from distributor.web.gallery import gallery_file

REFUSED = 2


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(
        "plan", help=tr("预演下一次发送：谁收到什么、多大、何时发完；不发送", "rehearse the next mailing, send nothing")
    )(plan)


def plan(
    context: typer.Context,
    issue: Annotated[str | None, typer.Argument(metavar="[ISSUE]", help=ISSUE_HELP)] = None,
    lists: Annotated[
        list[str] | None, typer.Option("--list", "-l", help=tr("名单，可写多次", "a list; may repeat"))
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help=tr("和上一次 plan 比，有什么变了", "what changed since the last plan"))
    ] = False,
    html: Annotated[
        bool,
        typer.Option("--html", help=tr("把每种版本并排写成一个网页", "write every edition side by side as a page")),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help=tr("网页写到这个文件", "where the page goes; default var/plans"))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> int:
    """Rehearse the next scheduled mailing, or an issue to lists."""
    options = (diff, html or out is not None, as_json)
    return asyncio.run(_plan(workspace_of(context), (issue, lists or []), out, options))


async def _plan(
    workspace: Workspace, asked: tuple[str | None, list[str]], out: Path | None, options: tuple[bool, bool, bool]
) -> int:
    diff, html, as_json = options
    if out is not None:
        _refuse_unwritable(out)
    async with office_copy(workspace) as office:
        audience, changed = await _rehearse(office, *asked)
        record = past_plans.record_of(audience)
        before = past_plans.last(workspace.var, record.name) if diff else None
        difference = past_plans.compare(before, record) if before else None
        past_plans.keep(workspace.var, record)
        page = out or workspace.var / past_plans.PLANS / f"{record.name}.html"
        if html:
            text = await asyncio.to_thread(gallery_file, office, audience, LANGUAGE)
            write_if_changed(page, text.encode(), mode=0o600)
    if as_json:
        compared = {"difference": difference_json(workspace, difference)} if diff else {}
        say_json(plan_json(workspace, audience) | compared | ({"html": str(page)} if html else {}))
    else:
        say_plan(workspace, audience)
        _say_changed(workspace, changed)
        _say_compared(workspace, difference, asked=diff)
        if html:
            say(tr(f"并排的版本：{workspace.shown(page)}", f"side by side: {workspace.shown(page)}"))
    return _exit_code(audience)


def _refuse_unwritable(out: Path) -> None:
    """Refuse a place for the page before anything is rehearsed for it."""
    folder = out.resolve().parent
    if not folder.is_dir():
        why = wording(f"{out}：没有文件夹 {folder}", f"{out}: there is no folder {folder}")
    elif out.is_dir():
        why = wording(f"{out} 是文件夹 → --out 后面写文件名", f"{out} is a folder: give a file after --out")
    elif not os.access(folder, os.W_OK):
        why = wording(f"{out}：文件夹 {folder} 不能写", f"{out}: the folder {folder} cannot be written")
    else:
        return
    raise InputError(why)


async def dry_run(workspace: Workspace, issue: str, lists: list[str]) -> int:
    """Rehearse an issue to lists and print it; not even the plan is kept."""
    async with office_copy(workspace) as office:
        audience, changed = await _rehearse(office, issue, lists)
    say_plan(workspace, audience)
    _say_changed(workspace, changed)
    return _exit_code(audience)


async def _rehearse(office: Office, issue: str | None, lists: list[str]) -> tuple[AudiencePlan, tuple[ListSync, ...]]:
    """Rehearse with the list files brought in; return the plan and the files that changed since their last sync."""
    if issue is None and lists:
        raise InputError(wording("写了 --list 也要写期号", "give the issue together with --list"))
    names = membership.list_names(office, lists)
    changed = (await bring_lists(office)).changed
    if issue is None:
        audience = await planning.plan_next(office)
    else:
        plan = sending.plan_of(office, issue, names)
        audience = await planning.plan_sending(office, plan, office.workspace.clock.now())
    return audience, tuple(sync for sync in changed if sync.list in audience.plan.lists)


def _exit_code(audience: AudiencePlan) -> int:
    return REFUSED if faults(audience.findings) else 0


def say_plan(workspace: Workspace, audience: AudiencePlan) -> None:
    """Print a rehearsal: who gets what, who does not and why, when the last copy leaves, what proofreading found."""
    issue = audience.rehearsal.issue
    say_problems(audience.rehearsal.warnings)
    lists = "、".join(audience.plan.lists)
    say(tr(f"预演：第 {issue.number} 期（{issue.date}）→ {lists}", f"rehearsal: issue {issue.id} → {lists}"))
    _say_figures(slot_figures(workspace, audience.slot))
    say()
    _say_editions(workspace, audience)
    _say_audience(audience)
    say()
    _say_figures((*audience_figures(audience), *moment_figures(workspace, audience)))
    say()
    say_problems(audience.findings)
    (complain if faults(audience.findings) else say)(words(verdict(audience)))


def _say_figures(pairs: Sequence[Pair]) -> None:
    say_pairs({words(name): words(value) for name, value in pairs})


def _say_editions(workspace: Workspace, audience: AudiencePlan) -> None:
    head = [tr("栏目", "sections"), tr("读者", "readers"), "HTML", tr("纯文本", "text"), tr("缩短", "shortened")]
    some_have_it = any(line.copies != line.readers for line in audience.editions)
    rows = [
        [
            edition_titles(workspace, line.edition),
            line.readers,
            *([line.copies] if some_have_it else []),
            f"{line.html_bytes / 1000:.1f} kB",
            f"{line.text_bytes / 1000:.1f} kB",
            line.shortened,
        ]
        for line in audience.editions
    ]
    if some_have_it:
        head.insert(2, tr("将发出", "to go"))
    say_table(head, rows, right=tuple(range(1, len(head))))


def _say_audience(audience: AudiencePlan) -> None:
    if not audience.copies:
        return
    to_go = tr("将发出", "to go")
    say()
    rows = [(words(domain), f"{number:,}") for domain, number in domain_rows(audience)]
    say_table((tr("域名", "domain"), to_go), rows, right=(1,))
    say()
    lists = [(name, f"{number:,}") for name, number in audience.audience.lists.items()]
    say_table((tr("名单", "list"), to_go), lists, right=(1,))
    several = on_several_lists(audience)
    if several:
        say(words(several))


def _say_changed(workspace: Workspace, changed: tuple[ListSync, ...]) -> None:
    for one in changed:
        copied = workspace.settings.database.url.startswith("sqlite")
        say(
            tr(
                f"{one.path} 有改动，发送前会先同步" + ("，上面已按改动后的算" if copied else "，上面还没有算进去"),
                f"{one.path} changed and is synced before the launch; "
                + ("counted as it is now" if copied else "not counted yet"),
            )
        )


def _say_compared(workspace: Workspace, difference: PlanDifference | None, *, asked: bool) -> None:
    if not asked:
        return
    say()
    if difference is None:
        say(tr("没有可比的：这是第一次 plan", "there is nothing to compare with: this is the first plan"))
    else:
        say_difference(workspace, difference)


def edition_titles(workspace: Workspace, key: EditionKey) -> str:
    """Return an edition's section titles, `全部 6 个栏目` when it has them all."""
    return words(edition_title(workspace.sections, key))
