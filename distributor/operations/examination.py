"""The examination behind `distributor doctor`: everything that a mailing will need, looked at before it is needed.

Enters: a workspace's folder, and what to look with. Leaves: one `Finding` after the other, as they are made. Nothing is
changed and nothing is mailed: no key is made, no database migrated, and at a mail server the last word is RSET.
"""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distributor.delivery.session import Timeouts
from distributor.operations.examinations import machine, servers
from distributor.operations.examinations.calendar import examine_calendar, examine_schedules
from distributor.operations.examinations.database import Examined, examine_database, message_bytes
from distributor.operations.examinations.domain import Names, examine_domain
from distributor.operations.examinations.findings import Check, Finding
from distributor.operations.examinations.keys import examine_dkim_key, examine_passwords, examine_token_key
from distributor.operations.examinations.lists import examine_lists
from distributor.operations.examinations.nameservers import Lookup
from distributor.operations.examinations.servers import Trial, examine_server
from distributor.operations.examinations.settings import examine_publication, examine_settings
from distributor.operations.examinations.templates import examine_templates
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.times import Clock

_SERVERS = Check(name="smtp", title=wording("邮件服务器", "mail servers"))
_UNSEEN = tuple(
    Check(name=name, title=wording(zh, en))
    for name, zh, en in (
        ("database", "数据库", "database"),
        ("templates", "模板", "templates"),
        ("lists", "名单", "lists"),
        ("smtp", "邮件服务器", "mail servers"),
        ("dns", "DNS", "DNS"),
    )
)
"""What is left alone where the settings cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What an examination looks with. Without `lookup` it is offline: no name server, no mail server elsewhere.

    `environment` may hold passwords; `trust` replaces the system's certificate authorities.
    """

    clock: Clock
    environment: Mapping[str, str] = field(repr=False)
    lookup: Lookup | None
    trust: ssl.SSLContext | None = None
    timeouts: Timeouts | None = None
    python: machine.Version = sys.version_info[:3]
    free_bytes: machine.FreeBytes = machine.free_bytes


async def examine(root: Path, instruments: Instruments) -> AsyncIterator[Finding]:
    """Yield every finding about the workspace in `root`, a fault in one thing never hiding another. Safe to repeat."""
    var = root / "var"
    yield machine.examine_python(instruments.python)
    yield machine.examine_disk(var, instruments.free_bytes)
    yield machine.examine_var(var)
    workspace, found = await asyncio.to_thread(examine_settings, root, instruments.clock, instruments.environment)
    for finding in found:
        yield finding
    if workspace is None:
        yield machine.examine_clock(instruments.clock.now(), None)
        for check in _UNSEEN:
            yield check.not_checked(wording("先改好设置", "mend the settings first"))
        return
    database = await examine_database(workspace.settings.database.url, root)
    for finding in (*database.findings, machine.examine_clock(instruments.clock.now(), database.newest)):
        yield finding
    for finding in await asyncio.to_thread(_written, workspace, database, instruments.environment):
        yield finding
    async for finding in _reached(workspace, database, instruments):
        yield finding


def _written(workspace: Workspace, database: Examined, environment: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings about what staff have written beside the settings."""
    return (
        *examine_publication(workspace),
        *examine_token_key(workspace.root, mailed=database.mailed),
        *examine_passwords(workspace, environment),
        *examine_dkim_key(workspace),
        *examine_calendar(workspace),
        *examine_schedules(workspace),
        *examine_lists(workspace),
        *examine_templates(workspace),
    )


async def _reached(workspace: Workspace, database: Examined, instruments: Instruments) -> AsyncIterator[Finding]:
    """Yield the findings about what others say: mail servers and name servers."""
    for finding in _no_servers(workspace):
        yield finding
    trial = Trial(
        sender=workspace.sender.address,
        largest_bytes=max(database.largest_bytes, _likely(workspace)),
        now=instruments.clock.now(),
        trust=instruments.trust,
        timeouts=instruments.timeouts or servers.PATIENCE,
    )
    for number, server in enumerate(workspace.servers, start=1):
        if instruments.lookup is None and not server.is_on_this_host:
            yield servers.not_examined(server, number, wording("离线，没有连接", "offline"))
            continue
        async for finding in examine_server(server, number, trial):
            yield finding
    names = Names(domain=workspace.sender.address.domain, signer=workspace.signer, host=workspace.site.authority)
    for finding in await examine_domain(names, instruments.lookup):
        yield finding


def _no_servers(workspace: Workspace) -> tuple[Finding, ...]:
    if workspace.servers:
        return ()
    if workspace.channel == "outbox":
        return (_SERVERS.ok(wording("没有；邮件存进 var/outbox，不外发", "none; copies stay in var/outbox")),)
    return (
        _SERVERS.fault(
            wording("没有 [[smtp]]，send 和 run 会拒绝", "there is no [[smtp]], so send and run refuse"),
            wording(
                '加上 [[smtp]]（见 docs/how-to/connect-a-mail-server.md），试用时写 transport = "outbox"',
                'add an [[smtp]] table (docs/how-to/connect-a-mail-server.md), or try transport = "outbox"',
            ),
        ),
    )


def _likely(workspace: Workspace) -> int:
    """Return the size of a message that uses its whole budget, its plain text as long as its HTML."""
    return message_bytes(2 * workspace.settings.email.max_html_kb * 1000)
