"""A visitor over real HTTP: what a browser, a feed reader, a mail program or an attacker sends, and what comes back."""

import asyncio
import gzip
import http.client
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.types import ASGIApp

from distributor.web.serving import Listener, listen_at, serve_until

Fields = Sequence[tuple[str, str]]
FORM = "application/x-www-form-urlencoded"
_THREADS = ThreadPoolExecutor(max_workers=32)
ONE_CLICK = (("List-Unsubscribe", "One-Click"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        unpacked = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return unpacked.decode()

    @property
    def words(self) -> str:
        """The page's own text without markup, navigation and footer."""
        card = self.text.partition('<div class="card">')[2].partition("</main>")[0]
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", card)).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    port: int

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, fields: Fields = (), headers: Mapping[str, str] | None = None) -> Answer:
        return await self.ask("POST", path, urlencode(fields).encode(), {"Content-Type": FORM} | dict(headers or {}))

    async def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        # Threads of its own: the server under test uses the loop's.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_THREADS, self._ask, method, path, body, dict(headers or {}))

    async def say(self, request: bytes) -> bytes:
        """Send bytes as they are and return everything that comes until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        try:
            return await reader.read()
        finally:
            writer.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=named, body=response.read())
        finally:
            connection.close()


class Served:
    """An app that listens on a free loopback port while the block lasts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._stop = asyncio.Event()
        self.listener: Listener = listen_at("127.0.0.1:0")

    async def __aenter__(self) -> Visitor:
        self._serving = asyncio.create_task(serve_until(self._app, self.listener, self._stop))
        return Visitor(port=self.listener.port)

    async def __aexit__(self, *_error: object) -> None:
        self._stop.set()
        await self._serving
