"""The whole audience rehearsed: which readers get which edition, and every edition in use rendered and checked.

Enters: a `SendingPlan` (an issue, lists, sections). Leaves: a `Rehearsal` that a launch freezes and a plan prints; the
same code serves both, so that what was rehearsed is what goes. Every letter, link, page and feed is proofread here, so
nothing leaves that was not looked at. Nothing is written.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from distributor.content.loader import find_issue, load_issue
from distributor.content.model import Issue
from distributor.delivery.model import Copy
from distributor.editions import Edition, cut, segment
from distributor.errors import InputError
from distributor.identifiers import EditionKey, IssueId, ListName, SectionId
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.model import Galley
from distributor.operations.rehearsals.proofs.reading import proofread, specimens_of
from distributor.operations.workspace import Workspace
from distributor.problems import Problem, faults, wording
from distributor.rendering.mail import NOTICE, Press, inline_pictures, render_editions, render_notice
from distributor.rendering.model import InlinePicture, Placeholders, Rendition
from distributor.subscribers import store
from distributor.subscribers.preferences import parse_set_key

Body = Literal["full", "digest", "fit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingPlan:
    """What is to be sent to whom: an issue, cut to `sections` first (None: each reader's own), to lists.

    `body` overrides that of `[email]`; None leaves it.
    """

    issue: IssueId
    lists: tuple[ListName, ...]
    sections: tuple[SectionId, ...] | None = None
    empty: Literal["skip", "notice", "full"] = "skip"
    body: Body | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """An issue and its audience, ready to be frozen; `editions` names the edition of each section-set key.

    `readers` counts who would get each edition, before those are taken off who have the issue already. `warnings` are
    about the content, `findings` what proofreading found; a fault among them stops a launch.
    """

    issue: Issue
    whole: Issue
    editions: Mapping[str, EditionKey | None]
    renditions: Mapping[EditionKey, Rendition]
    pictures: tuple[InlinePicture, ...]
    readers: Mapping[EditionKey, int]
    without_section: int
    warnings: tuple[Problem, ...]
    findings: tuple[Problem, ...] = ()

    @property
    def audience(self) -> int:
        """How many readers the lists have whom we may mail."""
        return sum(self.readers.values()) + self.without_section


async def rehearse(office: Office, plan: SendingPlan, marks: Placeholders) -> Rehearsal:
    """Load the issue, segment the audience, render and proofread each edition in use.

    Raises InputError with every fault: then nothing may leave.
    """
    rehearsal = await rehearse_to_show(office, plan, marks)
    if faults(rehearsal.findings):
        raise InputError(
            wording(
                "校对发现上面这些问题，没有发送；改好后请再运行一次",
                "proofreading found the faults above, nothing was sent; mend them and run it again",
            ),
            problems=rehearsal.findings,
        )
    return rehearsal


async def rehearse_to_show(office: Office, plan: SendingPlan, marks: Placeholders) -> Rehearsal:
    """Rehearse as `rehearse` does, but return what proofreading found instead of raising it.

    Raises InputError where nothing can be shown: the issue or a template is refused.
    """
    whole, warnings = await asyncio.to_thread(load_ready, office.workspace, plan.issue)
    issue = whole if plan.sections is None else only_sections(whole, plan.sections)
    sizes = await _audience(office, plan.lists)
    editions = _editions(issue, sizes, plan.empty)
    readers: dict[EditionKey, int] = {}
    for name, size in sizes.items():
        key = editions[name]
        if key is not None:
            readers[key] = readers.get(key, 0) + size
    rehearsal = await _rendered(issue, press_of(office.workspace, marks, plan.body), readers)
    specimens = await specimens_of(office, plan.lists, editions)
    return replace(
        rehearsal,
        whole=whole,
        editions=editions,
        without_section=sum(size for name, size in sizes.items() if editions[name] is None),
        warnings=warnings,
        findings=await _proofread(office, replace(rehearsal, whole=whole), marks, (specimens, plan.body)),
    )


async def _rendered(issue: Issue, press: Press, readers: Mapping[EditionKey, int]) -> Rehearsal:
    """Render the editions that have readers, the most read first."""
    return Rehearsal(
        issue=issue,
        whole=issue,
        editions={},
        renditions=await asyncio.to_thread(_render, issue, set(readers), press),
        pictures=await asyncio.to_thread(inline_pictures, issue, press),
        readers=dict(sorted(readers.items(), key=lambda item: (-item[1], item[0]))),
        without_section=0,
        warnings=(),
    )


async def _proofread(
    office: Office, rehearsal: Rehearsal, marks: Placeholders, how: tuple[tuple[Copy, ...], Body | None]
) -> tuple[Problem, ...]:
    specimens, body = how
    email = office.workspace.settings.email
    galley = Galley(
        whole=rehearsal.whole,
        renditions=rehearsal.renditions,
        pictures=rehearsal.pictures,
        marks=marks,
        specimens=specimens,
        largest_bytes=email.max_html_kb * 1000,
        in_full=(body or email.body) == "full",
    )
    return await proofread(office, galley)


def load_checked(workspace: Workspace, folder: Path) -> tuple[Issue, tuple[Problem, ...]]:
    """Load an issue and return it with its warnings. Raises InputError with every fault."""
    loaded = load_issue(folder, root=workspace.root, sections=workspace.sections)
    if loaded.issue is None or faults(loaded.problems):
        raise InputError(
            wording(
                f"{workspace.shown(folder)} 有上面这些问题，什么都没有改动；改好后请再运行一次",
                f"{workspace.shown(folder)} was refused, nothing was changed; mend the places above and run it again",
            ),
            problems=loaded.problems,
        )
    return loaded.issue, loaded.problems


def load_ready(workspace: Workspace, issue: IssueId) -> tuple[Issue, tuple[Problem, ...]]:
    """Load an issue that is marked ready. Raises InputError where it is a draft or has faults."""
    found, warnings = load_checked(workspace, find_issue(workspace.root, issue))
    if found.status != "ready":
        raise InputError(
            wording(
                f"第 {found.number} 期还是草稿 → 检查无误后运行 distributor ready {found.id}",
                f"issue {found.id} is a draft: check it, then run `distributor ready {found.id}`",
            )
        )
    return found, warnings


def only_sections(issue: Issue, sections: tuple[SectionId, ...]) -> Issue:
    """Return the issue without the articles of other sections, and without the headline and lead that speak of all.

    Raises InputError when nothing is left.
    """
    articles = tuple(article for article in issue.articles if article.section in sections)
    if not articles:
        raise InputError(
            wording(
                f"第 {issue.number} 期没有这些栏目的文章：{', '.join(sections)}",
                f"issue {issue.id} has no article in {', '.join(sections)}",
            )
        )
    return replace(issue, articles=articles, subject="", lead="")


def press_of(workspace: Workspace, marks: Placeholders, body: Body | None = None) -> Press:
    """Return what every rendition of this workspace is made with; `body` overrides that of the settings."""
    email = workspace.settings.email
    return Press(
        publication=workspace.publication,
        sections=workspace.sections,
        email=email.model_copy(update={"body": body}) if body else email,
        site=workspace.site,
        templates=workspace.templates,
        placeholders=marks,
        web_mode=workspace.settings.web.mode,
        unsubscribe_mailbox=workspace.sender.address.text,
    )


async def _audience(office: Office, lists: tuple[ListName, ...]) -> dict[str, int]:
    """Return how many mailable readers each section set has, by its key."""
    readers = store.mailable(lists).order_by(None).subquery()
    sizes = sa.select(readers.c.section_set, sa.func.count()).group_by(readers.c.section_set)
    async with office.database.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(sizes)}


def _editions(issue: Issue, sizes: Mapping[str, int], empty: str) -> dict[str, EditionKey | None]:
    sets = {name: parse_set_key(name) for name in sizes}
    keys = segment(issue, sets.values())
    for_empty = {"skip": None, "notice": NOTICE, "full": _key(cut(issue, None))}[empty]
    return {name: keys[chosen] or for_empty for name, chosen in sets.items()}


def _key(edition: Edition | None) -> EditionKey | None:
    return edition.key if edition else None


def _render(issue: Issue, used: set[EditionKey], press: Press) -> dict[EditionKey, Rendition]:
    chosen = [frozenset(SectionId(section) for section in key.split("+")) for key in sorted(used - {NOTICE})]
    editions = [edition for sections in chosen if (edition := cut(issue, sections))]
    renditions = {rendition.edition: rendition for rendition in render_editions(editions, press)}
    if NOTICE in used:
        renditions[NOTICE] = render_notice(issue, press)
    return renditions
