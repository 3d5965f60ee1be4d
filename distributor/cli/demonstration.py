"""The command `demo`: the whole main job on the sample, printed step by step."""

import asyncio
from pathlib import Path

import typer

from distributor.cli.accounts import STATES, say_counts
from distributor.cli.console import complain, say, say_problems, say_table, tr
from distributor.cli.entry import root_of
from distributor.cli.rehearsing import edition_titles, say_plan
from distributor.config.environment import process_environment
from distributor.operations import demonstration
from distributor.operations.demonstration import Delivered
from distributor.operations.office import Office, open_office
from distributor.operations.workspace import Workspace, open_workspace
from distributor.problems import faults


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "demo",
        help=tr("用示例走完全程，结果在 var/demo，不发出任何邮件", "run the whole job on the sample, nothing leaves"),
    )(demo)


def demo(context: typer.Context) -> None:
    """Check, rehearse, launch, publish and deliver the sample issue into an outbox."""
    asyncio.run(_demo(demonstration.make_demo_workspace(root_of(context))))


async def _demo(folder: Path) -> None:
    workspace = open_workspace(folder, demonstration.demo_clock(), process_environment())
    async with open_office(workspace) as office:
        await _check(office)
        await demonstration.sync_lists(office)
        rehearsed = await demonstration.rehearse_next(office)
        say(tr("② 预演", "② rehearsal"))
        if rehearsed is not None:
            say_plan(workspace, rehearsed)
        else:
            say(
                tr(
                    "到期的一期在上次演示时已经发过，这次不会再发",
                    "what is due went in an earlier run; nothing goes twice",
                )
            )
        say()
        say(tr("③ 发送（到发件箱）", "③ delivery (to the outbox)"))
        for delivered in await demonstration.run_due(office):
            await _say_delivered(office, delivered)
    _say_next(workspace)


async def _check(office: Office) -> None:
    say(tr("① 检查示例内容", "① checking the sample"))
    problems = demonstration.check_sample(office)
    say_problems(problems)
    if faults(problems):
        complain(tr("示例内容有问题", "the sample has faults"))
        raise typer.Exit(2)
    say(tr("检查通过", "all checks passed"))
    say()


async def _say_delivered(office: Office, delivered: Delivered) -> None:
    workspace = office.workspace
    sizes = await demonstration.html_sizes(office, delivered.line.mailing.id)
    say(f"{delivered.line.mailing.issue}  {delivered.line.mailing.origin}")
    say_table(
        (tr("读者", "reader"), tr("地址", "address"), tr("栏目", "sections"), "HTML", tr("状态", "state")),
        [
            (
                copy.name or "—",
                copy.address,
                edition_titles(workspace, copy.edition),
                f"{sizes[copy.edition] / 1000:.1f} kB",
                tr(*STATES[copy.state]),
            )
            for copy in delivered.copies
        ],
        right=(3,),
    )
    say()
    mailing = delivered.line.mailing
    say(
        tr(
            f"计划 {mailing.planned} 份，已有 {mailing.already_mailed} 人，没有所选栏目 {mailing.without_section} 人",
            f"{mailing.planned} planned, {mailing.already_mailed} have it, {mailing.without_section} without a section",
        )
    )
    say_counts(delivered.counts)


def _say_next(workspace: Workspace) -> None:
    say()
    say(tr("④ 接下来可以看", "④ what to look at next"))
    say(f"  {workspace.public / 'index.html'}")
    say(f"  {workspace.public / 'feeds' / 'all.atom'}")
    say(f"  {workspace.outbox / 'new'}")
    preview = f"distributor --root {workspace.root} preview"
    say(tr(f"  make preview 或 {preview}：网页、订阅源、每一封邮件和预演", f"  make preview, or {preview}"))
