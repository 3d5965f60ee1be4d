"""A way to PostgreSQL that breaks at COMMIT: a TCP proxy that reads along and resets chosen connections.

It understands just enough of the protocol (PostgreSQL "Message Formats", protocol 3.0) to tell a COMMIT that is about
to be forwarded, whether it comes as a simple query or is parsed and executed. A commit chosen by its number, counted
over all connections from 1, is cut off in one of two ways: `unsent`, the server never hears of it and rolls back;
`unanswered`, the server has done it, and the client never learns.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy.engine import URL

Cut = Literal["unsent", "unanswered"]

_TLS, _GSS = 80877103, 80877104
_COMMITTED = b"COMMIT\x00Z\x00\x00\x00\x05I"


class _CutOff(Exception):
    """This connection's turn to be reset."""


@dataclass(slots=True, kw_only=True)
class CommitProxy:
    """A running proxy: its port, how many commits it has seen and which of them it has cut off."""

    to: int
    cut: Cut
    chosen: Callable[[int], bool]
    port: int = 0
    commits: int = 0
    cut_off: list[int] = field(default_factory=list)

    def url(self, url: URL) -> URL:
        """Return `url` by way of this proxy."""
        return url.set(host="127.0.0.1", port=self.port)

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until an end of it is closed or it is cut off."""
        try:
            beyond = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.close()
            return
        line = _Line(proxy=self, client=(reader, writer), server=beyond)
        tasks = [asyncio.create_task(way) for way in (line.forth(), line.back())]
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if any(isinstance(task.exception(), _CutOff) for task in done):
            _reset(writer)
        for end in (writer, beyond[1]):
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()


@dataclass(slots=True, kw_only=True)
class _Line:
    """One connection through the proxy; each end is its reader and its writer."""

    proxy: CommitProxy
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    unanswered: bool = False

    async def forth(self) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._greeting() in (_TLS, _GSS):
                pass
            while True:
                head = await self.client[0].readexactly(5)
                body = await self.client[0].readexactly(struct.unpack("!i", head[1:])[0] - 4)
                self._look(head[:1], body)
                await self._pass_on(head + body)

    async def _greeting(self) -> int:
        """Pass on a message without a type, with which a connection begins; return the number that it bears."""
        head = await self.client[0].readexactly(8)
        length, number = struct.unpack("!ii", head)
        await self._pass_on(head + await self.client[0].readexactly(length - 8))
        return int(number)

    def _look(self, kind: bytes, body: bytes) -> None:
        statement = body.split(b"\x00")[1] if kind == b"P" else body.split(b"\x00")[0] if kind == b"Q" else b""
        if statement.strip().upper() != b"COMMIT":
            return
        self.proxy.commits += 1
        if not self.proxy.chosen(self.proxy.commits):
            return
        self.proxy.cut_off.append(self.proxy.commits)
        if self.proxy.cut == "unsent":
            raise _CutOff
        self.unanswered = True

    async def _pass_on(self, message: bytes) -> None:
        self.server[1].write(message)
        await self.server[1].drain()

    async def back(self) -> None:
        kept = b""
        with contextlib.suppress(ConnectionError):
            while heard := await self.server[0].read(65536):
                if self.unanswered:
                    kept += heard
                    self._cut_when_done(kept)
                    continue
                self.client[1].write(heard)
                await self.client[1].drain()

    def _cut_when_done(self, kept: bytes) -> None:
        if kept.endswith(_COMMITTED):
            raise _CutOff


def _reset(writer: asyncio.StreamWriter) -> None:
    # Lingering for no time turns the close into a RST.
    held: socket.socket = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _serve(proxy: CommitProxy, ready: threading.Event, stop: asyncio.Event) -> None:
    server = await asyncio.start_server(proxy.greet, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    ready.set()
    await stop.wait()
    server.close()
    standing = asyncio.all_tasks() - {asyncio.current_task()}
    for task in standing:
        task.cancel()
    await asyncio.gather(*standing, return_exceptions=True)


@contextlib.contextmanager
def commit_proxy(url: URL, cut: Cut, chosen: Callable[[int], bool]) -> Iterator[CommitProxy]:
    """Run a proxy to the server of `url`, in a thread of its own, until the block ends."""
    proxy = CommitProxy(to=url.port or 5432, cut=cut, chosen=chosen)
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    thread = threading.Thread(target=_run, args=(loop, _serve(proxy, ready, stop)))
    thread.start()
    assert ready.wait(10), "the proxy does not listen"
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()
