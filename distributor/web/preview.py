"""The preview: everything a workspace has made and would make next, on one page of this host.

Enters: a copy of an office (`copying.office_copy`). Leaves: an ASGI application that only shows: GET and HEAD, loopback
names only (a foreign page must not read it under a name that leads here), nothing written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from distributor.identifiers import SectionId, edition_key
from distributor.operations.office import Office
from distributor.operations.rehearsals.planning import AudiencePlan
from distributor.problems import Language
from distributor.web.edge import Edge
from distributor.web.exhibits import MAILS_ON_A_PAGE, Delivered, Exhibits, FrozenMailing, LoadedIssue
from distributor.web.gallery import gallery_page, gallery_policy, plan_view
from distributor.web.preview_mails import MailRoom
from distributor.web.preview_site import SiteRoom
from distributor.web.stage import HEADERS, ICON, SITE, STYLESHEET, Stage, kilobytes
from distributor.web.words import Trouble

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MAILS_ON_THE_FIRST_PAGE = 12


def build_preview(office: Office, language: Language) -> ASGIApp:
    """Return the preview of a copied office, explained in `language`."""
    stage = Stage(Exhibits(office), language)
    hall = Hall(stage)
    routes = [
        Route("/", hall.first_page),
        Route("/mails", hall.mails),
        Route("/next", hall.coming),
        Route("/next/editions", hall.coming_editions),
        Route("/mailings", hall.mailings),
        Route("/issues", hall.issues),
        Route("/issues/{issue}", hall.issue),
        Route(f"/{STYLESHEET}", _asset(stage.stylesheet, "text/css")),
        Route(f"/{ICON}", _asset(stage.icon, "image/svg+xml")),
        *MailRoom(stage).routes(),
        *SiteRoom(stage).routes(),
    ]
    router = Router(routes, redirect_slashes=False)
    return _LoopbackOnly(Edge(router, base_path="/", speak=hall.speak))


class Hall:
    """The first page and the lists that lead to everything else."""

    def __init__(self, stage: Stage) -> None:
        """Take the stage that the pages are rendered on."""
        self._stage = stage
        self._exhibits = stage.exhibits
        self._policy = f"{gallery_policy(stage)}; frame-ancestors 'none'"

    async def first_page(self, _request: Request) -> Response:
        """Show what there is."""
        number, mails = await self._exhibits.mails(0)
        issues = await self._exhibits.issue_list()
        return self._stage.page(
            "index",
            self._stage.words.preview,
            number=number,
            mails=[self._mail_row(mail) for mail in mails[:_MAILS_ON_THE_FIRST_PAGE]],
            slots=[
                {"schedule": slot.schedule, "when": self._stage.moment(slot.slot.due_at), "issue": slot.choice.issue}
                for slot in (await self._exhibits.slots())[:1]
            ],
            mailings=[self._mailing(one) for one in await self._exhibits.mailings()],
            issues=issues,
            public=any(is_public for _folder, is_public in issues),
        )

    async def mails(self, request: Request) -> Response:
        """List the outbox, a page at a time."""
        asked = request.query_params.get("page", "1")
        page = int(asked) if asked.isdecimal() and 0 < len(asked) < 7 else 1
        number, mails = await self._exhibits.mails(max(page, 1) - 1)
        return self._stage.page(
            "mails",
            self._stage.words.mails,
            number=number,
            mails=[self._mail_row(mail) for mail in mails],
            newer=page - 1 if page > 1 else None,
            older=page + 1 if page * MAILS_ON_A_PAGE < number else None,
        )

    async def coming(self, _request: Request) -> Response:
        """Rehearse the next mailing."""
        coming = await self._exhibits.coming()
        held = [line for error in coming.held for line in self._stage.lines(error)]
        why_not = self._stage.lines(coming.why_not) if coming.why_not else []
        plan = plan_view(self._stage, coming.audience) if coming.audience else None
        editions = self._lines(coming.audience) if coming.audience else []
        last = [self._mailing(one) for one in (await self._exhibits.mailings())[:1]] if plan is None else []
        return self._stage.page(
            "next",
            self._stage.words.next_mailing,
            plan=plan,
            editions=editions,
            held=held,
            why_not=why_not,
            last=last,
        )

    async def coming_editions(self, _request: Request) -> Response:
        """Show every edition of the next mailing side by side."""
        coming = await self._exhibits.coming()
        if coming.audience is None:
            raise HTTPException(404)
        html = await asyncio.to_thread(gallery_page, self._stage, coming.audience, local=SITE, home="/next")
        return HTMLResponse(html, headers=HEADERS | {"Content-Security-Policy": self._policy})

    async def mailings(self, _request: Request) -> Response:
        """Show every launched mailing with its frozen editions."""
        mailings = [self._mailing(one) for one in await self._exhibits.mailings()]
        return self._stage.page("mailings", self._stage.words.mailings, mailings=mailings)

    async def issues(self, _request: Request) -> Response:
        """List the issue folders."""
        return self._stage.page("issues", self._stage.words.issues, issues=await self._exhibits.issue_list())

    async def issue(self, request: Request) -> Response:
        """Show an issue as the mail of a reader who chose the sections asked for."""
        loaded = await self._exhibits.issue(request.path_params["issue"])
        if loaded is None:
            raise HTTPException(404)
        present = loaded.issue.sections if loaded.issue else ()
        asked = [section for section in present if section in request.query_params.getlist("section")]
        return self._stage.page(
            "issue",
            loaded.folder.id,
            loaded=loaded,
            problems=[problem.text(self._stage.language) for problem in loaded.problems],
            sections=self._boxes(loaded, asked or present),
            mail=f"/editions/{quote(loaded.folder.id)}/{quote(edition_key(asked or present))}" if present else "",
        )

    def speak(self, trouble: Trouble, _language: str | None) -> str:
        """Render the page that says why there is none."""
        t = self._stage.words
        title, text = {"lost": (t.lost, t.lost_text), "method": (t.read_only, t.read_only_text)}.get(
            trouble, (t.failed, t.failed_text)
        )
        return bytes(self._stage.page("message", title, lines=[text]).body).decode()

    def _boxes(self, loaded: LoadedIssue, ticked: Sequence[SectionId]) -> list[dict[str, object]]:
        present = loaded.issue.sections if loaded.issue else ()
        return [
            {
                "id": section.id,
                "title": section.title,
                "ticked": section.id in ticked,
                "articles": len(loaded.issue.in_section(section.id)) if loaded.issue else 0,
            }
            for section in self._stage.workspace.sections
            if section.id in present
        ]

    def _mail_row(self, one: Delivered) -> dict[str, object]:
        return {
            "id": quote(one.mail.id),
            "subject": one.mail.subject,
            "recipient": one.mail.recipient,
            "titles": self._stage.titles(one.edition),
            "size": kilobytes(one.mail.size),
        }

    def _lines(self, audience: AudiencePlan) -> list[dict[str, object]]:
        only = {"only": "+".join(audience.plan.sections)} if audience.plan.sections else {}
        body = {"body": audience.plan.body} if audience.plan.body else {}
        query = f"?{urlencode(only | body)}" if only or body else ""
        return [
            {
                "path": f"/editions/{quote(audience.plan.issue)}/{quote(line.edition)}{query}",
                "titles": self._stage.titles(line.edition),
                "readers": line.readers,
                "html": kilobytes(line.html_bytes),
                "text": kilobytes(line.text_bytes),
                "shortened": line.shortened,
                "subject": line.subject,
            }
            for line in audience.editions
        ]

    def _mailing(self, one: FrozenMailing) -> dict[str, object]:
        launched = one.line.launched_at
        return {
            "mailing": one.line.mailing,
            "launched": self._stage.moment(launched) if launched else "",
            "states": one.states,
            "editions": [
                {
                    "path": f"/mailings/{one.line.mailing.id}/{quote(edition.edition)}",
                    "titles": self._stage.titles(edition.edition),
                    "readers": edition.readers,
                    "html": kilobytes(edition.html_bytes),
                    "text": kilobytes(edition.text_bytes),
                    "subject": edition.subject,
                }
                for edition in one.editions
            ],
        }


class _LoopbackOnly:
    """Answers only to this host's own names, so that no foreign page reads mails through a name that leads here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and Request(scope).url.hostname not in _LOOPBACK:
            await Response("421", 421)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _asset(render: Callable[[], str], media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_request: Request) -> Response:
        return Response(render(), headers=HEADERS, media_type=media_type)

    return serve
