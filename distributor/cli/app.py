"""The command line: one Typer application, its global options, and what an error becomes.

A command parses, runs one operation, prints. Exit codes: 0 done; 1 internal error; 2 usage, input or config refused,
nothing changed; 3 environment; 4 held; 5 done, but rows were set aside.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor import __version__
from distributor.cli import (
    agenda,
    approving,
    backing_up,
    correcting,
    deciding,
    demonstration,
    doctor,
    editing,
    keys,
    readers,
    rehearsing,
    sending,
    settling,
    showing,
    staying,
    telling,
)
from distributor.cli.console import complain, prepare_streams, say, say_error, tr
from distributor.cli.logs import set_up_logging
from distributor.errors import DistributorError

app = typer.Typer(
    name="distributor",
    help=tr(
        "把一期内容变成邮件、订阅源和网页，并按名单和时间发出去；每一份都有账可查。",
        "Turn an issue into mail, feeds and pages, and deliver it by list and schedule; every copy accounted for.",
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# Newer typer carries a click of its own, older ones use the package: this is the one whose errors it raises.
_UsageRefused: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
_LONG_RUNNING = ("run", "serve", "tick")
"""Their log is their output; the others speak for themselves and log only what is wrong."""

for room in (
    editing,
    rehearsing,
    sending,
    telling,
    agenda,
    approving,
    deciding,
    correcting,
    settling,
    readers,
    keys,
    showing,
    staying,
    doctor,
    backing_up,
    demonstration,
):
    room.add_to(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"distributor {__version__}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root", help=tr("工作区文件夹；默认从当前文件夹向上找 distributor.toml", "the workspace folder")
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=tr("打印更多日志", "log more"))] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help=tr("显示版本号", "show the version")),
    ] = False,
) -> None:
    """Keep the global options for the command."""
    context.obj = root
    quiet = logging.INFO if context.invoked_subcommand in _LONG_RUNNING else logging.WARNING
    set_up_logging(logging.DEBUG if verbose else quiet)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    prepare_streams()
    try:
        result = app(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except DistributorError as error:
        say_error(error)
        return error.exit_code
    except _UsageRefused as error:
        error.show()
        return 2
    except (KeyboardInterrupt, typer.Abort):
        complain(tr("已中断；没有发完的下次会接着发", "interrupted; what is left goes on next time"))
        return 130
    except Exception:
        logging.getLogger(__name__).exception("internal error")
        complain(tr("程序内部出错，请把上面的日志发给维护者", "internal error; please report it with the log above"))
        return 1
    return result if isinstance(result, int) else 0
