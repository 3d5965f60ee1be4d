"""Read the files of one issue folder: issue.toml, every article, and whatever they refer to.

A `Folder` enters; settings and submissions leave, with every problem of every single file. A file that cannot be
read never hides the problems of another.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from distributor.content import issuefile
from distributor.content.checks import Submission
from distributor.content.files import Folder
from distributor.content.findings import Objection
from distributor.content.header import HeaderFields, parse_article
from distributor.content.issuefile import IssueSettings
from distributor.content.markup import parse_body
from distributor.content.sources import (
    TEXT_LIMIT_BYTES,
    character_problems,
    decode_bytes,
    without_illegal_characters,
)
from distributor.errors import InputError
from distributor.problems import Problem, faults, wording

_SUFFIX = ".md"
_IGNORED = "readme.md"
_TEMPORARY = (".", "~")


@dataclass(slots=True, kw_only=True)
class IssueReader:
    """Reads the files of one folder; `unread` counts the articles whose header or bytes were refused."""

    folder: Folder
    problems: list[Problem] = field(default_factory=list)
    unread: int = 0

    def settings(self) -> IssueSettings | None:
        """Read issue.toml, and check that the folder is called by its year and number."""
        file = PurePosixPath(issuefile.FILE_NAME)
        text = self._text(file)
        if text is None:
            return None
        shown = self.folder.shown(file)
        settings, problems = issuefile.parse_settings(text, shown)
        self.problems.extend(problems)
        if settings is not None and settings.id != self.folder.path.name:
            what = wording(
                f"文件夹叫 {self.folder.path.name}，期号和日期合起来是 {settings.id}",
                f"the folder is called {self.folder.path.name}, number and date make it {settings.id}",
            )
            remedy = wording("改文件夹名，或改 number、date", "rename the folder, or mend number or date")
            self._fault(shown, settings.lines.get("number"), Objection(what=what, remedy=remedy))
        return settings

    def submissions(self) -> Iterator[Submission]:
        """Read every article, by file name; those whose header was refused are left out and counted."""
        names = [PurePosixPath(name) for name in self._names() if _is_article(name)]
        if not names:
            what = wording("这一期没有文章", "the issue has no article")
            remedy = wording("放入 a01.md 等文章文件", "add articles as a01.md and so on")
            self._fault(self.folder.shown(), None, Objection(what=what, remedy=remedy))
        for name in names:
            submission = self._submission(name)
            if submission is None:
                self.unread += 1
            else:
                yield submission

    def _names(self) -> list[str]:
        try:
            names = sorted(path.name for path in self.folder.path.iterdir())
        except OSError:
            return []
        for name in names:
            if name.lower().endswith((".md.txt", ".toml.txt", ".markdown")):
                what = wording("这个文件名不会被当作文章", "this name is not taken for an article")
                remedy = wording(
                    "改成以 .md（issue.toml 则以 .toml）结尾；在资源管理器里显示扩展名再改",
                    "let it end in .md (or .toml); show file extensions in Explorer to rename it",
                )
                self._warn(self.folder.shown(name), Objection(what=what, remedy=remedy))
        return names

    def _submission(self, file: PurePosixPath) -> Submission | None:
        text = self._text(file)
        if text is None:
            return None
        shown = self.folder.shown(file)
        parsed = parse_article(text, shown)
        body, problems = parse_body(parsed.body, path=shown, first_line=parsed.first_body_line, folder=self.folder)
        self.problems.extend((*parsed.problems, *problems))
        if parsed.fields is None:
            return None
        self._include_references(parsed.fields, shown)
        return Submission(path=shown, fields=parsed.fields, body=None if faults(problems) else body)

    def _include_references(self, fields: HeaderFields, shown: str) -> None:
        for key, references in (("link", fields.links), ("attachment", fields.attachments)):
            for ordinal, reference in enumerate(references):
                objection = self.folder.include(reference.file) if reference.file else None
                if reference.file and objection:
                    named = self.folder.objection_to(reference.file, objection)
                    self._fault(shown, fields.line_of(key, ordinal), named)

    def _text(self, file: PurePosixPath) -> str | None:
        shown = self.folder.shown(file)
        content = self.folder.read(file, limit=TEXT_LIMIT_BYTES)
        if isinstance(content, Objection):
            self._fault(shown, None, content)
            return None
        try:
            text = decode_bytes(content, shown_as=shown)
        except InputError as error:
            self.problems.extend(error.problems)
            return None
        self.problems.extend(character_problems(text, shown_as=shown))
        return without_illegal_characters(text)

    def _fault(self, path: str, line: int | None, objection: Objection) -> None:
        self.problems.append(Problem(path=path, line=line, what=objection.what, remedy=objection.remedy))

    def _warn(self, path: str, objection: Objection) -> None:
        problem = Problem(path=path, line=None, what=objection.what, remedy=objection.remedy, warning=True)
        self.problems.append(problem)


def _is_article(name: str) -> bool:
    lowered = name.lower()
    return lowered.endswith(_SUFFIX) and lowered != _IGNORED and not name.startswith(_TEMPORARY)
