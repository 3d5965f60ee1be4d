"""A sender process to be killed: sends what is due in a ledger to a server on this host, until all is done.

    python crash_sender.py DATABASE_URL PORT [--on-uncertain hold] [--connections 4] [--lease 0.6]

Its clock jumps over the waits of deferred copies and servers in trouble. SIGTERM stops it in order.
"""

import argparse
import asyncio
import contextlib
import hashlib
import signal
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from sqlalchemy.engine import make_url

from distributor.database import Database
from distributor.delivery import decisions
from distributor.delivery.dispatcher import Dispatcher
from distributor.delivery.model import Copy, Envelope, Mailing
from distributor.delivery.runs import Habits, Progress
from distributor.delivery.servers import Server
from distributor.delivery.transport import SmtpTransport
from distributor.delivery.ways import Message, Outlet


class JumpingClock:
    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def jump(self, moment: datetime) -> None:
        self.ahead += max(moment - self.now(), timedelta(0))


async def briefly(duration: timedelta) -> None:
    await asyncio.sleep(min(duration.total_seconds(), 0.1))


def compose(mailing: Mailing, copy: Copy) -> Message:
    message_id = f"<{mailing.issue}.{mailing.send_no}.{copy.public_id}@example.com>"
    line = hashlib.sha256(copy.email_key.encode()).hexdigest()
    return Message(
        envelope=Envelope(sender="weekly@example.com", recipient=copy.address),
        content=(f"Message-ID: {message_id}\r\n\r\n" + f"{line}\r\n" * 60).encode(),
        message_id=message_id,
    )


async def send(chosen: argparse.Namespace) -> None:
    stop, clock = asyncio.Event(), JumpingClock()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    outlet = Outlet(
        transport=SmtpTransport(Server(host="127.0.0.1", port=chosen.port, security="plaintext")),
        connections=chosen.connections,
        compose=compose,
        allows=lambda address: True,
    )
    habits = Habits(
        batch=40,
        lease=timedelta(seconds=chosen.lease),
        on_uncertain=chosen.on_uncertain,
        poll=timedelta(seconds=0.1),
    )
    async with Database.open(make_url(chosen.database)) as opened:
        sender = Dispatcher(opened=opened, outlets=[outlet], clock=clock, randomness=SystemRandom(), habits=habits)
        while not stop.is_set():
            done: Progress = await sender.run_until_idle(stop=stop)
            if done.until is None or stop.is_set():
                return
            clock.jump(done.until)
            async with opened.write() as tx:
                await decisions.resume_due(tx, now=clock.now())


def main() -> None:
    parser = argparse.ArgumentParser(description="a sender to be killed")
    parser.add_argument("database")
    parser.add_argument("port", type=int)
    parser.add_argument("--on-uncertain", default="resend")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--lease", type=float, default=0.6)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(send(parser.parse_args()))


if __name__ == "__main__":
    main()
