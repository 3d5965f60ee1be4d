"""The issue folder that an import writes: the door to the disk of this room.

A draft issue enters, files under `content/<year>-<number>/` leave. Ids are given once: a second import finds its
articles again by title and place. A file that an editor has changed since, or deleted, is never touched: the new
version goes beside it as `*.new`, which no loader reads. Nothing is deleted, and every file is written under a
temporary name and renamed, the ledger of fingerprints last, so that an import that was cut short can be run again.
"""

import datetime as dt
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from distributor.config.model import Section
from distributor.content import issuefile, loader, starter
from distributor.content.files import read_file
from distributor.content.findings import Objection, refused
from distributor.content.header import HeaderFields, parse_article, write_article
from distributor.content.importers.bodies import WrittenBody, write_body
from distributor.content.importers.fingerprints import FILE_NAME, Ledger, fingerprint, read_ledger, write_ledger
from distributor.content.importers.model import DraftArticle, DraftIssue, DraftLink, DraftSection
from distributor.content.importers.rematch import match_titles
from distributor.content.model import Reference
from distributor.content.references import url_objection
from distributor.content.sources import TEXT_LIMIT_BYTES, decode_bytes
from distributor.errors import EnvironmentFault, InputError
from distributor.identifiers import ArticleId, IssueId, article_id, issue_id
from distributor.problems import wording

IMPORT = "import"
MOST_BYTES = 60_000_000

_ORDINAL = re.compile(r"-a(?P<ordinal>\d+)$")

Action = Literal["new", "refreshed", "unchanged", "beside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where an import goes: workspace, issue number and date, and the sections that the config knows."""

    root: Path
    number: int
    date: dt.date
    sections: Sequence[Section]

    @property
    def issue(self) -> IssueId:
        """The issue's id."""
        return issue_id(self.date.year, self.number)

    @property
    def path(self) -> Path:
        """The issue's folder."""
        return self.root / loader.CONTENT / self.issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one generated file; `beside`: an editor's version stands, the new one is `path`.new."""

    path: PurePosixPath
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A draft article with its id and file, in the document's order."""

    id: ArticleId
    file: PurePosixPath
    section: DraftSection
    article: DraftArticle
    body: WrittenBody

    @property
    def unusable(self) -> tuple[DraftLink, ...]:
        """The addresses that cannot go out as links, so that no header may hold them."""
        return tuple(link for link in self.article.links if url_objection(link.url) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the folder held before: the ledger, the file of each article id, and the ordinals in use.

    `broken` when the ledger could not be read, so that every file counts as edited.
    """

    destination: Destination
    ledger: Ledger
    files: Mapping[str, PurePosixPath]
    broken: bool = False

    @property
    def path(self) -> Path:
        """The issue's folder."""
        return self.destination.path

    @property
    def issue(self) -> IssueId:
        """The issue's id."""
        return self.destination.issue

    @property
    def highest(self) -> int:
        """The highest ordinal that any article has or had."""
        ordinals = [int(match["ordinal"]) for name in self.files if (match := _ORDINAL.search(name))]
        return max([self.ledger.highest, *ordinals])


def look_before(destination: Destination) -> Before:
    """Return what is in the folder that an import would write; raises `InputError` when it must not.

    An issue that is marked ready, or whose issue.toml cannot be read, is refused.
    """
    folder = destination.path
    _refuse_ready(folder, destination.issue)
    written = _text_of(folder / IMPORT / FILE_NAME)
    files = dict(_article_files(folder))
    if written is None:
        ours = _starter_files(destination)
        others = {name: file for name, file in files.items() if str(file) not in ours}
        return Before(destination=destination, ledger=Ledger(files=ours), files=others)
    ledger = read_ledger(written)
    return Before(destination=destination, ledger=ledger or Ledger(), files=files, broken=ledger is None)


def place(issue: DraftIssue, before: Before) -> tuple[Placed, ...]:
    """Give every article its id and file: that of the last import where it is the same article, else a new one."""
    flat = [(section, article) for section in issue.sections for article in section.articles]
    old = list(before.ledger.articles)
    matches = match_titles([before.ledger.articles[name] for name in old], [article.title for _, article in flat])
    ordinal = before.highest
    placed = []
    for index, (section, article) in enumerate(flat):
        if index in matches:
            name = ArticleId(old[matches[index]])
        else:
            ordinal += 1
            name = article_id(before.issue, ordinal)
        short = name.removeprefix(f"{before.issue}-")
        file = before.files.get(name, PurePosixPath(f"{short}.md"))
        body = write_body(article, short)
        placed.append(Placed(id=name, file=file, section=section, article=article, body=body))
    return tuple(placed)


def generate(placed: Sequence[Placed], before: Before) -> dict[PurePosixPath, bytes]:
    """Return the content of every file of the import, by its path in the folder."""
    files = {one.file: _article_text(one).encode() for one in placed}
    for one in placed:
        files |= {side.path: side.content for side in one.body.files}
    files[PurePosixPath(issuefile.FILE_NAME)] = _settings_text(placed, before).encode()
    return files


def write(files: Mapping[PurePosixPath, bytes], placed: Sequence[Placed], before: Before) -> tuple[Outcome, ...]:
    """Write the files, articles before issue.toml, then the ledger; safe to repeat.

    Raises `EnvironmentFault` when the disk refuses.
    """
    outcomes = tuple(_write_one(before, path, content) for path, content in files.items())
    written = {str(one.path): fingerprint(files[one.path]) for one in outcomes if one.action != "beside"}
    ledger = Ledger(
        articles=_articles_after(placed, before),
        files={**before.ledger.files, **written},
        highest=max([before.highest, *(_ordinal(one.id) for one in placed)]),
    )
    write_bytes(before.path / IMPORT / FILE_NAME, write_ledger(ledger).encode())
    return outcomes


def keep_source(before: Before, content: bytes, suffix: str) -> None:
    """Keep the document as it came; an earlier one that differs stays under a numbered name."""
    path = before.path / IMPORT / f"source{suffix}"
    for number in range(1, 10_000):
        earlier = path.with_stem(f"source-{number}")
        if not path.exists() or path.read_bytes() == content:
            break
        if not earlier.exists():
            path.replace(earlier)
            break
    write_bytes(path, content)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it. Raises `EnvironmentFault`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        what = wording(
            f"写不了 {path.name}：{error.strerror}；请检查 content/ 的权限和磁盘空间",
            f"cannot write {path.name}: {error.strerror}; check the rights of content/ and the free space",
        )
        raise EnvironmentFault(what) from error


def vanished(placed: Sequence[Placed], before: Before) -> tuple[tuple[str, str], ...]:
    """Return id and title of the articles that an earlier import had and this one has not."""
    now = {one.id for one in placed}
    return tuple((name, title) for name, title in before.ledger.articles.items() if name not in now)


def _refuse_ready(folder: Path, issue: IssueId) -> None:
    text = _text_of(folder / issuefile.FILE_NAME)
    if text is None:
        return
    shown = f"{loader.CONTENT}/{issue}/{issuefile.FILE_NAME}"
    settings, problems = issuefile.parse_settings(text, shown)
    if settings is None:
        raise InputError(problems[0].what, problems=problems)
    if settings.status == "ready":
        what = wording(f"{issue} 已经定稿（ready），不再导入", f"{issue} is marked ready; nothing is imported into it")
        remedy = wording('确要重新导入，先把 status 改回 "draft"', 'to import again, set status back to "draft" first')
        raise refused(shown, Objection(what=what, remedy=remedy))


def _text_of(path: Path) -> str | None:
    content = read_file(path, limit=TEXT_LIMIT_BYTES) if path.exists() else None
    return decode_bytes(content, shown_as=path.name) if isinstance(content, bytes) else None


def _article_files(folder: Path) -> Iterable[tuple[str, PurePosixPath]]:
    for path in sorted(folder.glob("*.md")) if folder.is_dir() else ():
        try:
            text = _text_of(path)
        except InputError:
            continue
        fields = parse_article(text or "", path.name).fields
        if fields is not None:
            yield fields.id, PurePosixPath(path.name)


def _starter_files(destination: Destination) -> dict[str, str]:
    """Return the fingerprints of what `distributor new` wrote and nobody has edited: it gives way to the import."""
    issue, date = destination.issue, destination.date
    starters = {
        issuefile.FILE_NAME: starter.issue_toml(issue, destination.number, date),
        "a01.md": starter.example_article(issue, date, destination.sections),
    }
    paths = {name: destination.path / name for name in starters}
    return {
        name: fingerprint(text.encode())
        for name, text in starters.items()
        if paths[name].is_file() and fingerprint(paths[name].read_bytes()) == fingerprint(text.encode())
    }


def _article_text(one: Placed) -> str:
    article = one.article
    links = [link for link in article.links if link not in one.unusable]
    fields = HeaderFields(
        id=one.id,
        title=article.title,
        section=one.section.known or one.section.title,
        date=article.date,
        source=article.source,
        links=tuple(_reference(link) for link in links if not link.attachment),
        attachments=(*(_reference(link) for link in links if link.attachment), *one.body.tables),
        missing=article.missing,
    )
    return write_article(fields, one.body.markdown)


def _reference(link: DraftLink) -> Reference:
    return Reference(name=f"{link.name}（待核对）" if link.guessed else link.name, url=link.url)


def _settings_text(placed: Sequence[Placed], before: Before) -> str:
    text = starter.issue_toml(before.issue, before.destination.number, before.destination.date)
    ids = [one.id for one in placed]
    if ids == sorted(ids, key=_ordinal):
        return text
    others = [name for name in sorted(before.files, key=_ordinal) if name not in ids]
    listed = "".join(f'  "{name}",\n' for name in (*ids, *others))
    return f"{text}\norder = [\n{listed}]\n"


def _ordinal(name: str) -> int:
    match = _ORDINAL.search(name)
    return int(match["ordinal"]) if match else 0


def _articles_after(placed: Sequence[Placed], before: Before) -> dict[str, str]:
    kept = dict(vanished(placed, before))
    return {one.id: one.article.title for one in placed} | kept


def _write_one(before: Before, path: PurePosixPath, content: bytes) -> Outcome:
    target = before.path / path
    ours = before.ledger.files.get(str(path))
    current = target.read_bytes() if target.is_file() else None
    if current == content:
        return Outcome(path=path, action="unchanged")
    if (current is None and ours is None) or (current is not None and fingerprint(current) == ours):
        write_bytes(target, content)
        return Outcome(path=path, action="new" if current is None else "refreshed")
    write_bytes(target.with_name(f"{target.name}.new"), content)
    return Outcome(path=path, action="beside")
