"""An SMTP server in a process of its own that misbehaves by rule and keeps a journal; the journal is the evidence.

A message counts as taken once its journal line is on disk (fsync), and that is before the 250 is written.

    python smtp_journal_server.py --journal J --rule "dot drop p=0.02 taken=1" --rule "mail 421 every=100"

prints `listening PORT`. A rule is STAGE ACTION OPTIONS. Stages: connect, helo, mail, rcpt, data, body (in the
middle of the content), dot (after the final dot). Actions: drop (close), reset (RST), hang, slow (s=seconds), or a
reply code. Options, all of which must hold: p=probability, every=N (each N-th time the stage is reached), first=N
(the first N times for a recipient), after=N (once so many messages were taken), carried=N (once the connection has
carried so many), match=GLOB (of the recipient); taken=1 with dot writes the journal line first; text=WORDS_SO.
The first rule that holds acts; `slow` acts and lets the next ones look too.
"""

import argparse
import asyncio
import contextlib
import fnmatch
import hashlib
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

LIMIT = 32 * 1024 * 1024
HANG = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    stage: str
    action: str
    options: dict[str, str]

    @classmethod
    def read(cls, text: str) -> "Rule":
        stage, action, *options = text.split()
        return cls(stage=stage, action=action, options=dict(option.split("=", 1) for option in options))


class Journal:
    """Appends one JSON object a line; `taken` ones are on disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")
        self.taken = 0

    def write(self, event: str, **facts: Any) -> None:
        self._file.write(json.dumps({"event": event, "at": time.time()} | facts, ensure_ascii=False) + "\n")
        self._file.flush()
        if event == "taken":
            os.fsync(self._file.fileno())
            self.taken += 1


class Broken(Exception):
    """The rule was to end the connection."""


@dataclass(slots=True, kw_only=True)
class Rules:
    rules: list[Rule]
    journal: Journal
    randomness: random.Random
    reached: Counter[str] = field(default_factory=Counter)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def matching(self, stage: str, recipient: str, carried: int) -> list[Rule]:
        self.reached[stage] += 1
        self.seen[stage, recipient] += 1
        return [rule for rule in self.rules if rule.stage == stage and self._holds(rule, recipient, carried)]

    def _holds(self, rule: Rule, recipient: str, carried: int) -> bool:
        options, stage = rule.options, rule.stage
        return (
            self.randomness.random() < float(options.get("p", "1"))
            and self.reached[stage] % int(options.get("every", "1")) == 0
            and self.seen[stage, recipient] <= int(options.get("first", str(10**9)))
            and self.journal.taken >= int(options.get("after", "0"))
            and carried >= int(options.get("carried", "0"))
            and fnmatch.fnmatch(recipient, options.get("match", "*"))
        )


class Conversation:
    """One connection."""

    def __init__(self, number: int, rules: Rules, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self._rules = rules
        self._reader = reader
        self._writer = writer
        self._carried = 0
        self._sender = ""
        self._recipient = ""

    async def run(self, *, refused: bool) -> None:
        with contextlib.suppress(Broken, ConnectionError, asyncio.IncompleteReadError):
            if refused:
                await self._say("421 4.7.0 too many connections")
                return
            if not await self._faulty("connect"):
                await self._say("220 journal ESMTP")
                while await self._command((await self._reader.readuntil(b"\n")).decode("latin-1").strip()):
                    pass
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _command(self, line: str) -> bool:
        verb = line[:4].upper()
        if verb == "QUIT":
            await self._say("221 2.0.0 bye")
            return False
        answers = {
            "EHLO": self._helo,
            "HELO": self._helo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._reset,
            "NOOP": self._reset,
        }
        if verb not in answers:
            await self._say("502 5.5.2 what?")
            return True
        await answers[verb](line)
        return True

    async def _helo(self, _line: str) -> None:
        if not await self._faulty("helo"):
            await self._say("250-journal\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 33554432")

    async def _mail(self, line: str) -> None:
        self._sender, self._recipient = _path(line), ""
        self._rules.journal.write("mail", sender=self._sender, connection=self.number)
        if not await self._faulty("mail"):
            await self._say("250 2.1.0 ok")

    async def _rcpt(self, line: str) -> None:
        recipient = _path(line)
        self._rules.journal.write("rcpt", recipient=recipient, connection=self.number)
        if not await self._faulty("rcpt", recipient):
            self._recipient = recipient
            await self._say("250 2.1.5 ok")

    async def _reset(self, _line: str) -> None:
        self._sender = self._recipient = ""
        await self._say("250 2.0.0 ok")

    async def _data(self, _line: str) -> None:
        if not self._recipient:
            await self._say("503 5.5.1 who for?")
            return
        if await self._faulty("data", self._recipient):
            return
        await self._say("354 go ahead")
        await self._faulty("body", self._recipient)
        content = await self._content()
        await self._finish(content)

    async def _content(self) -> bytes:
        lines = []
        while (line := await self._reader.readuntil(b"\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    async def _finish(self, content: bytes) -> None:
        for rule in self._rules.matching("dot", self._recipient, self._carried):
            if rule.options.get("taken"):
                self._take(content, answered=False)
            if await self._act(rule):
                return
        self._take(content, answered=True)
        self._carried += 1
        await self._say("250 2.0.0 taken")

    def _take(self, content: bytes, *, answered: bool) -> None:
        self._rules.journal.write(
            "taken",
            sender=self._sender,
            recipient=self._recipient,
            message_id=_header(content, b"message-id"),
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            connection=self.number,
            answered=answered,
        )

    async def _faulty(self, stage: str, recipient: str = "") -> bool:
        """Let the rules of a stage act; say whether one has answered, so that nothing more is said."""
        for rule in self._rules.matching(stage, recipient, self._carried):
            if await self._act(rule):
                return True
        return False

    async def _act(self, rule: Rule) -> bool:
        if rule.action == "slow":
            await asyncio.sleep(float(rule.options["s"]))
            return False
        self._rules.journal.write("fault", stage=rule.stage, action=rule.action, connection=self.number)
        if rule.action == "hang":
            await asyncio.sleep(HANG)
        if rule.action == "reset":
            # Lingering for no time turns the close into a RST.
            held: socket.socket = self._writer.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if not rule.action.isdigit():
            raise Broken
        await self._say(f"{rule.action} {rule.options.get('text', 'no').replace('_', ' ')}")
        if rule.action == "421":
            raise Broken
        return True

    async def _say(self, text: str) -> None:
        self._writer.write(text.encode() + b"\r\n")
        await self._writer.drain()


def _path(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _header(content: bytes, name: bytes) -> str:
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip().decode("latin-1")
    return ""


async def serve(journal: Journal, rules: Rules, *, port: int, most: int) -> None:
    numbers, standing = Counter[str](), set[asyncio.Task[None]]()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        standing.add(task)
        numbers["connections"] += 1
        journal.write("connect", connection=numbers["connections"], standing=len(standing))
        conversation = Conversation(numbers["connections"], rules, reader, writer)
        await conversation.run(refused=len(standing) > most)
        standing.discard(task)

    server = await asyncio.start_server(greet, "127.0.0.1", port, limit=LIMIT)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sys.stdout.write(f"listening {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    for task in standing:
        task.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description="an SMTP server that keeps a journal and misbehaves by rule")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rule", action="append", default=[])
    parser.add_argument("--most", type=int, default=10_000, help="connections allowed at once")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    journal = Journal(chosen.journal)
    rules = Rules(
        rules=[Rule.read(text) for text in chosen.rule], journal=journal, randomness=random.Random(chosen.seed)
    )
    asyncio.run(serve(journal, rules, port=chosen.port, most=chosen.most))


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalServer:
    """A running server: where it listens, and what it wrote down."""

    port: int
    path: Path

    def events(self, event: str) -> list[dict[str, Any]]:
        """Everything of one kind in order; a line cut short by a kill was never answered and does not count."""
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        return [found for line in lines if (found := json.loads(line))["event"] == event]

    @property
    def taken(self) -> list[dict[str, Any]]:
        return self.events("taken")


@contextlib.contextmanager
def journal_server(folder: Path, *rules: str, most: int = 10_000, seed: int = 1) -> Iterator[JournalServer]:
    """Run the server in a process of its own until the block ends."""
    path = folder / "journal.jsonl"
    path.touch()
    chosen = [option for rule in rules for option in ("--rule", rule)]
    command = [sys.executable, __file__, "--journal", str(path), "--most", str(most), "--seed", str(seed), *chosen]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield JournalServer(port=int(running.stdout.readline().split()[1]), path=path)
        finally:
            running.terminate()


if __name__ == "__main__":
    main()
