"""An SMTP server in a process of its own that misbehaves by rule and keeps a journal; the journal is the evidence.

A message counts as taken once its journal line is on disk (fsync), and that is before the 250 is written. The rules
are those of `smtp_journal_rules`; every command is in the journal with whether it came through TLS.

    python -m tests.smtp_journal_server --journal J --rule "dot drop p=0.02 taken=1" --rule "mail 421 every=100"

prints `listening PORT`.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import signal
import socket
import ssl
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any, Literal

from tests.smtp_journal_rules import Journal, Rule, Rules

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[1]
LIMIT = 32 * 1024 * 1024
HANG = 3600
FLOOD = 20 * 1024 * 1024

Tls = Literal["none", "starttls", "implicit"]


class Broken(Exception):
    """The rule was to end the connection."""


@dataclass(slots=True, kw_only=True)
class House:
    """What all connections share; `starttls` is the certificate for those that ask for it in the middle."""

    rules: Rules
    journal: Journal
    starttls: ssl.SSLContext | None = None
    most: int = 10_000
    connections: int = 0
    standing: set[asyncio.Task[None]] = field(default_factory=set)

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.standing.add(task)
        self.connections += 1
        self.journal.write("connect", connection=self.connections, standing=len(self.standing))
        conversation = Conversation(self, reader, writer)
        try:
            await conversation.run(refused=len(self.standing) > self.most)
        finally:
            self.standing.discard(task)


class Conversation:
    """One connection."""

    def __init__(self, house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._house = house
        self._number = house.connections
        self._reader = reader
        self._writer = writer
        self._carried = 0
        self._sender = ""
        self._recipient = ""

    async def run(self, *, refused: bool) -> None:
        # A failed handshake and a lost connection are both OSErrors: the end of this conversation, no more.
        with contextlib.suppress(Broken, OSError, asyncio.IncompleteReadError):
            if refused:
                await self._say("421 4.7.0 too many connections")
            elif not await self._faulty("connect"):
                await self._say("220 journal ESMTP")
                while await self._command((await self._reader.readuntil(b"\n")).decode("latin-1").strip()):
                    pass
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    @property
    def _secured(self) -> bool:
        return self._writer.get_extra_info("ssl_object") is not None

    def _note(self, event: str, **facts: Any) -> None:
        self._house.journal.write(event, connection=self._number, **facts)

    async def _command(self, line: str) -> bool:
        verb = line.partition(" ")[0].upper()[:10]
        self._note("command", verb=verb, secured=self._secured)
        if verb == "QUIT":
            if not await self._faulty("quit"):
                await self._say("221 2.0.0 bye")
            return False
        answers = {
            "EHLO": self._helo,
            "STARTTLS": self._secure,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._reset,
        }
        if verb not in answers:
            await self._say("502 5.5.2 what?")
            return True
        await answers[verb](line)
        return True

    async def _helo(self, _line: str) -> None:
        if await self._faulty("helo"):
            return
        offered = ["journal", "PIPELINING", "8BITMIME", "AUTH PLAIN"]
        offered += ["STARTTLS"] if self._house.starttls is not None and not self._secured else []
        await self._say("\r\n".join([*(f"250-{one}" for one in offered), "250 SIZE 33554432"]))

    async def _secure(self, _line: str) -> None:
        if await self._faulty("starttls"):
            return
        if self._house.starttls is None:
            await self._say("502 5.5.1 not here")
            return
        await self._say("220 2.0.0 go ahead")
        await self._writer.start_tls(self._house.starttls)

    async def _auth(self, _line: str) -> None:
        if not await self._faulty("auth"):
            await self._say("235 2.7.0 welcome")

    async def _mail(self, line: str) -> None:
        self._sender, self._recipient = _path(line), ""
        self._note("mail", sender=self._sender)
        if not await self._faulty("mail"):
            await self._say("250 2.1.0 ok")

    async def _rcpt(self, line: str) -> None:
        recipient = _path(line)
        self._note("rcpt", recipient=recipient)
        if not await self._faulty("rcpt", recipient):
            self._recipient = recipient
            await self._say("250 2.1.5 ok")

    async def _reset(self, _line: str) -> None:
        self._sender = self._recipient = ""
        if not await self._faulty("rset"):
            await self._say("250 2.0.0 ok")

    async def _data(self, _line: str) -> None:
        if not self._recipient:
            await self._say("503 5.5.1 who for?")
            return
        if await self._faulty("data", self._recipient):
            return
        await self._say("354 go ahead")
        if await self._faulty("body", self._recipient):
            # An answer in the middle of the content: what follows could be taken for commands.
            raise Broken
        content = await self._content()
        await self._finish(content)

    async def _content(self) -> bytes:
        lines = []
        while (line := await self._reader.readuntil(b"\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    async def _finish(self, content: bytes) -> None:
        for rule in self._house.rules.matching("dot", self._recipient, self._carried):
            if rule.options.get("taken"):
                self._take(content, answered=False)
            if await self._act("dot", rule):
                return
        self._take(content, answered=True)
        self._carried += 1
        await self._say("250 2.0.0 taken")

    def _take(self, content: bytes, *, answered: bool) -> None:
        self._note(
            "taken",
            sender=self._sender,
            recipient=self._recipient,
            message_id=_header(content, b"message-id"),
            subject=str(make_header(decode_header(_header(content, b"subject")))),
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            answered=answered,
        )

    async def _faulty(self, stage: str, recipient: str = "") -> bool:
        """Let the rules of a stage act; say whether one has answered, so that nothing more is said."""
        for rule in self._house.rules.matching(stage, recipient, self._carried):
            if await self._act(stage, rule):
                return True
        return False

    async def _act(self, stage: str, rule: Rule) -> bool:
        if rule.action == "slow":
            await asyncio.sleep(rule.number("s", 0))
            return False
        self._note("fault", stage=stage, action=rule.action, recipient=self._recipient)
        if rule.action == "hang":
            await asyncio.sleep(HANG)
        if rule.action == "reset":
            # Lingering for no time turns the close into a RST.
            held: socket.socket = self._writer.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if rule.action in {"hang", "reset", "drop"}:
            raise Broken
        await self._answer(rule)
        return True

    async def _answer(self, rule: Rule) -> None:
        if rule.action == "garbage":
            await self._say("\x00\x01 what \xff is this?")
        elif rule.action == "flood":
            await self._say("250-" + "a" * FLOOD)
        elif rule.action == "inject":
            assert self._house.starttls is not None
            await self._say("220 2.0.0 go ahead\r\n250 2.0.0 said in clear")
            await self._writer.start_tls(self._house.starttls)
        else:
            await self._say(f"{rule.action} {rule.text}", encoding=rule.options.get("encoding", "utf-8"))
        if rule.action == "421":
            raise Broken

    async def _say(self, text: str, *, encoding: str = "utf-8") -> None:
        self._writer.write(text.encode(encoding) + b"\r\n")
        await self._writer.drain()


def _path(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _header(content: bytes, name: bytes) -> str:
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip().decode("latin-1")
    return ""


@contextlib.asynccontextmanager
async def listening(house: House, *, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listen on a port of this host until the block ends; `tls` is the certificate of the first byte."""
    server = await asyncio.start_server(house.greet, HOST, port, limit=LIMIT, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in house.standing:
            task.cancel()
        await asyncio.gather(*house.standing, return_exceptions=True)


async def serve(house: House, *, port: int, tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with listening(house, port=port, tls=tls) as found:
        sys.stdout.write(f"listening {found}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="an SMTP server that keeps a journal and misbehaves by rule")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rule", action="append", default=[])
    parser.add_argument("--most", type=int, default=10_000, help="connections allowed at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--certificate", type=Path, help="a PEM file with key and chain, for TLS")
    chosen = parser.parse_args()
    journal = Journal(chosen.journal)
    chain = None if chosen.tls == "none" else _certificate(chosen.certificate)
    house = House(
        rules=Rules(
            rules=[Rule.read(text) for text in chosen.rule], journal=journal, randomness=random.Random(chosen.seed)
        ),
        journal=journal,
        starttls=chain if chosen.tls == "starttls" else None,
        most=chosen.most,
    )
    asyncio.run(serve(house, port=chosen.port, tls=chain if chosen.tls == "implicit" else None))


def _certificate(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@dataclass(slots=True)
class JournalServer:
    """A running server: where it listens, and what it wrote down so far."""

    port: int
    path: Path
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0

    def lines(self) -> Sequence[dict[str, Any]]:
        """Everything in order; a line cut short by a kill was never answered and does not count."""
        with self.path.open("rb") as journal:
            journal.seek(self._read)
            whole = journal.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
            self._lines += [json.loads(line) for line in whole.split(b"\n")]
        return self._lines

    def events(self, event: str) -> list[dict[str, Any]]:
        return [found for found in self.lines() if found["event"] == event]

    @property
    def taken(self) -> list[dict[str, Any]]:
        return self.events("taken")

    @property
    def commands(self) -> Counter[tuple[str, bool]]:
        """How often each command came, and whether through TLS."""
        return Counter((found["verb"], found["secured"]) for found in self.events("command"))


@contextlib.contextmanager
def journal_server(
    folder: Path,
    *rules: str,
    most: int = 10_000,
    seed: int = 1,
    port: int = 0,
    tls: Tls = "none",
    certificate: Path | None = None,
) -> Iterator[JournalServer]:
    """Run the server in a process of its own until the block ends; one in the same folder goes on with its journal."""
    path = folder / "journal.jsonl"
    path.touch()
    options = ["--journal", str(path), "--most", str(most), "--seed", str(seed), "--port", str(port), "--tls", tls]
    options += [] if certificate is None else ["--certificate", str(certificate)]
    options += [option for rule in rules for option in ("--rule", rule)]
    command = [sys.executable, "-m", "tests.smtp_journal_server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        assert running.stdout is not None
        try:
            yield JournalServer(int(running.stdout.readline().split()[1]), path)
        finally:
            running.terminate()


if __name__ == "__main__":
    main()
