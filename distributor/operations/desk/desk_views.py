"""What the letter about an issue says above the issue itself: the question, the check report, links or commands.

Pure. An issue as it was loaded, its rendition and the slots to come enter; a `DeskView` in the publication's language
leaves, ready to print.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distributor.content.loader import Loaded
from distributor.content.model import Issue
from distributor.identifiers import IssueId
from distributor.operations.desk.operator_letters import language_of
from distributor.operations.rehearsals.planning import ScheduledSlot
from distributor.operations.workspace import Workspace
from distributor.problems import Language, Problem, faults
from distributor.rendering.common import count_text, day_text, number_text
from distributor.rendering.model import Rendition
from distributor.times import local_text

_MOST_WARNINGS = 12
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The two links of one operator; `masked` is their address as others may see it."""

    approve_url: str
    hold_url: str
    masked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An issue as it is now, and what operators are told of it.

    `slots` are those that would take it where it `is_awaited`, else the next of each schedule.
    """

    id: IssueId
    loaded: Loaded
    what: str
    slots: Sequence[ScheduledSlot]
    is_awaited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One thing that the check found: what, the remedy, and the place in the file."""

    what: str
    remedy: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskView:
    """Everything above the issue in one language; what does not apply is empty."""

    subject: str
    heading: str
    told: str
    approve: str
    hold: str
    about_links: str
    approve_url: str
    hold_url: str
    blocked: str
    blockers: tuple[FindingView, ...]
    by_command: str
    commands: tuple[str, ...]
    checked: str
    facts: tuple[tuple[str, str], ...]
    look_at: str
    warnings: tuple[FindingView, ...]
    more_warnings: str
    below: str


def blockers_of(issue: Issue) -> tuple[str, ...]:
    """Return the files of the articles that still lack something, so that the issue cannot become ready."""
    return tuple(article.path for article in issue.articles if article.missing)


def view_of(
    workspace: Workspace, seen: Seen, offer: Offer | None, rendition: Rendition | None, *, clipped: int = 0
) -> DeskView:
    """Return what the letter says; `rendition` is that of the mailing, None where the issue cannot be shown.

    `clipped` counts the articles that only the letter shows in part.
    """
    language = language_of(workspace)
    stops, warnings = _findings(seen, language)
    heading = _heading(workspace, seen, language)
    more = len(warnings) - _MOST_WARNINGS
    return DeskView(
        subject=f"{_mark(seen, language)}{workspace.publication.name}{_tr(language, '：', ': ')}{heading}",
        heading=heading,
        told=f"{seen.what}{_tr(language, '。', '.')}",
        approve=_approve(seen, language),
        hold=_tr(language, "暂缓", "Hold"),
        about_links=_about_links(offer, language),
        approve_url=offer.approve_url if offer else "",
        hold_url=offer.hold_url if offer else "",
        blocked=_tr(language, "改好以下各处才能核准", "To be mended before it can be approved"),
        blockers=stops,
        by_command=_tr(language, "用命令", "By command"),
        commands=() if offer else _commands(seen, is_blocked=bool(stops)),
        checked=_tr(language, "检查结果", "The check"),
        facts=tuple(_facts(workspace, seen, rendition)),
        look_at=_tr(language, f"请看一眼（{len(warnings)} 个提醒）", f"Worth a look ({len(warnings)} warnings)"),
        warnings=warnings[:_MOST_WARNINGS],
        more_warnings=_tr(
            language, f"还有 {more} 个：distributor check {seen.id}", f"and {more} more: distributor check {seen.id}"
        )
        if more > 0
        else "",
        below=_below(rendition, clipped, language),
    )


def when_text(workspace: Workspace, coming: ScheduledSlot, language: Language) -> str:
    """Return `周五 2015-07-17 09:00 +08:00（weekly）`, or the same in English."""
    local = coming.slot.due_at.astimezone(workspace.zone)
    at = local_text(coming.slot.due_at, workspace.zone)
    if language == "zh":
        return f"{_WEEKDAYS[local.weekday()]} {at}（{coming.schedule}）"
    return f"{local:%a} {at} ({coming.schedule})"


def _tr(language: Language, zh: str, en: str) -> str:
    return zh if language == "zh" else en


def _mark(seen: Seen, language: Language) -> str:
    if seen.is_awaited:
        return _tr(language, "【待核准】", "[To approve] ")
    return _tr(language, "【新草稿】", "[New draft] ")


def _heading(workspace: Workspace, seen: Seen, language: Language) -> str:
    issue = seen.loaded.issue
    named = number_text(issue.number, workspace.publication.language) if issue else str(seen.id)
    if seen.is_awaited:
        return _tr(language, f"{named}等您核准", f"{named} waits for your approval")
    return _tr(language, f"{named}的草稿到了", f"the draft of {named} is here")


def _approve(seen: Seen, language: Language) -> str:
    if seen.is_awaited:
        return _tr(language, "核准", "Approve")
    return _tr(language, "定稿并核准", "Approve as ready")


def _about_links(offer: Offer | None, language: Language) -> str:
    if offer is None:
        return ""
    return _tr(
        language,
        f"点开只是查看，在页面上再按一次才算数。链接只属于您（{offer.masked}），14 天内有效，请勿转发；"
        "稿子改过以后，旧链接不再能核准。",
        f"Opening a link decides nothing: the button on its page does. The links are yours alone ({offer.masked}) and "
        "good for 14 days; please do not forward them. Once the issue is edited they approve nothing any more.",
    )


def _commands(seen: Seen, *, is_blocked: bool) -> tuple[str, ...]:
    approve = f"distributor approve {seen.id} --by NAME"
    if seen.is_awaited:
        holds = [f"distributor schedule hold {coming.schedule}" for coming in seen.slots]
        return (approve, *holds)
    checking = [f"distributor check {seen.id}"] if is_blocked else []
    return (*checking, f"distributor ready {seen.id}", approve)


def _facts(workspace: Workspace, seen: Seen, rendition: Rendition | None) -> Iterable[tuple[str, str]]:
    language, tongue = language_of(workspace), workspace.publication.language
    issue = seen.loaded.issue
    if issue is not None:
        yield _tr(language, "日期", "Date"), day_text(issue.date, tongue)
        yield _tr(language, "文章", "Articles"), _sections(workspace, issue, language)
    if rendition is not None:
        yield _tr(language, "邮件主题", "Subject"), rendition.subject
        kilobytes = f"{rendition.html_bytes / 1000:.0f} KB"
        limit = f"{workspace.settings.email.max_html_kb} KB"
        yield _tr(language, "邮件大小", "Size"), _tr(language, f"{kilobytes}，上限 {limit}", f"{kilobytes} of {limit}")
        if rendition.shortened:
            shortened = count_text(rendition.shortened, tongue)
            yield _tr(language, "只登开头", "Shown in part"), _tr(language, f"{shortened}，全文在网页", shortened)
    if seen.slots:
        name = _tr(language, "发送", "Goes out") if seen.is_awaited else _tr(language, "下次发送", "Next slot")
        times = [when_text(workspace, coming, language) for coming in seen.slots]
        yield name, _tr(language, "；", "; ").join(times)


def _sections(workspace: Workspace, issue: Issue, language: Language) -> str:
    tongue = workspace.publication.language
    total = count_text(len(issue.articles), tongue)
    counts = [
        f"{section.title}\N{NO-BREAK SPACE}{len(issue.in_section(section.id))}"
        for section in workspace.sections
        if section.id in issue.sections
    ]
    return f"{total}{_tr(language, '：', ': ')}{_tr(language, '、', ', ').join(counts)}"


def _findings(seen: Seen, language: Language) -> tuple[tuple[FindingView, ...], tuple[FindingView, ...]]:
    """Return what must be mended, and what is only worth a look."""
    stopping = faults(seen.loaded.problems)
    if seen.loaded.issue is not None:
        lacking = blockers_of(seen.loaded.issue)
        stopping = tuple(problem for problem in seen.loaded.problems if problem.path in lacking and _is_lack(problem))
    rest = (problem for problem in seen.loaded.problems if problem not in stopping)
    return tuple(_finding(one, language) for one in stopping), tuple(_finding(one, language) for one in rest)


def _is_lack(problem: Problem) -> bool:
    return problem.what.zh.startswith("还缺")


def _finding(problem: Problem, language: Language) -> FindingView:
    place = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
    return FindingView(
        what=problem.what.in_language(language), remedy=problem.remedy.in_language(language), place=place
    )


def _below(rendition: Rendition | None, clipped: int, language: Language) -> str:
    if rendition is None:
        return _tr(language, "改好后才能看到邮件的样子。", "The mail can be shown once this is mended.")
    shown = _tr(language, "下面是读者将收到的邮件。", "Below is the mail as readers will get it.")
    if not clipped:
        return shown
    return shown + _tr(
        language,
        f"为了放进这封信，多缩短了 {clipped} 篇；正式邮件里是全的。",
        f" To fit into this letter {clipped} more articles are shown in part; the real mail has them.",
    )
