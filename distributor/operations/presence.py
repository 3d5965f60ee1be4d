"""Which daemons are there: a row for each running `distributor run`, the only writer of `daemon`.

Enters: who we are, and at every beat the moment, the settings in use and why newer ones were refused. Leaves: a
`Presence` for each daemon, so that `status`, health and operators see what a process on any host works with. A clean
end takes the row away; one whose process died keeps its last beat for a day. Moments are UTC by the daemon's clock.
"""

import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.database import upsert
from distributor.problems import Wording
from distributor.schema import daemon

KEPT = timedelta(days=1)
ALIVE = timedelta(minutes=10)
"""Who has not beaten for longer is taken for dead; a large launch keeps a beat for minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """One start of a daemon: a random mark, and where a person finds its process."""

    id: str
    host: str
    pid: int
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a daemon works with: a digest of its settings, since when, and why newer ones were refused (or empty)."""

    settings: str
    settings_at: datetime
    refused: tuple[Wording, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A daemon as its row says: it beat last at `beat_at`."""

    id: str
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    use: Use

    def is_alive(self, now: datetime) -> bool:
        """Say whether it beat lately; a clock that was set back makes nobody dead."""
        return now - self.beat_at <= ALIVE


def this_daemon(started_at: datetime) -> Self:
    """Return who this process is; drawn anew at each call."""
    return Self(id=secrets.token_hex(8), host=socket.gethostname(), pid=os.getpid(), started_at=started_at)


async def beat(tx: AsyncConnection, who: Self, use: Use, now: datetime) -> None:
    """Write that this daemon is there, and forget those that have been silent for a day. Safe to repeat."""
    # By clocks that may differ: a row ahead of ours is nobody's corpse.
    await tx.execute(sa.delete(daemon).where(daemon.c.beat_at < now - KEPT, daemon.c.id != who.id))
    refused = [{"zh": one.zh, "en": one.en} for one in use.refused]
    seen = {"beat_at": now, "settings": use.settings, "settings_at": use.settings_at, "refused": refused}
    statement = upsert(tx, daemon).values(asdict(who) | seen)
    await tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=seen))


async def leave(tx: AsyncConnection, who: Self) -> None:
    """Take this daemon's row away."""
    await tx.execute(sa.delete(daemon).where(daemon.c.id == who.id))


async def read(connection: AsyncConnection) -> tuple[Presence, ...]:
    """Return every daemon that is known, the latest beat first; empty where none runs."""
    rows = await connection.execute(sa.select(daemon).order_by(daemon.c.beat_at.desc(), daemon.c.id))
    return tuple(
        Presence(
            id=row.id,
            host=row.host,
            pid=row.pid,
            started_at=row.started_at,
            beat_at=row.beat_at,
            use=Use(settings=row.settings, settings_at=row.settings_at, refused=_refused(row.refused)),
        )
        for row in rows
    )


def _refused(stored: Sequence[dict[str, str]]) -> tuple[Wording, ...]:
    return tuple(Wording(**one) for one in stored)
