"""Deliver: the ways out that are configured, a letter room and a dispatcher, put to work on what the ledger holds."""

import asyncio
from collections.abc import Callable
from random import Random

from distributor.delivery import counts
from distributor.delivery.counts import Counts
from distributor.delivery.dispatcher import Dispatcher
from distributor.delivery.model import Transport
from distributor.delivery.outbox import OutboxTransport
from distributor.delivery.runs import Habits
from distributor.delivery.runs import Progress as Run
from distributor.delivery.session import is_reserved
from distributor.delivery.transport import SmtpTransport
from distributor.delivery.ways import Outlet
from distributor.errors import ConfigError
from distributor.identifiers import MailingId
from distributor.operations.letters import LetterRoom
from distributor.operations.office import Office
from distributor.operations.workspace import Workspace
from distributor.problems import Problem, wording

Progress = Callable[[Run], None]


def transports_of(workspace: Workspace) -> tuple[Transport, ...]:
    """Return the configured ways out. Raises ConfigError where there is none: nothing leaves by accident."""
    if workspace.channel == "outbox":
        return (OutboxTransport(workspace.outbox),)
    if not workspace.servers:
        places = workspace.config.places
        raise ConfigError(
            wording("没有邮件服务器，没有发送", "no mail server; nothing was sent"),
            problems=[
                Problem(
                    path=places.path,
                    line=places.line_of("delivery", "transport"),
                    what=wording('transport = "smtp"，但没有 [[smtp]]', 'transport = "smtp" but no [[smtp]] table'),
                    remedy=wording(
                        '加上 [[smtp]]（见 docs/how-to/connect-a-mail-server.md），试用时写 transport = "outbox"',
                        'add an [[smtp]] table (docs/how-to/connect-a-mail-server.md), or try transport = "outbox"',
                    ),
                )
            ],
        )
    return tuple(SmtpTransport(server) for server in workspace.servers)


def dispatcher_of(office: Office, progress: Progress | None = None) -> Dispatcher:
    """Return a dispatcher over the configured ways out. Raises ConfigError where there is none."""
    workspace = office.workspace
    chosen = workspace.settings.delivery
    habits = Habits(on_uncertain=chosen.on_uncertain, window=chosen.window)
    return Dispatcher(
        opened=office.database,
        outlets=[_outlet(office, index, transport) for index, transport in enumerate(transports_of(workspace))],
        clock=workspace.clock,
        randomness=Random(),  # noqa: S311 - spreads retries, guards nothing
        habits=habits,
        on_progress=progress or (lambda _run: None),
        destinations=workspace.destinations,
    )


async def deliver(
    office: Office, mailing: MailingId, *, progress: Progress | None = None, stop: asyncio.Event | None = None
) -> Counts:
    """Deliver what is left of one mailing until nothing is due, and return its copies by state."""
    await dispatcher_of(office, progress).run_until_idle(mailing, stop=stop)
    async with office.database.read() as connection:
        return await counts.assert_accounted(connection, mailing)


def _outlet(office: Office, index: int, transport: Transport) -> Outlet:
    workspace = office.workspace
    if not isinstance(transport, SmtpTransport):
        room = LetterRoom(office)
        return Outlet(
            transport=transport,
            connections=1,
            compose=room.compose,
            prepare=room.prepare,
            allows=lambda _address: True,
        )
    server = transport.server
    room = LetterRoom(office, server.headers, workspace.signer if server.sign else None, server.return_path)
    here = server.is_on_this_host
    return Outlet(
        transport=transport,
        connections=workspace.settings.smtp[index].connections,
        messages_per_connection=workspace.settings.smtp[index].messages_per_connection,
        compose=room.compose,
        prepare=room.prepare,
        allows=lambda address: here or not is_reserved(address),
        rates=workspace.rates[index],
    )
