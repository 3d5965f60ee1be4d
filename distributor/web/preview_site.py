"""The preview of the site: pages and feeds as published, pages to come, and the pages behind a mail's links.

Links into the publication's own address are rewritten to this host in what is shown; everything else is as it is.
Readers' pages show, and change nothing.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from distributor.rendering.archive import LOST
from distributor.web.edge import Patience
from distributor.web.pages import ICON, STYLESHEET, Pages, Visit
from distributor.web.personal import Desk
from distributor.web.public import media_type_of
from distributor.web.sheets import SAMPLE_TOKEN, to_local
from distributor.web.stage import HEADERS, SITE, SOON, Stage

_HTML = "text/html"


class SiteRoom:
    """Shows the site, the site to come and the feeds."""

    def __init__(self, stage: Stage) -> None:
        """Take the stage that the pages are rendered on."""
        self._stage = stage
        self._exhibits = stage.exhibits
        self._pages = Pages(stage.workspace)
        self._desk = Desk(stage.exhibits.office, self._pages, Patience())

    def routes(self) -> list[Route]:
        """Return the routes; the more special ones first."""
        return [
            Route(f"{SITE}{STYLESHEET}", self._stylesheet),
            Route(f"{SITE}{ICON}", self._icon),
            Route(f"{SITE}preferences/{{token:path}}", self._preferences),
            Route(f"{SITE}unsubscribe/{{token:path}}", self._unsubscribe),
            Route(f"{SITE}{{path:path}}", self._published),
            Route(f"{SOON}{{path:path}}", self._to_come),
            Route("/feeds", self._feeds),
            Route("/feeds/{name}", self._feed),
            Route("/feeds/{name}/{form}", self._feed_source),
        ]

    async def _published(self, request: Request) -> Response:
        found = await self._exhibits.public.load(request.path_params["path"])
        if found is None:
            return self._lost(await self._exhibits.public.load(LOST.as_posix()), SITE)
        return self._localised(*found, local=SITE)

    async def _to_come(self, request: Request) -> Response:
        files: Mapping[str, bytes] = await self._exhibits.pages_to_come()
        path = request.path_params["path"] or "index.html"
        content = files.get(path)
        if content is None:
            return self._lost((files[LOST.as_posix()], _HTML), SOON)
        return self._localised(content, media_type_of(path, content), local=SOON)

    def _lost(self, page: tuple[bytes, str] | None, local: str) -> Response:
        if page is None:
            t = self._stage.words
            return self._stage.page("message", t.site, status=404, lines=[t.nothing_public])
        # The 404 page counts its links from the root of the site, which is elsewhere here.
        base = urlsplit(self._stage.workspace.site.base_url).path
        html = page[0].decode().replace(f'="{base}', f'="{local}')
        return self._localised(html.encode(), page[1], local=local, status=404)

    def _localised(self, content: bytes, media_type: str, *, local: str, status: int = 200) -> Response:
        if media_type.startswith(_HTML):
            content = to_local(content.decode(), self._stage.workspace.site.base_url, local).encode()
        return Response(content, status, HEADERS, media_type)

    async def _preferences(self, request: Request) -> Response:
        if request.path_params["token"] == SAMPLE_TOKEN:
            return HTMLResponse(self._pages.preferences(self._visit(request)), headers=HEADERS)
        return await self._desk.preferences(request)

    async def _unsubscribe(self, request: Request) -> Response:
        if request.path_params["token"] == SAMPLE_TOKEN:
            return HTMLResponse(self._pages.unsubscribing(self._visit(request)), headers=HEADERS)
        return await self._desk.unsubscribe(request)

    def _visit(self, request: Request) -> Visit:
        return self._pages.sample(SAMPLE_TOKEN, self._pages.language(request.query_params.get("lang")))

    async def _stylesheet(self, _request: Request) -> Response:
        return Response(self._pages.stylesheet(), headers=HEADERS, media_type="text/css")

    async def _icon(self, _request: Request) -> Response:
        return Response(self._pages.icon(), headers=HEADERS, media_type="image/svg+xml")

    async def _feeds(self, _request: Request) -> Response:
        found = [(feed, await self._exhibits.feed_entries(feed.name)) for feed in self._exhibits.feeds()]
        listed = [{"feed": feed, "count": len(entries)} for feed, entries in found if entries is not None]
        return self._stage.page("feeds", self._stage.words.feeds, feeds=listed)

    async def _feed(self, request: Request) -> Response:
        name = request.path_params["name"]
        feed = next((feed for feed in self._exhibits.feeds() if feed.name == name), None)
        entries = await self._exhibits.feed_entries(name) if feed else None
        if feed is None or entries is None:
            raise HTTPException(404)
        base_url = self._stage.workspace.site.base_url
        shown = [entry | {"local": str(entry.get("url", "")).replace(base_url, SITE, 1)} for entry in entries]
        return self._stage.page("feed", feed.label, feed=feed, entries=shown)

    async def _feed_source(self, request: Request) -> Response:
        name, form = request.path_params["name"], request.path_params["form"]
        found = await self._exhibits.public.load(f"feeds/{name}.{form}")
        if found is None:
            raise HTTPException(404)
        return Response(found[0], headers=HEADERS, media_type="text/plain; charset=utf-8")
