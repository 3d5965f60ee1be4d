"""Find issues, load them, start a new one, mark one ready.

A workspace's `content/` enters through `files`; an `Issue` and all problems leave, in reading order. The fingerprint
covers the names and bytes of issue.toml, the articles and every file they refer to; README.md and import/ take no
part. Writing goes to a temporary name and is renamed.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distributor.config.model import Section
from distributor.content import issuefile, starter
from distributor.content.checks import IssueSource, Submission, check_issue, section_index, section_key
from distributor.content.files import Folder, write_text
from distributor.content.issuefile import IssueSettings, Status
from distributor.content.model import Article, Body, Issue
from distributor.content.reading import IssueReader
from distributor.content.sources import read_text
from distributor.errors import InputError
from distributor.identifiers import ArticleId, IssueId, SectionId, issue_id, parse_issue_reference
from distributor.problems import Problem, Wording, faults, in_reading_order, wording

CONTENT = "content"

_FOLDER_NAME = re.compile(r"(?P<year>\d{4})-(?P<number>\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An issue with its problems in reading order; `issue` is None when one of them is a fault."""

    issue: Issue | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFolder:
    """A folder of `content/` with what its issue.toml says; date and status are None when that was refused."""

    id: IssueId
    number: int
    year: int
    path: Path
    date: dt.date | None
    status: Status | None
    problems: tuple[Problem, ...]


def load_issue(folder: Path, *, root: Path, sections: Sequence[Section]) -> Loaded:
    """Load the issue in `folder`, which lies in the workspace `root`; safe to repeat, writes nothing."""
    reader = IssueReader(folder=Folder(path=folder, root=root))
    settings = reader.settings()
    submissions = tuple(reader.submissions())
    problems = list(reader.problems)
    if settings is not None:
        path = reader.folder.shown(issuefile.FILE_NAME)
        source = IssueSource(path=path, settings=settings, submissions=submissions, whole=not reader.unread)
        problems.extend(check_issue(source, sections))
    ordered = in_reading_order(dict.fromkeys(problems))
    if settings is None or faults(ordered):
        return Loaded(issue=None, problems=ordered)
    return Loaded(issue=_issue(reader.folder, settings, submissions, sections), problems=ordered)


def list_issues(root: Path) -> tuple[IssueFolder, ...]:
    """Return every issue of the workspace, newest first by year and number; an empty tuple without content/."""
    content = root / CONTENT
    folders = sorted(content.iterdir()) if content.is_dir() else []
    issues = (_issue_folder(folder, root) for folder in folders if folder.is_dir())
    found = [issue for issue in issues if issue is not None]
    return tuple(sorted(found, key=lambda issue: (issue.year, issue.number, issue.path.name), reverse=True))


def find_issue(root: Path, reference: str) -> Path:
    """Return the folder of the issue that a person called 55, 055, 2015-055 or content/2015-055.

    Raises `InputError` when there is none, or when several years have that number.
    """
    wanted = parse_issue_reference(reference.strip().removeprefix(f"{CONTENT}/").rstrip("/"))
    issues = list_issues(root)
    known = "、".join(issue.path.name for issue in issues[:6]) or "（content/ 里还没有一期）"
    if wanted is None:
        what = wording(f"“{reference}”不是期号", f"'{reference}' is not an issue")
        remedy = wording(f"写 55 或 2015-055 这样；现有 {known}", f"write 55 or 2015-055; there are {known}")
        raise _refused(reference, what, remedy)
    found = [issue for issue in issues if issue.number == wanted.number and wanted.year in {None, issue.year}]
    if not found:
        what = wording(f"没有 {reference} 这一期", f"there is no issue {reference}")
        raise _refused(reference, what, wording(f"现有 {known}", f"there are {known}"))
    if len(found) > 1:
        names = "、".join(issue.path.name for issue in found)
        what = wording(f"有几期是 {reference}：{names}", f"several issues are {reference}: {names}")
        raise _refused(reference, what, wording("写全，例如 2015-055", "write it in full, e.g. 2015-055"))
    return found[0].path


def set_status(folder: Path, status: Status) -> None:
    """Write another status into issue.toml, keeping its comments; safe to repeat.

    Does not check the issue: whoever marks it ready has loaded it first. Raises `InputError` for a broken file.
    """
    path = folder / issuefile.FILE_NAME
    shown = f"{CONTENT}/{folder.name}/{issuefile.FILE_NAME}"
    text = read_text(path, shown_as=shown)
    settings, problems = issuefile.parse_settings(text, shown)
    if settings is None:
        raise InputError(problems[0].what, problems=problems)
    if settings.status != status:
        write_text(path, issuefile.with_status(text, status))


def new_issue(root: Path, number: int, date: dt.date, *, sections: Sequence[Section]) -> Path:
    """Create the folder of a draft with a commented issue.toml and one example article; return the folder.

    The example is marked `missing`, so that the draft passes its check and cannot become ready unedited. Raises
    `InputError` when the issue exists.
    """
    issue = issue_id(date.year, number)
    folder = root / CONTENT / issue
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        what = wording(f"{issue} 已经有了", f"issue {issue} exists already")
        remedy = wording("换一个期号，或直接编辑那个文件夹", "take another number, or edit that folder")
        raise _refused(f"{CONTENT}/{issue}", what, remedy) from None
    write_text(folder / "a01.md", starter.example_article(issue, date, sections))
    write_text(folder / issuefile.FILE_NAME, starter.issue_toml(issue, number, date))
    return folder


def _refused(path: str, what: Wording, remedy: Wording) -> InputError:
    return InputError(what, problems=(Problem(path=path, line=None, what=what, remedy=remedy),))


def _issue_folder(folder: Path, root: Path) -> IssueFolder | None:
    """Return what a folder of content/ holds; None for one that neither looks like an issue nor is one."""
    named = _FOLDER_NAME.fullmatch(folder.name)
    if not named and not (folder / issuefile.FILE_NAME).exists():
        return None
    reader = IssueReader(folder=Folder(path=folder, root=root))
    settings = reader.settings()
    if not named and not settings:
        return None
    year = int(named["year"]) if named else settings.date.year if settings else 0
    number = int(named["number"]) if named else settings.number if settings else 0
    return IssueFolder(
        id=issue_id(year, number),
        number=number,
        year=year,
        path=folder,
        date=settings.date if settings else None,
        status=settings.status if settings else None,
        problems=tuple(reader.problems),
    )


def _issue(
    folder: Folder, settings: IssueSettings, submissions: Iterable[Submission], sections: Sequence[Section]
) -> Issue:
    index = section_index(sections)
    articles = (_article(submission, index) for submission in submissions)
    reading_order = {section.id: rank for rank, section in enumerate(sections)}
    named_order = {article: rank for rank, article in enumerate(settings.order or ())}

    def place(article: Article) -> tuple[int, int, list[tuple[int, str]]]:
        return reading_order[article.section], named_order.get(article.id, 0), _natural(article.id)

    return Issue(
        id=settings.id,
        number=settings.number,
        date=settings.date,
        status=settings.status,
        path=folder.shown(),
        articles=tuple(sorted(articles, key=place)),
        fingerprint=folder.fingerprint(),
        subject=settings.subject,
        lead=settings.lead,
    )


def _article(submission: Submission, index: Mapping[str, SectionId]) -> Article:
    fields = submission.fields
    return Article(
        id=ArticleId(fields.id),
        title=fields.title,
        section=index[section_key(fields.section)],
        path=submission.path,
        body=submission.body or Body(),
        date=fields.date,
        source=fields.source,
        links=fields.links,
        attachments=fields.attachments,
        missing=fields.missing,
        summary=fields.summary,
        updated=fields.updated,
        updated_time=fields.updated_time,
        corrections=fields.corrections,
    )


def _natural(article: str) -> list[tuple[int, str]]:
    """Return a sort key in which a9 stands before a10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", article)]
