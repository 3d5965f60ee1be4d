"""The edge of the web app: whatever goes wrong inside becomes a page that tells nothing of our insides.

Enters: any ASGI request. Leaves: its response. A database that fails or does not answer in time is 503 with
Retry-After, our own mistake 500; both are logged without the path, because a path may be somebody's token. What a
reader asked for goes on although we stopped waiting for it. No link is ever made from the Host header.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distributor.errors import DatabaseFault
from distributor.web.public import SECURITY_HEADERS
from distributor.web.words import Trouble

PERSONAL_HEADERS = SECURITY_HEADERS | {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
RETRY_AFTER_SECONDS = 30
LONGEST_WAIT_SECONDS = 15.0
_BUSY = HTTPException(503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
_TROUBLES: dict[int, Trouble] = {404: "lost", 405: "method", 500: "failure", 503: "busy"}
_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

Speak = Callable[[Trouble, str | None], str]
"""Renders the page of a trouble in the language that the address asks for."""


class Patience:
    """Waits for the database only so long; what was begun goes on and ends by itself."""

    def __init__(self, seconds: float = LONGEST_WAIT_SECONDS) -> None:
        """Take the longest time that a request may wait."""
        self._seconds = seconds
        self._begun: set[asyncio.Task[Any]] = set()

    async def wait_for(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Return what the work returns; DatabaseFault when that takes too long, and then it still goes on."""
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._end)
        done, _waiting = await asyncio.wait({task}, timeout=self._seconds)
        if not done:
            raise DatabaseFault
        return task.result()

    async def settle(self) -> None:
        """Wait for everything that was begun."""
        await asyncio.gather(*self._begun, return_exceptions=True)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._begun.discard(task)
        if not task.cancelled():
            # Asked for, so that asyncio does not report what the request that waited has answered already.
            task.exception()


class Edge:
    """Wraps the app: the base path taken off, every error turned into its page."""

    def __init__(self, app: ASGIApp, *, base_path: str, speak: Speak) -> None:
        """Take the app, the path of the configured address (`/` for most), and who renders the pages of trouble."""
        self._app = app
        self._base_path = base_path
        self._speak = speak

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of scopes (lifespan) go through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watched = _Watched(send)
        try:
            await self._app(self._inside(scope), receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            if watched.begun:
                raise
            await self._trouble(scope, error)(scope, receive, send)

    def _inside(self, scope: Scope) -> Scope:
        """Take the base path off, whether or not the web server in front does, and name the app for the router."""
        path: str = scope["path"]
        if path.startswith(self._base_path):
            path = path[len(self._base_path) - 1 :]
        return {**scope, "path": path, "app": self}

    def _trouble(self, scope: Scope, error: Exception) -> Response:
        refusal = _refusal(error)
        if isinstance(error, DatabaseFault):
            _LOG.error("a page waits for the database", extra={"why": error.text("en")})
        elif refusal.status_code >= 500:
            _LOG.error("a page failed", exc_info=error, extra={"method": scope["method"]})
        trouble = _TROUBLES.get(refusal.status_code, "form")
        asked = QueryParams(scope["query_string"]).get("lang")
        headers = {**PERSONAL_HEADERS, **(refusal.headers or {})}
        return HTMLResponse(self._speak(trouble, asked), refusal.status_code, headers)


def _refusal(error: Exception) -> HTTPException:
    match error:
        case HTTPException():
            return error
        case DatabaseFault():
            return _BUSY
        case _:
            return HTTPException(500)


class _Watched:
    """Sends, and remembers that a response has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)
