"""The web app: the public folder, and behind signed links the pages of one reader.

Enters: an open office. Leaves: an ASGI application without cookies, scripts or redirects. GET shows and POST acts;
paths that are no page get the archive's own page for that. `/healthz` and `/metrics` exist for this host alone.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from distributor.operations.office import Office
from distributor.operations.workspace import Workspace
from distributor.rendering.archive import LOST
from distributor.web.approving import ApprovalDesk
from distributor.web.edge import Edge, Patience
from distributor.web.health import Health
from distributor.web.pages import ICON, STYLESHEET, Pages
from distributor.web.personal import Desk
from distributor.web.public import SECURITY_HEADERS, PublicFolder


class Switch:
    """The app of the office in use; that of another takes its place between two requests."""

    def __init__(self, office: Office, patience: Patience | None = None) -> None:
        """Build the first app. Raises TemplateError when one of its pages does not render."""
        self._patience = patience or Patience()
        self._app = build_app(office, self._patience)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app in use answer; a request that has begun stays with the one that began it."""
        await self._app(scope, receive, send)

    def prepare(self, office: Office) -> Callable[[], None]:
        """Build the app of another office and return what puts it into use. Raises TemplateError."""
        app = build_app(office, self._patience)

        def take_over() -> None:
            self._app = app

        return take_over


def build_app(office: Office, patience: Patience | None = None) -> ASGIApp:
    """Return the app of an office: archive, feeds, health, and its readers' pages where `[web] mode` is public.

    Raises TemplateError when one of the pages does not render.
    """
    pages = Pages(office.workspace)
    waiting = patience or Patience()
    routes = [*Health(office, waiting).routes]
    if office.workspace.settings.web.mode == "public":
        pages.rehearse()
        routes += _personal(office, pages, waiting)
    return _edge(office.workspace, pages, routes, waiting)


def _personal(office: Office, pages: Pages, patience: Patience) -> list[Route]:
    desk = Desk(office, pages, patience)
    approval = ApprovalDesk(office, pages, patience)
    approval.rehearse()
    return [
        Route("/desk/{token:path}", approval.decide, methods=["GET", "POST"]),
        Route(f"/{STYLESHEET}", _asset(pages.stylesheet, "text/css")),
        Route(f"/{ICON}", _asset(pages.icon, "image/svg+xml")),
        Route("/unsubscribe/{token:path}", desk.unsubscribe, methods=["GET", "POST"]),
        Route("/preferences/{token:path}", desk.preferences, methods=["GET", "POST"]),
    ]


def _edge(workspace: Workspace, pages: Pages, routes: list[Route], patience: Patience) -> ASGIApp:
    archive = Route("/{path:path}", _Archive(workspace).serve, methods=["GET"])

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        yield
        await patience.settle()

    # Redirects would be made from the Host header.
    router = Router([*routes, archive], redirect_slashes=False, lifespan=lifespan)
    return Edge(
        router,
        base_path=pages.base_path,
        speak=lambda trouble, asked: pages.trouble(trouble, pages.language(asked)),
    )


class _Archive:
    def __init__(self, workspace: Workspace) -> None:
        self._public = PublicFolder(workspace.public)

    async def serve(self, request: Request) -> Response:
        found = await self._public.respond(request, request.path_params["path"])
        if found is None:
            found = await self._public.respond(request, LOST.as_posix(), status=404)
        if found is None:
            raise HTTPException(404)
        return found


def _asset(render: Callable[[], str], media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        content = (await asyncio.to_thread(render)).encode()
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "Cache-Control": "public, max-age=300",
            **SECURITY_HEADERS,
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=media_type)

    return serve
