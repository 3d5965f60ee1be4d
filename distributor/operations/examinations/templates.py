"""The templates: a tiny issue rendered as mail, as notice and as the pages of the archive; nothing is written.

An open `Workspace` enters. What a template lacks or gets wrong leaves as one finding each, with file and line.
"""

from distributor.content.model import Article, Body, Issue, Prose
from distributor.editions import every_edition
from distributor.errors import InputError
from distributor.identifiers import Fingerprint, IssueId, article_id, issue_id
from distributor.operations.examinations.findings import Check, Finding, told
from distributor.operations.launching import new_marks
from distributor.operations.rehearsals.rehearsal import press_of
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.rendering.archive import build_archive
from distributor.rendering.mail import render_editions, render_notice
from distributor.rendering.masthead import Masthead
from distributor.rendering.published import PublishedIssue

_TEMPLATES = Check(name="templates", title=wording("模板", "templates"))
_TEXT = "样张正文。"


def examine_templates(workspace: Workspace) -> tuple[Finding, ...]:
    """Render mail and pages of a specimen issue; a mail without a way out or postal address is a fault."""
    issue = specimen(workspace)
    press = press_of(workspace, new_marks())
    editions = every_edition(issue)
    masthead = Masthead(publication=workspace.publication, sections=workspace.sections)
    try:
        renditions = [*render_editions((editions[0], editions[-1]), press), render_notice(issue, press)]
        pages = build_archive((PublishedIssue(issue=issue, files={}),), masthead, workspace.templates)
    except InputError as error:
        refused = tuple(_TEMPLATES.problem(problem) for problem in error.problems)
        return refused or (_TEMPLATES.fault(*told(error.message)),)
    largest = max(rendition.html_bytes for rendition in renditions) / 1000
    return (
        _TEMPLATES.ok(
            wording(
                f"样张邮件 {largest:.0f} KB，含退订链接和通信地址；网页 {len(pages)} 个文件",
                f"a specimen mail of {largest:.0f} KB with its way out and address; {len(pages)} files of pages",
            )
        ),
    )


def specimen(workspace: Workspace) -> Issue:
    """Return a tiny issue of today with one article in every section."""
    day = workspace.today
    identity = issue_id(day.year, 1)
    return Issue(
        id=identity,
        number=1,
        date=day,
        status="draft",
        path="",
        articles=tuple(_article(workspace, identity, ordinal) for ordinal in range(len(workspace.sections))),
        fingerprint=Fingerprint(""),
    )


def _article(workspace: Workspace, issue: IssueId, ordinal: int) -> Article:
    return Article(
        id=article_id(issue, ordinal + 1),
        title=f"样张 {ordinal + 1}",
        section=workspace.sections[ordinal].id,
        path="",
        body=Body(blocks=(Prose(kind="paragraph", html=f"<p>{_TEXT}</p>", text=_TEXT),)),
        date=workspace.today,
        source=workspace.publication.name,
    )
