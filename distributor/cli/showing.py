"""Commands that show: publish (archive and feeds), preview (everything there is to see, on this host)."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.console import LANGUAGE, complain, say, say_json, say_problems, tr
from distributor.cli.entry import office_of, root_of
from distributor.cli.staying import stop_on_signal
from distributor.config.environment import process_environment
from distributor.errors import EnvironmentFault
from distributor.operations import demonstration, publishing
from distributor.operations.clocks import SystemClock
from distributor.operations.publishing import Publication
from distributor.operations.workspace import Workspace, open_workspace
from distributor.times import Clock
from distributor.web.copying import office_copy
from distributor.web.preview import build_preview
from distributor.web.serving import Listener, listen_at, serve_until

_PORT = 8000


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("publish", help=tr("更新网页和订阅源（已发出的期）", "bring pages and feeds up to date"))(publish)
    app.command(
        "preview",
        help=tr(
            "在本机看：网页、订阅源、每封邮件、预演；不改动任何东西", "look at everything on this host; changes nothing"
        ),
    )(preview)


def publish(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """Bring archive and feeds up to date with what was launched, then deploy."""
    asyncio.run(_publish(context, as_json=as_json))


async def _publish(context: typer.Context, *, as_json: bool) -> None:
    async with office_of(context) as office:
        published = await publishing.publish(office)
        if as_json:
            say_json(_publication_json(published))
        else:
            _say_published(office.workspace, published)


def _say_published(workspace: Workspace, published: Publication) -> None:
    say_problems(published.problems)
    if published.problems:
        complain(tr("有问题的期，网页保持原样", "issues with faults keep the pages they have"))
    if not published.issues:
        say(tr("还没有发出过任何一期，网页上只有首页和订阅说明", "no issue was launched yet; only the frame is there"))
    say(
        tr(
            f"{workspace.shown(workspace.public)}：{len(published.issues)} 期，{published.files} 个文件，"
            f"更新了 {published.changed} 个",
            f"{workspace.shown(workspace.public)}: {len(published.issues)} issues, {published.files} files, "
            f"{published.changed} changed",
        )
    )
    if published.changed and workspace.settings.web.deploy:
        say(tr(f"已运行 {workspace.settings.web.deploy}", f"ran {workspace.settings.web.deploy}"))


def _publication_json(published: Publication) -> dict[str, object]:
    return {
        "issues": published.issues,
        "files": published.files,
        "changed": published.changed,
        "problems": [problem.text(LANGUAGE) for problem in published.problems],
    }


def preview(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help=tr("端口；默认 8000", "the port; default 8000"))
    ] = None,
) -> None:
    """Serve everything there is to see on this host until stopped."""
    root = root_of(context)
    asyncio.run(_preview(open_workspace(root, clock_of(root), process_environment()), port))


async def _preview(workspace: Workspace, port: int | None) -> None:
    stop = stop_on_signal()
    async with office_copy(workspace) as office:
        app, listener = build_preview(office, LANGUAGE), _listener(port)
        say(tr(f"预览：{listener.url}（按 Ctrl+C 结束）", f"preview: {listener.url} (Ctrl+C ends it)"))
        await serve_until(app, listener, stop)


def clock_of(root: Path) -> Clock:
    """Return the clock of a workspace: the demonstration has its own."""
    home = root.resolve()
    is_demonstration = (home.parent.name, home.name) == ("var", "demo")
    return demonstration.demo_clock() if is_demonstration else SystemClock()


def _listener(port: int | None) -> Listener:
    if port is not None:
        return listen_at(f"127.0.0.1:{port}")
    try:
        return listen_at(f"127.0.0.1:{_PORT}")
    except EnvironmentFault:
        return listen_at("127.0.0.1:0")
