"""What no single file can show: ids, titles, sections, order and readiness over the whole issue.

Pure. The settings and the articles as submitted enter, problems leave. `Submission` is an article before it belongs
to an issue: its section is still what the editor wrote.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from distributor.config.model import Section
from distributor.content.findings import Findings, nearest
from distributor.content.header import HeaderFields
from distributor.content.issuefile import IssueSettings
from distributor.content.model import Body
from distributor.identifiers import IssueId, SectionId
from distributor.problems import Problem, wording

_ACTIVE_SUFFIXES = frozenset({
    ".html", ".htm", ".xhtml", ".shtml", ".mht", ".xml", ".xsl", ".svg", ".js", ".mjs", ".swf", ".php", ".exe",
    ".bat", ".cmd", ".com", ".scr", ".msi", ".vbs", ".ps1", ".hta", ".jar", ".lnk",
})  # fmt: skip


_DELETE = wording("从 order 里删去它", "delete it from order")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One article file taken apart; `path` as messages show it; `body` is None when it was refused."""

    path: str
    fields: HeaderFields
    body: Body | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSource:
    """Everything an issue's files say: `path` is that of issue.toml; `submissions` by file name.

    `whole` is False when an article could not be read at all: then nobody can say which ids are absent.
    """

    path: str
    settings: IssueSettings
    submissions: Sequence[Submission]
    whole: bool = True


def check_issue(source: IssueSource, sections: Sequence[Section]) -> tuple[Problem, ...]:
    """Return every problem that shows only when the files are seen together."""
    by_id: dict[str, Submission] = {}
    titles: dict[str, Submission] = {}
    problems: list[Problem] = []
    for submission in source.submissions:
        findings = Findings(submission.path)
        _check_id(submission, source.settings.id, by_id, findings)
        _check_section(submission, sections, findings)
        _check_completeness(submission, source.settings, findings)
        _check_title(submission, titles, findings)
        _check_dates(submission, source.settings, findings)
        _check_attachments(submission, findings)
        problems.extend(findings.problems)
    return (*problems, *_check_order(source, by_id))


def section_index(sections: Iterable[Section]) -> Mapping[str, SectionId]:
    """Return section ids by the keys of everything an editor may call them: id, title, 【title】."""
    names: dict[str, SectionId] = {}
    for section in sections:
        names |= {section_key(section.title): section.id, section_key(section.id): section.id}
    return names


def section_key(written: str) -> str:
    """Return a section's name as `section_index` knows it: no brackets, no blanks, letter case folded."""
    return "".join(written.strip("【】[]〔〕").casefold().split())


def _check_id(submission: Submission, issue: IssueId, by_id: dict[str, Submission], findings: Findings) -> None:
    article, line = submission.fields.id, submission.fields.line_of("id")
    if not article.startswith(f"{issue}-"):
        what = wording(f"编号 {article} 不属于 {issue} 这一期", f"id {article} does not belong to issue {issue}")
        name = article.rsplit("-", 1)[-1]
        remedy = wording(f"新文章写成 {issue}-{name} 这样", f"a new article is called {issue}-{name} or the like")
        findings.fault(line, what, remedy)
    first = by_id.setdefault(article, submission)
    if first is not submission:
        what = wording(f"编号 {article} 与 {first.path} 重复", f"id {article} is also that of {first.path}")
        findings.fault(line, what, wording("给新的一篇换一个没用过的编号", "give the newer one an unused id"))


def _check_section(submission: Submission, sections: Sequence[Section], findings: Findings) -> None:
    written = submission.fields.section
    index = section_index(sections)
    if section_key(written) in index:
        return
    close = nearest(section_key(written), tuple(index))
    known = "、".join(f"{section.id} {section.title}" for section in sections)
    zh = f"可用：{known}；新栏目先写进 distributor.toml 的 [[section]]"
    en = f"known: {known}; a new one goes into distributor.toml as [[section]]"
    if close:
        zh, en = f"是不是 {index[close]}？{zh}", f"did you mean {index[close]}? {en}"
    what = wording(f"没有“{written[:30]}”这个栏目", f"there is no section '{written[:30]}'")
    findings.fault(submission.fields.line_of("section"), what, wording(zh, en))


def _check_completeness(submission: Submission, settings: IssueSettings, findings: Findings) -> None:
    if submission.fields.missing:
        lost = "、".join(submission.fields.missing)
        what = wording(f"还缺：{lost}", f"still missing: {lost}")
        remedy = wording("补上后删去 missing 一行，才能定稿", "add it and delete the line `missing` before it is ready")
        report = findings.fault if settings.status == "ready" else findings.warn
        report(submission.fields.line_of("missing"), what, remedy)
    elif submission.body is not None and not submission.body.blocks:
        what = wording("只有标题，没有正文", "a title and no text")
        remedy = wording("写正文；暂时没有就加一行 missing: 正文", "write it, or add a line missing: text")
        findings.fault(None, what, remedy)


def _check_title(submission: Submission, titles: dict[str, Submission], findings: Findings) -> None:
    first = titles.setdefault(submission.fields.title, submission)
    if first is not submission:
        what = wording(f"标题与 {first.path} 相同", f"the same title as {first.path}")
        remedy = wording("看看是不是同一篇放了两次", "check that it is not the same article twice")
        findings.warn(submission.fields.line_of("title"), what, remedy)


def _check_dates(submission: Submission, settings: IssueSettings, findings: Findings) -> None:
    day = submission.fields.date
    if day and day > settings.date:
        what = wording(
            f"文章日期 {day} 晚于本期日期 {settings.date}", f"dated {day}, after the issue ({settings.date})"
        )
        findings.warn(submission.fields.line_of("date"), what, wording("核对年月日", "check the date"))


def _check_attachments(submission: Submission, findings: Findings) -> None:
    for key, references in (("link", submission.fields.links), ("attachment", submission.fields.attachments)):
        for ordinal, reference in enumerate(references):
            if reference.file is None or reference.file.suffix.lower() not in _ACTIVE_SUFFIXES:
                continue
            name = reference.file.name
            what = wording(f"{name} 会在读者的电脑上运行", f"{name} could run on a reader's computer")
            remedy = wording(
                "换成 PDF、Word、Excel、CSV、图片或压缩包", "give PDF, Word, Excel, CSV, a picture or a zip"
            )
            findings.fault(submission.fields.line_of(key, ordinal), what, remedy)


def _check_order(source: IssueSource, by_id: Mapping[str, Submission]) -> tuple[Problem, ...]:
    findings = Findings(source.path)
    order = source.settings.order
    if order is None:
        return ()
    line = source.settings.lines.get("order")
    for article in dict.fromkeys(order):
        if order.count(article) > 1:
            what = wording(f"order 里 {article} 写了两次", f"{article} stands twice in order")
            findings.fault(line, what, wording("只留一处", "keep one"))
        if article not in by_id and source.whole:
            close = nearest(article, tuple(by_id))
            what = wording(f"order 里的 {article} 没有对应的文章", f"no article {article}, which order names")
            remedy = wording(
                f"是不是 {close}？" if close else "删去它", f"did you mean {close}?" if close else "delete it"
            )
            findings.fault(line, what, remedy)
    for article, submission in by_id.items():
        if article not in order:
            what = wording(f"order 里没有 {article}（{submission.path}）", f"order lacks {article} ({submission.path})")
            remedy = wording("把它加进 order，或删去 order 一行", "add it, or delete the line order")
            findings.fault(line, what, remedy)
    return tuple(findings.problems)
