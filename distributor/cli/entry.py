"""From the command line's options to an open workspace or office: the one place where commands begin."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import typer

from distributor.cli.console import complain, tr
from distributor.config.environment import process_environment
from distributor.config.loader import find_workspace
from distributor.errors import ConfigError, WorkspaceNotFound
from distributor.operations.clocks import SystemClock
from distributor.operations.office import Office, open_office
from distributor.operations.service import settings_in_use
from distributor.operations.workspace import Workspace, open_workspace
from distributor.times import Clock


def root_of(context: typer.Context) -> Path:
    """Return the workspace's folder: --root, or found from here upward. Raises WorkspaceNotFound."""
    explicit: Path | None = context.obj
    return find_workspace(Path.cwd(), explicit)


def workspace_of(context: typer.Context, clock: Clock | None = None) -> Workspace:
    """Return the workspace with everything that needs no database. Raises ConfigError."""
    return open_workspace(root_of(context), clock or SystemClock(), process_environment())


@asynccontextmanager
async def office_of(context: typer.Context, clock: Clock | None = None) -> AsyncIterator[Office]:
    """Yield the open office. Raises ConfigError and DatabaseFault."""
    async with open_office(workspace_of(context, clock)) as office:
        yield office


@asynccontextmanager
async def office_to_look_into(context: typer.Context) -> AsyncIterator[Office]:
    """Yield the open office; while the settings are wrong, the one by the settings last in use, for looking only.

    Raises ConfigError in the end all the same where they are wrong: the command ends with code 2 and every problem.
    """
    try:
        workspace = workspace_of(context)
    except WorkspaceNotFound:
        raise
    except ConfigError as error:
        copy = settings_in_use.open_copy(root_of(context), SystemClock())
        if copy is None:
            raise
        complain(_OLD_SETTINGS)
        async with open_office(copy) as office:
            yield office
        raise error from None
    async with open_office(workspace) as office:
        yield office


_OLD_SETTINGS = tr(
    "设置有错（见最后），下面按最近一次采用的设置显示；正在运行的 distributor run 也仍用那份设置",
    "the settings are wrong (see below); this is shown by the settings last in use, "
    "with which a running `distributor run` goes on",
)
