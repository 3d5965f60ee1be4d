"""Import one document as a draft issue: the door of this room.

A file enters; a folder under `content/`, a report and the problems worth a line on the screen leave. The document
is read by its kind (`layer`, `plain`, `docx`), all three give the same `DraftIssue`, `folder` writes it. Nothing
is written before the whole document has been read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from distributor.config.model import Section
from distributor.content import loader
from distributor.content.files import read_file
from distributor.content.findings import Objection, refused
from distributor.content.importers import folder, kinds
from distributor.content.importers.balance import balance
from distributor.content.importers.docx.document import read_docx
from distributor.content.importers.docx.package import PackageRefused
from distributor.content.importers.folder import Before, Destination, Placed
from distributor.content.importers.kinds import Kind
from distributor.content.importers.layer import read_layer
from distributor.content.importers.model import UNKNOWN_SECTION, DoubtKind, DraftIssue
from distributor.content.importers.plain import read_plain
from distributor.content.importers.report import ImportReport, render_report
from distributor.problems import Problem, Wording, wording

_SUFFIXES: dict[Kind, str] = {"layer": ".txt", "plain": ".txt", "docx": ".docx"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What came of an import: the issue's folder, its articles in reading order, and warnings for the screen."""

    folder: Path
    articles: tuple[Placed, ...]
    report: ImportReport
    problems: tuple[Problem, ...]


def import_file(source: Path, destination: Destination, *, kind: str | None = None) -> ImportResult:
    """Import `source` as a draft of the destination's issue; safe to repeat.

    `kind` is layer, plain or docx, None to look. Raises `InputError` for a file that is no issue, or an issue that
    is marked ready; nothing is written then. Raises `EnvironmentFault` when the disk refuses.
    """
    content = read_file(source, limit=folder.MOST_BYTES)
    if isinstance(content, Objection):
        raise refused(source.name, content)
    found = kinds.find_kind(content, kind, shown_as=source.name)
    issue = read_issue(content, found, source.name, destination.sections, number=destination.number)
    before = folder.look_before(destination)
    placed = folder.place(issue, before)
    files = folder.generate(placed, before)
    folder.keep_source(before, content, _SUFFIXES[found])
    report = ImportReport(
        source_name=source.name,
        kind=found,
        number=destination.number,
        date=destination.date,
        issue=issue,
        balance=balance(issue),
        placed=placed,
        outcomes=folder.write(files, placed, before),
        vanished=folder.vanished(placed, before),
        taken_ids=frozenset(section.id for section in destination.sections),
        ledger_broken=before.broken,
    )
    folder.write_bytes(before.path / folder.IMPORT / "report.md", render_report(report).encode())
    return ImportResult(folder=before.path, articles=placed, report=report, problems=tuple(_problems(report, before)))


def read_issue(content: bytes, kind: Kind, name: str, sections: Sequence[Section], *, number: int = 0) -> DraftIssue:
    """Return what a document of that kind holds; `number` helps to tell its running headers from its text.

    Raises `InputError` for what is no issue.
    """
    if kind == "docx":
        try:
            issue = read_docx(content, sections)
        except PackageRefused as error:
            raise refused(name, error.objection) from error
    else:
        text = kinds.decode(content, shown_as=name)
        issue = (read_layer if kind == "layer" else read_plain)(text, sections, number=number)
    if not _is_an_issue(issue):
        raise refused(name, _not_an_issue(sections))
    return issue


def _is_an_issue(issue: DraftIssue) -> bool:
    """Say whether anything but a heading shows a periodical: a section, a date or source, several articles."""
    dated = any(article.date or article.source for article in issue.articles)
    in_section = any(section.articles for section in issue.sections if section.title != UNKNOWN_SECTION)
    return dated or in_section or len(issue.articles) > 1


def _not_an_issue(sections: Sequence[Section]) -> Objection:
    example = sections[0].title if sections else "栏目"
    what = wording(
        "看不出这是一期刊物：没有栏目，也没有带日期和来源的文章",
        "this does not look like an issue: no section, and no article with a date and source line",
    )
    remedy = wording(
        f"栏目单独写一行“【{example}】”，文章标题下面写一行“发布日期：2015-7-9  来源：某网”，再导入",
        f"put each section on a line of its own as 【{example}】, and `发布日期：2015-7-9  来源：…` under each title",
    )
    return Objection(what=what, remedy=remedy)


def _problems(report: ImportReport, before: Before) -> Iterable[Problem]:
    here = f"{loader.CONTENT}/{before.issue}"
    for one in report.placed:
        if one.article.missing:
            lost = "、".join(one.article.missing)
            what = wording(f"缺：{lost}", f"missing: {lost}")
            yield _warning(f"{here}/{one.file}", what, wording("补上后删去 missing 一行", "add it, delete `missing`"))
    for outcome in report.outcomes:
        if outcome.action == "beside":
            what = wording("编辑过，没有覆盖", "edited since, left as it is")
            remedy = wording(f"比较并合并 {outcome.path.name}.new", f"compare and merge {outcome.path.name}.new")
            yield _warning(f"{here}/{outcome.path}", what, remedy)
    yield from _document_problems(report, f"{here}/{folder.IMPORT}/report.md")


def _document_problems(report: ImportReport, path: str) -> Iterable[Problem]:
    look = wording("见报告", "see the report")
    for section in report.unknown_sections:
        what = wording(f"设置里没有“{section.title}”这个栏目", f"the config has no section '{section.title}'")
        yield _warning(path, what, wording("要加的几行在报告里", "the lines to add are in the report"))
    if report.unplaced:
        what = wording(f"{report.unplaced} 篇没有栏目", f"{report.unplaced} articles without a section")
        yield _warning(path, what, wording("在每篇的 section 一行写上栏目", "write the section into each file"))
    if not report.is_faithful:
        yield _warning(path, wording("字符收支不一致", "the account of characters does not close"), look)
    for doubt in report.issue.doubts:
        if doubt.kind is DoubtKind.COLUMNS:
            yield _warning(path, doubt.what, look)
    for name, title in report.vanished:
        what = wording(
            f"这次没有 {name}《{title}》，文件保留", f"{name} '{title}' is not in this import; its file stays"
        )
        yield _warning(path, what, look)


def _warning(path: str, what: Wording, remedy: Wording) -> Problem:
    return Problem(path=path, line=None, what=what, remedy=remedy, warning=True)
