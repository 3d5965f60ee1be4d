"""What a person is told of the running daemons: where they are, when they beat last, and settings that they refused."""

from distributor.cli.console import say, tr, words
from distributor.operations import presence
from distributor.operations.office import Office
from distributor.operations.presence import Presence
from distributor.operations.workspace import Workspace
from distributor.times import local_text


async def say_daemons(office: Office) -> None:
    """Print one line for each daemon that is known, the latest beat first, then what it refused; nothing without."""
    async with office.database.read() as connection:
        known = await presence.read(connection)
    for daemon in known:
        say(_line(office.workspace, daemon))
        for problem in daemon.use.refused:
            say(
                tr(f"    改过的设置没有采用：{words(problem)}", f"    edited settings were not taken: {words(problem)}")
            )


def _line(workspace: Workspace, daemon: Presence) -> str:
    beat, since = (local_text(moment, workspace.zone) for moment in (daemon.beat_at, daemon.use.settings_at))
    where = f"{daemon.host} {daemon.pid}"
    if daemon.is_alive(workspace.clock.now()):
        return tr(
            f"正在运行：{where}，最近一次查看 {beat}，{since} 起用现在的设置",
            f"running: {where}, last beat {beat}, with these settings since {since}",
        )
    return tr(f"没有声息：{where}，最近一次查看 {beat}", f"silent: {where}, last beat {beat}")
