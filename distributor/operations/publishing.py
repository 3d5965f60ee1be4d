"""Publish: archive and feeds into var/public, then whatever command carries them to the web server.

Public is what was launched in this workspace's channel, and the issue that is just being launched: mail links to
pages, so they are there first. Nothing that is draft, ready or unsent is public. Files are written one by one, each
whole or not at all, and never deleted: an old address goes on working. A mark in var/ says that a deployment is due, so
that one which failed, or was killed, is done by the next publishing although no file changes any more.
"""

import asyncio
import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from distributor.content.loader import IssueFolder, list_issues, load_issue
from distributor.content.model import Issue
from distributor.delivery import counts
from distributor.errors import EnvironmentFault, InputError
from distributor.identifiers import IssueId
from distributor.operations.files import holds, write_if_changed
from distributor.operations.office import Office
from distributor.operations.workspace import Workspace
from distributor.problems import Problem, faults, wording
from distributor.rendering.archive import build_archive
from distributor.rendering.feeds import build_feeds
from distributor.rendering.masthead import Masthead
from distributor.rendering.model import PublicFile
from distributor.rendering.published import PublishedIssue, with_files
from distributor.schema import mailing

_LOG = logging.getLogger(__name__)
_FEEDS = "feeds"
_DUE = "deploy.due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing did: the public issues newest first, how many files there are, and which of them it wrote.

    `problems` are faults in issues published before: their pages stay as they were.
    """

    issues: tuple[IssueId, ...]
    files: int
    written: tuple[PurePosixPath, ...]
    problems: tuple[Problem, ...]

    @property
    def changed(self) -> int:
        """How many files it wrote, because they were new or had changed."""
        return len(self.written)


async def publish(office: Office, *, launching: Issue | None = None) -> Publication:
    """Bring var/public up to date and run the deploy command. Raises EnvironmentFault; safe to repeat."""
    issues, problems = await _public_issues(office, launching)
    files = await asyncio.to_thread(_build, office.workspace, issues)
    changed = await asyncio.to_thread(_differing, office.workspace, files)
    due = office.workspace.var / _DUE
    if changed:
        await asyncio.to_thread(write_if_changed, due, b"")
        await asyncio.to_thread(_write, office.workspace, changed)
    for problem in problems:
        _LOG.warning(
            "a published issue has a fault, its pages stay as they were", extra={"problem": problem.text("en")}
        )
    if due.exists():
        await _deploy(office.workspace)
        due.unlink(missing_ok=True)
    return Publication(
        issues=tuple(issue.issue.id for issue in issues),
        files=len(files),
        written=tuple(file.path for file in changed),
        problems=tuple(problems),
    )


async def would_change(office: Office, issue: Issue) -> tuple[PublicFile, ...]:
    """Return the public files that publishing with this issue would write, pages first; nothing is written."""
    public = await launched_issues(office)
    issues, _problems = await asyncio.to_thread(_load, office.workspace, public, issue)
    files = await asyncio.to_thread(_build, office.workspace, issues)
    return await asyncio.to_thread(_differing, office.workspace, files)


async def files_with(office: Office, launching: Issue) -> tuple[PublicFile, ...]:
    """Return every file that `publish` would write with this issue public; nothing is written.

    Raises InputError (a file of the issue is missing) and TemplateError.
    """
    issues, _problems = await _public_issues(office, launching)
    return await asyncio.to_thread(_build, office.workspace, issues)


async def _public_issues(office: Office, launching: Issue | None) -> tuple[list[PublishedIssue], list[Problem]]:
    return await asyncio.to_thread(_load, office.workspace, await launched_issues(office), launching)


async def launched_issues(office: Office) -> frozenset[IssueId]:
    """Return the issues that were launched in this channel, pilots not counted."""
    launched = (
        mailing.c.channel == office.workspace.channel,
        mailing.c.send_no > 0,
        mailing.c.launched_at.is_not(None),
    )
    async with office.database.read() as connection:
        return frozenset(line.mailing.issue for line in await counts.mailings(connection, launched))


def _load(
    workspace: Workspace, public: frozenset[IssueId], launching: Issue | None
) -> tuple[list[PublishedIssue], list[Problem]]:
    """Return the public issues newest first; the one being launched must be right, others may be broken by now."""
    problems: list[Problem] = []
    issues = [] if launching is None else [with_files(launching, workspace.root)]
    for folder in list_issues(workspace.root):
        if folder.id in public and (launching is None or folder.id != launching.id):
            issues += _load_one(workspace, folder, problems)
    return sorted(issues, key=lambda one: (one.issue.date, one.issue.number), reverse=True), problems


def _load_one(workspace: Workspace, folder: IssueFolder, problems: list[Problem]) -> list[PublishedIssue]:
    loaded = load_issue(folder.path, root=workspace.root, sections=workspace.sections)
    problems += faults(loaded.problems)
    if loaded.issue is None or faults(loaded.problems):
        return []
    try:
        return [with_files(loaded.issue, workspace.root)]
    except InputError as error:
        problems += error.problems
        return []


def _build(workspace: Workspace, issues: Sequence[PublishedIssue]) -> tuple[PublicFile, ...]:
    masthead = Masthead(publication=workspace.publication, sections=workspace.sections)
    pages = build_archive(issues, masthead, workspace.templates)
    return (*pages, *build_feeds(issues, masthead))


def _differing(workspace: Workspace, files: Sequence[PublicFile]) -> tuple[PublicFile, ...]:
    """Return the files that are not in the public folder as they are, in the order in which they are written."""
    # Feeds last: a reader who follows an entry finds its page.
    ordered = sorted(files, key=lambda file: file.path.parts[0] == _FEEDS)
    return tuple(file for file in ordered if holds(workspace.public / file.path) != file.content)


def _write(workspace: Workspace, files: Sequence[PublicFile]) -> None:
    for file in files:
        write_if_changed(workspace.public / file.path, file.content)


async def _deploy(workspace: Workspace) -> None:
    command = shlex.split(workspace.settings.web.deploy)
    if not command:
        return
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            cwd=workspace.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await child.communicate()
    except OSError as error:
        raise _deploy_fault(command[0], str(error)) from error
    if child.returncode:
        raise _deploy_fault(command[0], output.decode(errors="replace").strip()[-300:] or f"exit {child.returncode}")


def _deploy_fault(program: str, said: str) -> EnvironmentFault:
    return EnvironmentFault(
        wording(
            f"发布命令 {program} 失败：{said} → 请改好 [web] deploy 再运行，邮件在网页就绪之前不会发出",
            f"the deploy command {program} failed: {said}: mend [web] deploy; mail waits until the pages are there",
        )
    )
