"""Listen and serve until told to stop: uvicorn without signal handlers and access log of its own.

Enters: an ASGI app and an address such as 127.0.0.1:8080 or [::1]:8080. Leaves: nothing but responses. uvicorn has no
limit on how slowly a request may come or a response be taken; here a connection that dawdles is closed, so that
others are served.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from distributor.errors import EnvironmentFault
from distributor.problems import wording

SLOWEST_REQUEST_SECONDS = 20.0
SLOWEST_READER_SECONDS = 60.0
MOST_CONNECTIONS = 500
_GRACE_SECONDS = 10
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An open socket; `url` is what a browser on this host opens."""

    socket: socket.socket
    url: str

    @property
    def port(self) -> int:
        """The port, also where any free one was asked for."""
        port: int = self.socket.getsockname()[1]
        return port


def listen_at(listen: str) -> Listener:
    """Open a socket at `host:port`, port 0 for any free one. Raises EnvironmentFault where that is impossible."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        opened = _bound(host, int(port))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise EnvironmentFault(
            wording(
                f"不能监听 {listen}：{why} → 停掉占用这个端口的程序，或换一个端口",
                f"cannot listen at {listen}: {why}: stop what uses the port, or choose another",
            )
        ) from error
    bound: tuple[str, int] = opened.getsockname()[:2]
    return Listener(socket=opened, url=_url(*bound))


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # Not socket.create_server: it leaves the protocol out, and then asyncio does not switch Nagle's delay off,
    # which costs every response 40 ms.
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(1024)
    except OSError:
        opened.close()
        raise
    return opened


def _url(host: str, port: int) -> str:
    if ip_address(host).is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


async def serve_until(app: ASGIApp, listener: Listener, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; responses under way end first, and then whatever readers asked for."""
    server = _Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener.socket]))
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    told.cancel()
    await serving


class _Server(uvicorn.Server):
    """Leaves signals to the command that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class PatientProtocol(H11Protocol):
    """HTTP/1.1 with a deadline for a whole request to come, and for a stalled reader to take what is ready."""

    _deadline: asyncio.TimerHandle | None = None
    _last_chance: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._deadline = self._abort_after(SLOWEST_REQUEST_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Take what came; the deadline runs from the first byte of a request to its last."""
        if self._deadline is None:
            self._deadline = self._abort_after(SLOWEST_REQUEST_SECONDS)
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED):
            self._deadline.cancel()
            self._deadline = None

    def pause_writing(self) -> None:
        """Give a reader that takes nothing its last chance."""
        super().pause_writing()
        self._last_chance = self._abort_after(SLOWEST_READER_SECONDS)

    def resume_writing(self) -> None:
        """Go on: the reader took some."""
        super().resume_writing()
        if self._last_chance is not None:
            self._last_chance.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        for timer in (self._deadline, self._last_chance):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _abort_after(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self.transport.abort)
