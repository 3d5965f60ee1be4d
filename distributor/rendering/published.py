"""An issue with the files that its readers may open; the only place of this room that reads the content folder.

An issue and the workspace enter, the issue with its attachments, chart data and pictures as bytes leaves. Bytes
that are already part of the issue (pictures) are taken from it, never read twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from distributor.content.model import Chart, Issue, Picture
from distributor.errors import InputError
from distributor.problems import Problem, wording


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedIssue:
    """An issue as the public sees it; `files` holds what its pages link to, by path relative to its folder."""

    issue: Issue
    files: Mapping[PurePosixPath, bytes] = field(repr=False)


def with_files(issue: Issue, root: Path) -> PublishedIssue:
    """Return the issue with its files, read below the workspace `root`.

    Raises InputError with one problem for each file that is missing, unreadable or outside the issue's folder.
    """
    folder = root / issue.path
    files: dict[PurePosixPath, bytes] = {}
    problems: list[Problem] = []
    for name, content in _wanted(issue):
        try:
            files[name] = _inside(folder, name).read_bytes() if content is None else content
        except (OSError, ValueError):
            problems.append(_unreadable(issue, name))
    if problems:
        raise InputError(
            wording("有文件读不到，没有生成网页。", "Files are missing; no page was made."), problems=problems
        )
    return PublishedIssue(issue=issue, files=files)


def _wanted(issue: Issue) -> Iterator[tuple[PurePosixPath, bytes | None]]:
    for article in issue.articles:
        for reference in (*article.links, *article.attachments):
            if reference.file is not None:
                yield reference.file, None
        for block in article.body.blocks:
            if isinstance(block, Picture):
                yield block.file, block.content
            elif isinstance(block, Chart):
                yield block.file, None


def _inside(folder: Path, name: PurePosixPath) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(name)
    return path


def _unreadable(issue: Issue, name: PurePosixPath) -> Problem:
    return Problem(
        path=f"{issue.path}/{name}",
        line=None,
        what=wording("文件不存在或读不到", "the file does not exist or cannot be read"),
        remedy=wording(
            "把文件放回期刊文件夹，或改正文章里的文件名", "put it back into the issue folder, or mend its name"
        ),
    )
