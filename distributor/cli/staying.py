"""Commands that keep going, and one beat for cron: run, serve, tick."""

import asyncio
import signal
import socket
from collections.abc import Coroutine

import typer

from distributor.cli.accounts import say_counts
from distributor.cli.console import complain, say, tr, words
from distributor.cli.entry import workspace_of
from distributor.config.environment import process_environment
from distributor.delivery import counts
from distributor.delivery.lanes import first_of
from distributor.delivery.model import Mailing
from distributor.delivery.runs import Progress as Run
from distributor.errors import HeldError
from distributor.operations import delivering, worker
from distributor.operations.office import Office, open_office
from distributor.operations.rehearsals import planning
from distributor.operations.service import daemon, rounds
from distributor.operations.service.reloading import Reloading
from distributor.operations.service.timekeeping import Watch
from distributor.operations.worker import Beat, Stay
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.scheduling.model import Occurrence
from distributor.scheduling.reasons import reason_text
from distributor.times import local_text
from distributor.web.app import Switch
from distributor.web.serving import Listener, listen_at, serve_until


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(
        "run",
        help=tr("常驻运行：按计划发送，并提供网页和退订页面", "the daemon: send by schedule and serve the pages"),
    )(run)
    app.command(
        "tick",
        help=tr("走一步就结束：到点的发出去（给 cron 用）", "one beat, then end: send what is due (for cron)"),
    )(tick)
    app.command(
        "serve",
        help=tr("只提供网页：往期、订阅源、选择栏目和退订", "serve the pages alone, send nothing"),
    )(serve)


def serve(context: typer.Context) -> None:
    """Serve archive, feeds and the pages that every mail links to, until stopped."""
    asyncio.run(_serve(workspace_of(context)))


async def _serve(workspace: Workspace) -> None:
    stop, asked = stop_on_signal(), ask_on_hangup()
    async with open_office(workspace) as office:
        reloading = Reloading(office, process_environment())
        pages, listener = _pages(reloading), listen_at(workspace.settings.web.listen)
        _say_served(workspace, listener)
        await _until_one_ends([serve_until(pages, listener, stop), _look_now_and_then(reloading, stop, asked)], stop)


async def _look_now_and_then(reloading: Reloading, stop: asyncio.Event, asked: asyncio.Event) -> None:
    """Take edited settings into use until `stop` is set, and at once whenever somebody asks."""
    while not stop.is_set():
        await first_of(stop.wait(), asked.wait(), asyncio.sleep(daemon.BEAT.total_seconds()))
        was_asked = asked.is_set()
        asked.clear()
        if not stop.is_set():
            await rounds.guarded("settings", reloading.look(asked=was_asked))


def _pages(reloading: Reloading) -> Switch:
    """Return the app of the office in use, which changes over with it."""
    pages = Switch(reloading.office)
    reloading.join(pages.prepare)
    return pages


def tick(context: typer.Context) -> None:
    """Launch what is due, deliver what can go now, say what waits and why."""
    workspace = workspace_of(context)
    # Asked before anything is opened or launched: a mailing that cannot be sent must not begin.
    delivering.transports_of(workspace)
    asyncio.run(_tick(workspace))


async def _tick(workspace: Workspace) -> None:
    stop = stop_on_signal()
    async with open_office(workspace) as office:
        dispatcher = delivering.dispatcher_of(office)
        if not await rounds.is_clock_believed(office, Watch(socket.gethostname())):
            await rounds.look_after(office, None)
            raise HeldError(_CLOCK_BEHIND)
        beat = await worker.tick(office)
        _say_beat(workspace, beat)
        await rounds.look_after(office, beat)
        progress = await dispatcher.run_until_idle(stop=stop)
        await _say_delivered(office, beat, progress)


def run(context: typer.Context) -> None:
    """Keep going: tick, send and serve until SIGTERM or SIGINT; SIGHUP looks at the settings at once."""
    workspace = workspace_of(context)
    delivering.transports_of(workspace)
    with daemon.only_one(workspace.var):
        asyncio.run(_run(workspace))


async def _run(workspace: Workspace) -> None:
    stop, asked = stop_on_signal(), ask_on_hangup()
    async with open_office(workspace) as office:
        reloading = Reloading(office, process_environment())
        pages, listener = _pages(reloading), listen_at(workspace.settings.web.listen)
        _say_served(workspace, listener)
        await _say_next(office)
        say(tr("按 Ctrl+C 结束；正在发的会先发完", "Ctrl+C ends it; messages under way go first"))
        house = daemon.keep(office, stop, reloading=reloading, asked=asked)
        await _until_one_ends([house, serve_until(pages, listener, stop)], stop)
    say(tr("已结束", "ended"))


async def _until_one_ends(work: list[Coroutine[None, None, None]], stop: asyncio.Event) -> None:
    """Run all of them; when one ends, tell the others to stop, let them end in order, then raise what went wrong."""
    tasks = [asyncio.create_task(one) for one in work]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.wait(tasks)
    for task in tasks:
        task.result()


def stop_on_signal() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; a second one is not waited for."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        stop.set()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, tell)
    return stop


def ask_on_hangup() -> asyncio.Event:
    """Return an event that every SIGHUP sets."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    return asked


def _say_served(workspace: Workspace, listener: Listener) -> None:
    what = (
        tr(
            "往期和订阅源（[web] mode = none，没有退订页面）",
            "archive and feeds ([web] mode = none: no personal pages)",
        )
        if workspace.settings.web.mode == "none"
        else tr("往期、订阅源、选择栏目和退订", "archive, feeds, preferences and unsubscribing")
    )
    say(tr(f"正在提供{what}：{listener.url}", f"serving {what}: {listener.url}"))
    say(tr(f"邮件里的地址是 {workspace.site.home_url}", f"mail links to {workspace.site.home_url}"))
    if not (workspace.public / "index.html").exists():
        complain(
            tr(
                f"{workspace.shown(workspace.public)} 里还没有网页 → 运行 distributor publish",
                f"no pages in {workspace.shown(workspace.public)} yet: run `distributor publish`",
            )
        )


async def _say_next(office: Office) -> None:
    slots = [coming for coming in await planning.coming_slots(office, 2) if coming.may_go]
    if not slots:
        say(tr("没有启用的计划，只发手工启动的", "no schedule is enabled; only what people start is sent"))
        return
    first = slots[0]
    issue = first.choice.issue.id if first.choice.issue else tr("还没有就绪的期", "no issue is ready yet")
    when = local_text(first.slot.due_at, office.workspace.zone)
    say(tr(f"下一次：{first.schedule} {when}，{issue}", f"next: {first.schedule} {when}, {issue}"))


def _say_beat(workspace: Workspace, beat: Beat) -> None:
    for launched in beat.launched:
        say(
            tr(
                f"已启动 {launched.issue} → {launched.origin}：{launched.planned} 份",
                f"launched {launched.issue} → {launched.origin}: {launched.planned} copies",
            )
        )
    for stay in beat.stayed:
        _say_stay(workspace, stay)
    for missed in beat.missed:
        why = words(reason_text(missed.reason))
        complain(tr(f"错过 {_slot(workspace, missed)}：{why}", f"missed {_slot(workspace, missed)}: {why}"))
    for issue, reason in beat.passed_over:
        say(tr(f"{issue} 不会自动发：{words(reason)}", f"{issue} stays: {words(reason)}"))
    if not (beat.launched or beat.stayed or beat.missed):
        say(tr("没有到点的", "nothing is due"))


def _say_stay(workspace: Workspace, stay: Stay) -> None:
    slot, why = _slot(workspace, stay.occurrence), words(stay.why)
    tell = say if stay.error is None else complain
    tell(tr(f"还没有发 {slot}：{why}", f"waits: {slot}: {why}"))


def _slot(workspace: Workspace, occurrence: Occurrence) -> str:
    return f"{occurrence.schedule} {local_text(occurrence.due_at, workspace.zone)}"


async def _say_delivered(office: Office, beat: Beat, progress: Run) -> None:
    for launched in beat.launched:
        await _say_account(office, launched)
    done = progress.accepted + progress.stored
    if done:
        say(tr(f"发出 {done:,} 份", f"{done:,} copies sent"))
    if progress.until is not None:
        when = local_text(progress.until, office.workspace.zone)
        say(tr(f"其余等到 {when}：{progress.reason}", f"the rest waits until {when}: {progress.reason}"))


async def _say_account(office: Office, launched: Mailing) -> None:
    async with office.database.read() as connection:
        say_counts(await counts.assert_accounted(connection, launched.id))


_CLOCK_BEHIND = wording(
    "这台机器的时钟比上一次运行时慢，没有启动发送 → 校准时钟；不校准的话十分钟后照常运行",
    "the clock of this machine is behind the last run, nothing was launched: set it; in ten minutes it is believed",
)
