"""Read what a form posts, within limits, and what it asks for.

Enters: a request whose body nobody has read. Leaves: a `Form` of plain text fields, or an HTTPException: 408 for a body
that does not come, 413 for one too large, 415 for one that is no form, 400 for one that cannot be read. Forms come
urlencoded or multipart (RFC 8058 §3.2 allows both), files never.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from distributor.config.model import Section
from distributor.identifiers import ListName, SectionId
from distributor.subscribers.preferences import ALL_KEY, Choice, parse_form
from distributor.web.pages import Draft

FORM_TYPE = "application/x-www-form-urlencoded"
LARGEST_BODY = 64_000
MOST_FIELDS = 100
SLOWEST_BODY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a form in their order; names may repeat."""

    fields: tuple[tuple[str, str], ...] = ()

    def first(self, name: str) -> str:
        """Return the first value of that name, empty where there is none."""
        return next((value for key, value in self.fields if key == name), "")

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of that name."""
        return tuple(value for key, value in self.fields if key == name)

    @property
    def is_one_click(self) -> bool:
        """Whether a mail program posts for its reader: `List-Unsubscribe=One-Click` (RFC 8058 §3.1)."""
        return any(name.lower() == "list-unsubscribe" for name, _value in self.fields)

    @property
    def asks_to_return(self) -> bool:
        """Whether the button that undoes an unsubscribing was pressed; a one-click is never that."""
        return not self.is_one_click and self.first("action") == "resubscribe"


async def read_form(request: Request) -> Form:
    """Return the posted fields; an empty body is an empty form. Raises HTTPException."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415)
    body = await _read_body(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return await _read_multipart(request, body)
    if body and media_type != FORM_TYPE:
        raise HTTPException(415)
    try:
        text = body.decode("utf-8", errors="replace")
        return Form(fields=tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)))
    except ValueError as error:
        raise HTTPException(400) from error


def draft_of(form: Form) -> Draft:
    """Return the preference form as the reader left it.

    Who had all sections and ticked boxes below wants those, although the radio button above stayed where it was;
    who had some and turns to all gets all, whatever boxes are still ticked.
    """
    ticked = frozenset(SectionId(value) for value in form.every("section"))
    was_everything = form.first("was") == "all"
    everything = form.first("sections") == "all" and not (was_everything and ticked)
    return Draft(
        everything=everything,
        was_everything=was_everything,
        ticked=ticked,
        lists=frozenset(ListName(value) for value in form.every("list")),
    )


def choice_of(draft: Draft, sections: Sequence[Section]) -> Choice | None:
    """Return the sections asked for, with names that are none; None when nothing was chosen, which never means all."""
    return parse_form([ALL_KEY] if draft.everything else sorted(draft.ticked), sections)


def lists_of(form: Form, draft: Draft) -> frozenset[ListName] | None:
    """Return the lists asked for; None where the form showed none."""
    return draft.lists if form.first("with_lists") else None


async def _read_body(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise HTTPException(413)
    try:
        return await asyncio.wait_for(_all_of(request), SLOWEST_BODY_SECONDS)
    except TimeoutError as error:
        raise HTTPException(408) from error


async def _all_of(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise HTTPException(413)
    return bytes(body)


async def _read_multipart(request: Request, body: bytes) -> Form:
    parsing = Request(_without_app(request.scope), _replay(body))
    try:
        # No file is ever wanted, so that nothing is spooled to the disk.
        found = await parsing.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LARGEST_BODY)
    except (MultiPartException, KeyError, ValueError) as error:
        raise HTTPException(400) from error
    return Form(fields=tuple((name, value) for name, value in found.multi_items() if isinstance(value, str)))


def _without_app(scope: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in scope.items() if name != "app"}


class _replay:  # noqa: N801 - reads as a word where it is used
    """Hands a body that was read already to a parser."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self) -> Message:
        return {"type": "http.request", "body": self._body, "more_body": False}
