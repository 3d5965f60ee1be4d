"""A sender process to be killed: sends what is due in a ledger to a server on this host, until all is done.

    python crash_sender.py DATABASE_URL PORT [--on-uncertain hold] [--connections 4] [--lease 0.6] …

Its clock jumps over the waits of deferred copies, resting domains and servers in trouble. SIGTERM stops it in order.
With --report it appends JSON lines to a file: `ready` when it begins, `pause` before each jump, `end` with its
largest memory.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import signal
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import SystemRandom
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from distributor.database import Database
from distributor.delivery import decisions
from distributor.delivery.dispatcher import Dispatcher
from distributor.delivery.model import Copy, Envelope, Mailing
from distributor.delivery.runs import Habits, Progress
from distributor.delivery.servers import Server
from distributor.delivery.session import Timeouts
from distributor.delivery.transport import SmtpTransport
from distributor.delivery.ways import Message, Outlet

GAVE_UP = 3
"""Exit code after as many pauses as --pauses allows."""


SHORT = timedelta(minutes=1)
"""Shorter sleeps are real ones: a server that is not to be hammered counts real seconds."""


class JumpingClock:
    def __init__(self, rest: float) -> None:
        self.ahead = timedelta(0)
        self._rest = rest

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def jump(self, moment: datetime) -> None:
        self.ahead += max(moment - self.now(), timedelta(0))

    async def sleep(self, duration: timedelta) -> None:
        if duration < SHORT:
            await asyncio.sleep(duration.total_seconds())
            return
        end = self.now() + duration
        await asyncio.sleep(self._rest)
        self.jump(end)


def compose(mailing: Mailing, copy: Copy) -> Message:
    message_id = f"<{mailing.issue}.{mailing.send_no}.{copy.public_id}@example.com>"
    line = hashlib.sha256(copy.email_key.encode()).hexdigest()
    return Message(
        envelope=Envelope(sender="weekly@example.com", recipient=copy.address),
        content=(f"Message-ID: {message_id}\r\n\r\n" + f"{line}\r\n" * 60).encode(),
        message_id=message_id,
    )


def transport(chosen: argparse.Namespace) -> SmtpTransport:
    password = SecretStr(chosen.password) if chosen.password else None
    return SmtpTransport(
        Server(host=chosen.host, port=chosen.port, security=chosen.security, user=chosen.user, password=password),
        timeouts=Timeouts(command=timedelta(seconds=chosen.command), final_dot=timedelta(seconds=chosen.final_dot)),
        trust=ssl.create_default_context(cafile=chosen.trust) if chosen.trust else None,
    )


async def send(chosen: argparse.Namespace) -> int:
    stop, clock, pauses = asyncio.Event(), JumpingClock(chosen.rest), 0
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    outlet = Outlet(
        transport=transport(chosen),
        connections=chosen.connections,
        compose=compose,
        allows=lambda address: True,
    )
    habits = Habits(
        batch=chosen.batch,
        lease=timedelta(seconds=chosen.lease),
        on_uncertain=chosen.on_uncertain,
        poll=timedelta(seconds=chosen.poll),
    )
    report(chosen, "ready")
    async with Database.open(make_url(chosen.database)) as opened:
        sender = Dispatcher(
            opened=opened,
            outlets=[outlet],
            clock=clock,
            randomness=SystemRandom(),
            habits=habits,
            sleep=clock.sleep,
        )
        while not stop.is_set():
            done: Progress = await sender.run_until_idle(stop=stop)
            if done.until is None or stop.is_set():
                return 0
            now = clock.now()
            report(chosen, "pause", reason=done.reason, seconds=(done.until - now).total_seconds())
            pauses += 1
            if pauses == chosen.pauses:
                return GAVE_UP
            await clock.sleep(max(done.until - now, SHORT))
            async with opened.write() as tx:
                await decisions.resume_due(tx, now=clock.now())
    return 0


def report(chosen: argparse.Namespace, event: str, **facts: Any) -> None:
    if chosen.report is not None:
        with chosen.report.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"event": event} | facts) + "\n")


def peak_kib() -> int:
    # Not ru_maxrss: that remembers the process which started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description="a sender to be killed")
    parser.add_argument("database")
    parser.add_argument("port", type=int)
    parser.add_argument("--on-uncertain", default="resend")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--lease", type=float, default=0.6)
    parser.add_argument("--poll", type=float, default=0.1, help="how often it looks up; longer than a minute it jumps")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--security", default="plaintext")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--trust", help="a PEM file with the authority to trust instead of the system's")
    parser.add_argument("--command", type=float, default=60, help="seconds to wait for an answer")
    parser.add_argument("--final-dot", type=float, default=600, help="seconds to wait for the answer to the dot")
    parser.add_argument("--pauses", type=int, default=0, help="give up (exit code 3) after so many")
    parser.add_argument("--rest", type=float, default=0, help="real seconds to wait before each jump of the clock")
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    code = 0
    with contextlib.suppress(KeyboardInterrupt):
        code = asyncio.run(send(chosen))
    report(chosen, "end", peak_kib=peak_kib())
    sys.exit(code)


if __name__ == "__main__":
    main()
