"""The whole proofreading of a mailing: letters, links, pictures, pages and feeds; every flaw is listed at once.

Enters: an office and a galley. Leaves: problems; nothing is written and nothing is fetched. The same reading stands
behind `plan`, the preview and every launch, so that what a launch would refuse is known before.
"""

import asyncio
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from distributor.delivery.model import Copy
from distributor.errors import InputError
from distributor.identifiers import DeliveryId, EditionKey, ListName, MailingId, PublicId
from distributor.operations import publishing
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.feeds import read_feeds
from distributor.operations.rehearsals.proofs.letters import read_letters
from distributor.operations.rehearsals.proofs.links import LinkReader
from distributor.operations.rehearsals.proofs.model import Findings, Galley
from distributor.operations.rehearsals.proofs.site import SiteToBe
from distributor.problems import Problem
from distributor.rendering.model import PublicFile
from distributor.subscribers import store


async def proofread(office: Office, galley: Galley) -> tuple[Problem, ...]:
    """Return everything wrong with what would go out, by file and line. Raises TemplateError; safe to repeat."""
    findings = Findings(galley.whole, office.workspace.sections)
    files: tuple[PublicFile, ...] = ()
    found: tuple[Problem, ...] = ()
    try:
        files = await publishing.files_with(office, galley.whole)
    except InputError as error:
        found = error.problems
    await asyncio.to_thread(_read, office, galley, files, findings)
    return (*found, *findings.problems())


def _read(office: Office, galley: Galley, files: Sequence[PublicFile], findings: Findings) -> None:
    proofs = read_letters(office, galley, findings)
    if not files:
        return
    site = SiteToBe(office.workspace.site.base_url, files, office.workspace.public)
    links = LinkReader(office, galley, site)
    for proof in proofs:
        links.read(proof, findings)
    read_feeds(site, findings)


async def specimens_of(
    office: Office, lists: Sequence[ListName], editions: Mapping[str, EditionKey | None]
) -> tuple[Copy, ...]:
    """Return one reader of these lists for every edition and format in use; `editions` goes by section-set key."""
    readers = store.mailable(lists).order_by(None).subquery()
    first = (
        sa.select(sa.func.min(readers.c.subscriber).label("subscriber"), readers.c.section_set, readers.c.format)
        .group_by(readers.c.section_set, readers.c.format)
        .subquery()
    )
    statement = sa.select(readers).where(readers.c.subscriber.in_(sa.select(first.c.subscriber)))
    async with office.database.read() as connection:
        rows = (await connection.execute(statement)).all()
    found: dict[tuple[EditionKey, str], Copy] = {}
    for row in sorted(rows, key=lambda row: row.subscriber):
        edition = editions.get(row.section_set)
        if edition is not None:
            found.setdefault((edition, row.format), _copy(edition, row._asdict()))
    return tuple(found.values())


def _copy(edition: EditionKey, reader: Mapping[str, str]) -> Copy:
    return Copy(
        id=DeliveryId(0),
        mailing=MailingId(0),
        edition=edition,
        public_id=PublicId(reader["public_id"]),
        email_key=reader["email_key"],
        address=reader["address"],
        name=reader["name"],
        format="text" if reader["format"] == "text" else "html",
        attempts=0,
        first_tried_at=None,
    )
