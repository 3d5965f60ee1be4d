"""What the preview shows: delivered mails, frozen and coming editions, issues with drafts, feeds, pages to come.

Enters: a copy of an office. Leaves: plain values for templates, and sheets. Everything is read or rendered when asked
for, so that an edit shows at the next look; nothing is written but in the copy.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from distributor.content.loader import IssueFolder, find_issue, list_issues, load_issue
from distributor.content.model import Issue
from distributor.delivery import counts
from distributor.delivery.counts import MailingLine
from distributor.delivery.model import State
from distributor.editions import cut
from distributor.errors import DistributorError, InputError
from distributor.identifiers import EditionKey, IssueId, MailingId, SectionId
from distributor.operations import publishing
from distributor.operations.launching import new_marks
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.planning import AudiencePlan, ScheduledSlot
from distributor.operations.rehearsals.rehearsal import Body, only_sections, press_of
from distributor.problems import Problem, faults
from distributor.rendering.archive import build_archive
from distributor.rendering.feeds import build_feeds
from distributor.rendering.heads import FeedView, feed_views
from distributor.rendering.mail import NOTICE, inline_pictures, render_edition, render_notice
from distributor.rendering.masthead import Masthead
from distributor.rendering.published import with_files
from distributor.schema import delivery, mailing
from distributor.web import outbox
from distributor.web.copying import bring_lists
from distributor.web.outbox import Stored
from distributor.web.public import PublicFolder
from distributor.web.sheets import Sheet, marks_of, rendition_to_sheet

MAILS_ON_A_PAGE = 50
# Enough to see the neighbours of the issue in hand; the whole archive would take long to build.
_ISSUES_TO_COME = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One mail of the outbox with the edition it is; None for a test copy or one that the ledger does not know."""

    mail: Stored
    edition: EditionKey | None
    issue: IssueId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenEdition:
    """One edition of a launched mailing."""

    edition: EditionKey
    readers: int
    html_bytes: int
    text_bytes: int
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenMailing:
    """A launched mailing with its editions, the most read first, and its copies by state, those that have any."""

    line: MailingLine
    editions: tuple[FrozenEdition, ...]
    states: Mapping[State, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """The rehearsal of the next mailing, or why there is none; `held` would stop its launch."""

    audience: AudiencePlan | None
    why_not: DistributorError | None
    held: tuple[DistributorError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedIssue:
    """An issue as its files are now, with everything wrong with it; None when it cannot be read at all."""

    folder: IssueFolder
    issue: Issue | None
    problems: tuple[Problem, ...]


class Exhibits:
    """Everything there is to look at in one workspace."""

    def __init__(self, office: Office) -> None:
        """Take a copy of an office."""
        self.office = office
        self.workspace = office.workspace
        self.masthead = Masthead(publication=office.workspace.publication, sections=office.workspace.sections)
        self.public = PublicFolder(office.workspace.public)

    async def mails(self, page: int) -> tuple[int, tuple[Delivered, ...]]:
        """Return how many mails the outbox holds, and those on a page (from 0), the newest first."""
        first = page * MAILS_ON_A_PAGE
        number, stored = await asyncio.to_thread(
            outbox.list_mails, self.workspace.outbox, first=first, count=MAILS_ON_A_PAGE
        )
        known = await self._copies(stored)
        return number, tuple(
            Delivered(mail=mail, edition=edition, issue=issue)
            for mail in stored
            for edition, issue in [known.get(mail.message_id, (None, None))]
        )

    async def mail(self, name: str) -> Sheet | None:
        """Return one mail of the outbox."""
        return await asyncio.to_thread(outbox.find_mail, self.workspace.outbox, name)

    async def slots(self) -> tuple[ScheduledSlot, ...]:
        """Return the next slots that go."""
        return tuple(coming for coming in await planning.coming_slots(self.office, 2) if coming.may_go)

    async def coming(self) -> Coming:
        """Rehearse the next mailing with the list files as they are."""
        held = (await bring_lists(self.office)).held
        try:
            audience = await planning.plan_next(self.office)
        except DistributorError as error:
            return Coming(audience=None, why_not=error, held=held)
        return Coming(audience=audience, why_not=None, held=held)

    async def mailings(self) -> tuple[FrozenMailing, ...]:
        """Return the launched mailings, the newest first."""
        async with self.office.database.read() as connection:
            lines = await counts.mailings(connection, [mailing.c.launched_at.is_not(None)])
        return tuple([await self._frozen(line) for line in lines])

    async def frozen_edition(self, number: int, edition: EditionKey) -> Sheet | None:
        """Return one frozen edition of a mailing."""
        async with self.office.database.read() as connection:
            found = await counts.mailings(connection, [mailing.c.id == number])
            if not found:
                return None
            rendition = (await counts.load_renditions(connection, MailingId(number))).get(edition)
            pictures = await counts.load_pictures(connection, MailingId(number))
        return rendition_to_sheet(rendition, marks_of(found[0].mailing), pictures) if rendition else None

    async def issue(self, reference: str) -> LoadedIssue | None:
        """Return an issue as its files are now, drafts too; None when there is no such folder."""
        return await asyncio.to_thread(self._load, reference)

    async def edition(
        self, reference: str, key: EditionKey, *, only: Sequence[SectionId] = (), body: Body | None = None
    ) -> Sheet | None:
        """Render an edition of an issue as its files and templates are now.

        `only` cuts the issue first and `body` overrides that of the settings, as a schedule may. None when there is
        no such issue or none of the sections appears. Raises InputError with what is wrong.
        """
        return await asyncio.to_thread(self._render, reference, key, (only, body))

    async def issue_list(self) -> tuple[tuple[IssueFolder, bool], ...]:
        """Return every issue folder, newest first, and whether it is public."""
        public = await publishing.launched_issues(self.office)
        return tuple((folder, folder.id in public) for folder in list_issues(self.workspace.root))

    async def pages_to_come(self) -> Mapping[str, bytes]:
        """Build the site as if the latest issues, drafts too, were public; files by path."""
        return await asyncio.to_thread(self._build)

    def feeds(self) -> tuple[FeedView, ...]:
        """Return every feed."""
        return feed_views(self.masthead)

    async def feed_entries(self, name: str) -> list[dict[str, Any]] | None:
        """Return the entries of a published feed as JSON Feed has them; None when it is not there."""
        found = await self.public.load(f"feeds/{name}.json")
        if found is None:
            return None
        entries: list[dict[str, Any]] = json.loads(found[0]).get("items", [])
        return entries

    async def _copies(self, stored: Sequence[Stored]) -> Mapping[str, tuple[EditionKey, IssueId]]:
        these = delivery.c.message_id.in_([mail.message_id for mail in stored])
        async with self.office.database.read() as connection:
            found = [copy async for copy in counts.copies(connection, [these])]
        return {copy.message_id: (copy.edition, copy.issue) for copy in found}

    async def _frozen(self, line: MailingLine) -> FrozenMailing:
        of = line.mailing.id
        async with self.office.database.read() as connection:
            renditions = await counts.load_renditions(connection, of)
            readers = await counts.readers_by_edition(connection, of)
            counted = await counts.count_copies(connection, of)
        editions = [
            FrozenEdition(
                edition=key,
                readers=readers.get(key, 0),
                html_bytes=rendition.html_bytes,
                text_bytes=len(rendition.text.encode()),
                subject=rendition.subject,
            )
            for key, rendition in renditions.items()
        ]
        editions.sort(key=lambda edition: (-edition.readers, edition.edition))
        states = {state: number for state, number in counted.by_state.items() if number}
        return FrozenMailing(line=line, editions=tuple(editions), states=states)

    def _load(self, reference: str) -> LoadedIssue | None:
        try:
            path = find_issue(self.workspace.root, reference)
        except InputError:
            return None
        folder = next(folder for folder in list_issues(self.workspace.root) if folder.path == path)
        loaded = load_issue(path, root=self.workspace.root, sections=self.workspace.sections)
        return LoadedIssue(folder=folder, issue=loaded.issue, problems=loaded.problems)

    def _render(self, reference: str, key: EditionKey, how: tuple[Sequence[SectionId], Body | None]) -> Sheet | None:
        only, body = how
        loaded = self._load(reference)
        if loaded is None:
            return None
        if loaded.issue is None or faults(loaded.problems):
            raise InputError(problems=loaded.problems)
        issue = only_sections(loaded.issue, tuple(only)) if only else loaded.issue
        marks = new_marks()
        press = press_of(self.workspace, marks, body)
        if key == NOTICE:
            return rendition_to_sheet(render_notice(issue, press), marks, ())
        edition = cut(issue, frozenset(SectionId(part) for part in key.split("+")))
        if edition is None:
            return None
        return rendition_to_sheet(render_edition(edition, press), marks, inline_pictures(issue, press))

    def _build(self) -> Mapping[str, bytes]:
        folders = islice(list_issues(self.workspace.root), _ISSUES_TO_COME)
        loaded = [load_issue(one.path, root=self.workspace.root, sections=self.workspace.sections) for one in folders]
        sound = [one.issue for one in loaded if one.issue is not None and not faults(one.problems)]
        issues = [with_files(issue, self.workspace.root) for issue in sound]
        issues.sort(key=lambda one: (one.issue.date, one.issue.number), reverse=True)
        pages = build_archive(issues, self.masthead, self.workspace.templates)
        return {file.path.as_posix(): file.content for file in (*pages, *build_feeds(issues, self.masthead))}
