"""What happens at the links of the letter about an issue: GET shows, POST approves it or holds its slot.

Enters: a request whose path holds an operator's token. Leaves: a page. The token is the whole authority, for one
operator, one issue and two weeks; who is no operator any more decides nothing. Whatever scans mail may GET and HEAD as
it likes. Acting twice is acting once, and what was decided meanwhile is told instead of asked again.
"""

import asyncio
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from distributor.content.model import Issue
from distributor.errors import HeldError, InputError
from distributor.operations.desk import approving, desk_links
from distributor.operations.desk.approving import Approval, ApprovalState
from distributor.operations.desk.desk_links import DeskLink
from distributor.operations.office import Office
from distributor.rendering.common import Tongue
from distributor.web.desk_pages import Decision, DeskPages, Rendering
from distributor.web.edge import PERSONAL_HEADERS, Patience
from distributor.web.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request understood: whose link it is, the language, the issue as it is now and how its approval stands."""

    link: DeskLink
    language: Tongue
    issue: Issue
    state: ApprovalState


class ApprovalDesk:
    """Serves the links of one office's operators."""

    def __init__(self, office: Office, pages: Pages, patience: Patience) -> None:
        """Take the office that is decided about, the dress of its pages, and how long to wait for the database."""
        self._office = office
        self._pages = pages
        self._desk = DeskPages(office, pages)
        self._patience = patience

    def rehearse(self) -> None:
        """Render a page once, so that a broken template stops the start. Raises TemplateError."""
        self._desk.rehearse()

    async def decide(self, request: Request) -> Response:
        """Show what a link offers; on POST do it."""
        token: str = request.path_params["token"]
        language = self._pages.language(request.query_params.get("lang"))
        link = desk_links.read(self._office.keyring, token)
        if link is None or link.operator not in {one.text for one in self._office.workspace.operators}:
            return HTMLResponse(self._pages.trouble("link", language), 404, PERSONAL_HEADERS)
        if self._office.workspace.clock.now() > link.until:
            return await self._page(self._desk.expired(link, language), 410)
        return await self._patience.wait_for(self._decide(request, link, language))

    async def _decide(self, request: Request, link: DeskLink, language: Tongue) -> Response:
        try:
            issue = await asyncio.to_thread(approving.load_present, self._office, link.issue)
            state = await approving.state(self._office, link.issue)
        except InputError as error:
            return await self._page(self._desk.unusable(link, language, error), 409)
        asked = _Asked(link=link, language=language, issue=issue, state=state)
        launched = await approving.launched_at(self._office, link.issue)
        if launched is not None:
            return await self._page(self._desk.launched(self._decision(asked), launched), 200)
        if link.act == "hold":
            return await self._hold(request, asked)
        return await self._approve(request, asked)

    async def _approve(self, request: Request, asked: _Asked) -> Response:
        if asked.state.standing == "approved":
            return await self._page(self._desk.approved(self._decision(asked), await self._approval_of(asked)), 200)
        if not asked.link.is_about(asked.issue.fingerprint):
            return await self._page(self._desk.changed(self._decision(asked)), 409)
        if request.method != "POST":
            slots = await approving.slots_for(self._office, asked.issue.id)
            return await self._page(self._desk.approving(self._decision(asked), slots), 200)
        try:
            approval = await approving.approve_seen(self._office, asked.issue, asked.link.operator)
        except InputError as error:
            return await self._page(self._desk.refused(self._decision(asked), error), 422)
        except HeldError:
            return await self._page(self._desk.changed(self._decision(asked)), 409)
        return await self._page(self._desk.approved(self._decision(asked), approval), 200)

    async def _hold(self, request: Request, asked: _Asked) -> Response:
        if request.method != "POST":
            slots = await approving.slots_for(self._office, asked.issue.id)
            return await self._page(self._desk.holding(self._decision(asked), slots), 200)
        held = await approving.hold(self._office, asked.issue.id, asked.link.operator)
        return await self._page(self._desk.held(self._decision(asked), held), 200)

    async def _approval_of(self, asked: _Asked) -> Approval:
        assert asked.state.signature is not None
        slots = await approving.slots_for(self._office, asked.issue.id)
        return Approval(issue=asked.issue, signature=asked.state.signature, is_new=False, slots=slots, passed_over=None)

    def _decision(self, asked: _Asked) -> Decision:
        other = replace(asked.link, act="hold" if asked.link.act == "approve" else "approve")
        return Decision(
            link=asked.link,
            language=asked.language,
            issue=asked.issue,
            other_token=desk_links.sign(self._office.keyring, other),
        )

    async def _page(self, render: Rendering, status: int) -> Response:
        return HTMLResponse(await asyncio.to_thread(render), status, PERSONAL_HEADERS)
