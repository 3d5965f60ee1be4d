"""What happens at the links of a mail: GET shows, POST acts, HEAD and GET never change anything.

Enters: a request whose path holds a token. Leaves: a page. The token is the whole authority: no cookie, no login, no
Referer or Origin is asked for (RFC 8058 §3.1), and every wrong one gets the same page. Acting twice is acting once.
"""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from distributor.operations import membership
from distributor.operations.office import Office
from distributor.subscribers.model import SubscriberView, Wish
from distributor.web.edge import PERSONAL_HEADERS, Patience
from distributor.web.forms import Form, choice_of, draft_of, lists_of, read_form
from distributor.web.pages import Fault, Pages, Visit

_ONE_CLICK = "web:one-click"
_PAGE = "web:page"


class Desk:
    """Serves the two links of every mail for one office."""

    def __init__(self, office: Office, pages: Pages, patience: Patience) -> None:
        """Take the office whose readers come, their pages, and how long to wait for the database."""
        self._office = office
        self._pages = pages
        self._patience = patience

    async def unsubscribe(self, request: Request) -> Response:
        """Show the one button; on POST end the subscription, or undo that where the page's own button asks for it."""
        if request.method != "POST":
            return await self._shown(self._pages.unsubscribing, await self._visit(request), request)
        form = await read_form(request)
        if form.asks_to_return:
            return await self._return(request)
        source = _ONE_CLICK if form.is_one_click else _PAGE
        work = membership.unsubscribe(self._office, _token(request), source=source)
        visit = self._as_visit(request, await self._patience.wait_for(work))
        return await self._shown(self._pages.unsubscribed, visit, request)

    async def preferences(self, request: Request) -> Response:
        """Show the reader's choice; on POST store a new one, or ask again when nothing was chosen."""
        if request.method != "POST":
            return await self._shown(self._pages.preferences, await self._visit(request), request)
        form = await read_form(request)
        if form.asks_to_return:
            return await self._return(request)
        return await self._choose(request, form)

    async def _choose(self, request: Request, form: Form) -> Response:
        draft = draft_of(form)
        choice = choice_of(draft, self._office.workspace.sections)
        if choice is None or choice.unknown:
            visit = await self._visit(request)
            if visit is None:
                return self._wrong_link(request)
            fault: Fault = "nothing" if choice is None else "gone"
            page = await asyncio.to_thread(self._pages.preferences, visit, draft, fault)
            return HTMLResponse(page, 422, PERSONAL_HEADERS)
        wish = Wish(sections=choice.sections, lists=lists_of(form, draft))
        work = membership.choose(self._office, _token(request), wish, source=_PAGE)
        visit = self._as_visit(request, await self._patience.wait_for(work))
        return await self._shown(self._pages.saved, visit, request)

    async def _return(self, request: Request) -> Response:
        work = membership.resubscribe(self._office, _token(request), source=_PAGE)
        visit = self._as_visit(request, await self._patience.wait_for(work))
        return await self._shown(self._pages.resubscribed, visit, request)

    async def _visit(self, request: Request) -> Visit | None:
        work = membership.reader_of_token(self._office, _token(request))
        return self._as_visit(request, await self._patience.wait_for(work))

    def _as_visit(self, request: Request, view: SubscriberView | None) -> Visit | None:
        if view is None:
            return None
        return Visit(token=_token(request), language=self._pages.language(request.query_params.get("lang")), view=view)

    async def _shown(self, page: Callable[[Visit], str], visit: Visit | None, request: Request) -> Response:
        if visit is None:
            return self._wrong_link(request)
        return HTMLResponse(await asyncio.to_thread(page, visit), headers=PERSONAL_HEADERS)

    def _wrong_link(self, request: Request) -> Response:
        language = self._pages.language(request.query_params.get("lang"))
        return HTMLResponse(self._pages.trouble("link", language), 404, PERSONAL_HEADERS)


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    return token
