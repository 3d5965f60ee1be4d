"""The letter that asks operators to decide about an issue: what it is, what was checked, two links, the issue itself.

Enters: an office, an incident and one operator. Leaves: an `OperatorLetter` whose lower part is the real rendition of
the whole issue, made by the same press as the mailing, so that what is approved is what was seen. The links are that
operator's own. Where no page can be reached (`[web] mode = "none"`) the letter names the commands instead. Both parts
together stay within the size that a mail may have; where a preview had to be shortened for that, the letter says so.
"""

import asyncio
import logging
import math
import re
from dataclasses import dataclass, replace
from datetime import datetime

from distributor.addresses import Address
from distributor.content import loader
from distributor.content.model import Issue
from distributor.editions import cut
from distributor.errors import DistributorError, InputError
from distributor.incidents import Cause, Incident
from distributor.operations.desk import approving, desk_links
from distributor.operations.desk.approving import issue_of
from distributor.operations.desk.desk_links import Act, DeskLink
from distributor.operations.desk.desk_views import DeskView, Offer, Seen, blockers_of, view_of
from distributor.operations.desk.operator_letters import OperatorLetter, language_of
from distributor.operations.launching import new_marks
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import press_of
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.rendering.common import words
from distributor.rendering.letters import render_letter
from distributor.rendering.mail import Press, inline_pictures, render_edition
from distributor.rendering.model import InlinePicture, Rendition

_TEMPLATE = "desk"
_TOKEN = "preview"  # noqa: S105 - stands where a reader's own token would; the page behind it says that it is none
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_KEPT_STYLE = re.compile(r"<style\b[^>]*>.*?</style>", re.IGNORECASE | re.DOTALL)
_INSIDE = re.compile(r"<body\b[^>]*>(?P<inside>.*)</body>", re.IGNORECASE | re.DOTALL)
_SMALLEST_KB = 20
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preview:
    """An issue as readers would get it; `clipped` counts the articles shortened only so that the letter fits."""

    rendition: Rendition
    operator: Address
    pictures: tuple[InlinePicture, ...]
    clipped: int = 0


async def letters_for(office: Office, incident: Incident, operator: Address) -> OperatorLetter | None:
    """Return the letter about a draft, or about an issue that waits for approval, to one operator.

    None for every other incident, and where the issue is gone. The same incident gives the same links.
    """
    if incident.cause not in (Cause.DRAFT, Cause.APPROVAL):
        return None
    issue = issue_of(incident)
    try:
        folder = loader.find_issue(office.workspace.root, issue)
    except InputError:
        return None
    workspace = office.workspace
    loaded = await asyncio.to_thread(loader.load_issue, folder, root=workspace.root, sections=workspace.sections)
    slots = await approving.slots_for(office, issue) if incident.cause is Cause.APPROVAL else ()
    seen = Seen(
        id=issue,
        loaded=loaded,
        what=incident.what.in_language(language_of(workspace)),
        slots=slots or await approving.next_slots(office),
        is_awaited=bool(slots),
    )
    return await asyncio.to_thread(_letter, office, seen, operator, incident.raised_at)


def link_to(office: Office, link: DeskLink) -> str:
    """Return the address of the page behind a link."""
    return f"{office.workspace.site.base_url}desk/{desk_links.sign(office.keyring, link)}"


def _letter(office: Office, seen: Seen, operator: Address, raised_at: datetime) -> OperatorLetter:
    workspace = office.workspace
    issue = seen.loaded.issue
    preview = _preview(workspace, issue, operator) if issue is not None else None
    offer = _offer(office, issue, operator, raised_at)
    view = view_of(workspace, seen, offer, preview.rendition if preview else None)
    head = _head(workspace, view)
    if issue is None or preview is None:
        return OperatorLetter(subject=view.subject, html=head[0], text=head[1])
    room = workspace.settings.email.max_html_kb * 1000 - len(head[0].encode())
    if preview.rendition.html_bytes > room:
        whole, preview = preview, _shorter(workspace, issue, preview, room)
        head = _head(workspace, view_of(workspace, seen, offer, whole.rendition, clipped=preview.clipped))
    return OperatorLetter(
        subject=view.subject,
        html=_joined(head[0], preview.rendition.html),
        text=f"{head[1]}\n{preview.rendition.text}",
        pictures=preview.pictures,
    )


def _offer(office: Office, issue: Issue | None, operator: Address, raised_at: datetime) -> Offer | None:
    """Return the two links; None where no page can be reached, or where nothing can be decided yet."""
    workspace = office.workspace
    if workspace.settings.web.mode == "none" or issue is None or blockers_of(issue):
        return None

    def link(act: Act) -> str:
        until = (raised_at + desk_links.LIFETIME).replace(microsecond=0)
        mark = desk_links.mark_of(issue.fingerprint)
        return link_to(office, DeskLink(act=act, issue=issue.id, mark=mark, operator=operator.text, until=until))

    return Offer(approve_url=link("approve"), hold_url=link("hold"), masked=operator.masked)


def _preview(workspace: Workspace, issue: Issue, operator: Address) -> _Preview | None:
    """Return the issue as the operator would get it as a reader; None where a template does not render it."""
    try:
        return _printed(issue, press_of(workspace, new_marks()), operator)
    except DistributorError as error:
        _LOG.warning("the preview of an issue was not rendered", extra={"issue": issue.id, "why": error.text("en")})
        return None


def _shorter(workspace: Workspace, issue: Issue, whole: _Preview, room: int) -> _Preview:
    """Return the preview with more articles cut to their beginnings, or the whole one where nothing may be cut."""
    press = press_of(workspace, new_marks())
    limit = max(_SMALLEST_KB, math.floor(room / 1000))
    try:
        email = press.email.model_copy(update={"max_html_kb": limit})
        found = _printed(issue, replace(press, email=email), whole.operator)
    except DistributorError:
        return whole
    return replace(found, clipped=max(0, found.rendition.shortened - whole.rendition.shortened))


def _printed(issue: Issue, press: Press, operator: Address) -> _Preview:
    edition = cut(issue, None)
    if edition is None:
        raise InputError(wording("这一期没有文章", "the issue has no articles"))
    rendition = render_edition(edition, press)
    marks = press.placeholders

    def personal(text: str) -> str:
        return text.replace(marks.token, _TOKEN).replace(marks.address, operator.masked)

    pictures = [picture for picture in inline_pictures(issue, press) if picture.cid in rendition.cids]
    shown = replace(rendition, html=personal(rendition.html), text=personal(rendition.text))
    return _Preview(rendition=shown, operator=operator, pictures=tuple(pictures))


def _head(workspace: Workspace, view: DeskView) -> tuple[str, str]:
    language = workspace.publication.language
    return render_letter(
        workspace.templates,
        _TEMPLATE,
        language=language,
        publication=workspace.publication.name,
        view=view,
        colon=words(language).colon,
    )


def _joined(head: str, below: str) -> str:
    """Return the issue's own page with the head of the letter on top of its body, and the head's kept styles."""
    inside = _INSIDE.search(head)
    styles = "".join(_KEPT_STYLE.findall(head))
    page = below.replace("</head>", f"{styles}</head>", 1)
    top = inside["inside"] if inside else ""
    return _BODY.sub(lambda found: found[0] + top, page, count=1)
