"""From the command line's options to an open workspace or office: the one place where commands begin."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import typer

from distributor.config.environment import process_environment
from distributor.config.loader import find_workspace
from distributor.operations.clocks import SystemClock
from distributor.operations.office import Office, open_office
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
