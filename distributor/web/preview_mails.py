"""The preview of single mails: as sent, on a phone and wide, dark, without styles, as text, as source.

Three families of addresses show a mail in the same way: a delivered one, a frozen edition, an edition as files and
templates are now. Below each address lie the HTML for the frames, its pictures and the source.
"""

from collections.abc import Awaitable, Callable
from typing import get_args
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from distributor.errors import InputError
from distributor.identifiers import EditionKey, SectionId
from distributor.operations.rehearsals.rehearsal import Body
from distributor.web.sheets import Sheet, shown_html
from distributor.web.stage import HEADERS, SITE, Stage, kilobytes

VIEWS = ("both", "dark", "bare", "text", "source")
# A mail may style itself as it likes; it may fetch nothing but its own pictures and ours.
_MAIL_HEADERS = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
}
_CHOICES = ("only", "body")
"""What a schedule decides about its mails and an address of an edition repeats."""
_BODIES: dict[str, Body] = {body: body for body in get_args(Body)}
_LONGEST_SOURCE = 20_000
_Finder = Callable[[Request], Awaitable[Sheet | None]]


class MailRoom:
    """Shows mails of all three families."""

    def __init__(self, stage: Stage) -> None:
        """Take the stage that the pages are rendered on."""
        self._stage = stage
        self._exhibits = stage.exhibits

    def routes(self) -> list[Route]:
        """Return the routes of the three families."""
        families: tuple[tuple[str, _Finder], ...] = (
            ("/mails/{mail}", self._delivered),
            ("/mailings/{number:int}/{edition}", self._frozen),
            ("/editions/{issue}/{edition}", self._present),
        )
        return [route for path, find in families for route in self._family(path, find)]

    def _family(self, path: str, find: _Finder) -> list[Route]:
        async def sheet_of(request: Request) -> Sheet:
            sheet = await find(request)
            if sheet is None:
                raise HTTPException(404)
            return sheet

        async def page(request: Request) -> Response:
            try:
                return self._page(request, await sheet_of(request))
            except InputError as error:
                return self._stage.page(
                    "message", self._stage.words.problems, status=422, lines=self._stage.lines(error)
                )

        async def html(request: Request) -> Response:
            view = request.query_params.get("view", "both")
            site = self._stage.workspace.site.base_url
            shown = shown_html(await sheet_of(request), site, local=SITE, view=view)
            return HTMLResponse(shown, headers=_MAIL_HEADERS)

        async def picture(request: Request) -> Response:
            found = (await sheet_of(request)).pictures.get(request.path_params["cid"])
            if found is None:
                raise HTTPException(404)
            return Response(found.content, headers=_MAIL_HEADERS, media_type=found.media_type)

        async def source(request: Request) -> Response:
            message = (await sheet_of(request)).source
            if not message:
                raise HTTPException(404)
            headers = _MAIL_HEADERS | {"Content-Disposition": 'attachment; filename="message.eml"'}
            return Response(message, headers=headers, media_type="message/rfc822")

        return [
            Route(path, page),
            Route(f"{path}/html", html),
            Route(f"{path}/pictures/{{cid}}", picture),
            Route(f"{path}/source.eml", source),
        ]

    def _page(self, request: Request, sheet: Sheet) -> Response:
        views = [view for view in VIEWS if (sheet.html or view == "text") and (view != "source" or sheet.source)]
        if sheet.source and not sheet.html:
            views = ["text", "source"]
        asked = request.query_params.get("view", "")
        view = asked if asked in views else views[0]
        path = quote(request.url.path)
        kept = {name: request.query_params[name] for name in _CHOICES if name in request.query_params}
        how = f"&{urlencode(kept)}" if kept else ""
        return self._stage.page(
            "sheet",
            sheet.subject,
            sheet=sheet,
            facts=self._facts(sheet),
            views=[(name, getattr(self._stage.words, name), f"?view={name}{how}") for name in views],
            view=view,
            frame=f"{path}/html?view={view}{how}",
            source=sheet.source[:_LONGEST_SOURCE].decode("ascii", errors="replace"),
            cut=len(sheet.source) > _LONGEST_SOURCE,
            download=f"{path}/source.eml",
        )

    def _facts(self, sheet: Sheet) -> list[tuple[str, str]]:
        t = self._stage.words
        sizes = [f"{t.html} {kilobytes(len(sheet.html.encode()))}"] if sheet.html else []
        sizes.append(f"{t.text} {kilobytes(len(sheet.text.encode()))}")
        if sheet.source:
            sizes.append(f".eml {kilobytes(len(sheet.source))}")
        if sheet.pictures:
            sizes.append(t.pictures.format(len(sheet.pictures)))
        facts = (
            (t.preheader, sheet.preheader),
            (t.sender, sheet.sender),
            (t.recipient, sheet.recipient),
            (t.date, sheet.date),
            (t.size, " · ".join(sizes)),
        )
        return [(name, value) for name, value in facts if value]

    async def _delivered(self, request: Request) -> Sheet | None:
        return await self._exhibits.mail(request.path_params["mail"])

    async def _frozen(self, request: Request) -> Sheet | None:
        edition = EditionKey(request.path_params["edition"])
        return await self._exhibits.frozen_edition(request.path_params["number"], edition)

    async def _present(self, request: Request) -> Sheet | None:
        only = tuple(SectionId(part) for part in request.query_params.get("only", "").split("+") if part)
        edition = EditionKey(request.path_params["edition"])
        body = _BODIES.get(request.query_params.get("body", ""))
        return await self._exhibits.edition(request.path_params["issue"], edition, only=only, body=body)
