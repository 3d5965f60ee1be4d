"""Which issue goes with a slot: the newest that is ready, not yet with its readers, and neither stale nor early.

Pure. What is passed over is named with the reason, so that an operator never wonders why an issue stayed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from distributor.content.loader import IssueFolder
from distributor.identifiers import IssueId
from distributor.problems import Wording, wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The dates an issue may bear to go with a slot, all local: not before `first_seen`, not older than `max_age`.

    `day` is the later of the slot's nominal day and the day on which it goes; nothing dated after it goes early.
    """

    day: date
    first_seen: date
    max_age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The issue that goes (None when none may), and for each other issue considered why it stays."""

    issue: IssueFolder | None
    passed_over: tuple[tuple[IssueId, Wording], ...]


def choose_issue(
    issues: Sequence[IssueFolder],
    launched: Collection[IssueId],
    window: Window,
    elsewhere: Mapping[IssueId, Wording] = MappingProxyType({}),
) -> Choice:
    """Return the newest issue that may go; `launched` are those that already went with this schedule.

    `elsewhere` are issues that stay for a reason of their own: other sendings reached the same lists, a pilot is out.
    Whether an issue was approved is not asked: an older one that was approved does not go in place of a newer one.
    """
    chosen: IssueFolder | None = None
    passed: list[tuple[IssueId, Wording]] = []
    for issue in sorted(issues, key=_age, reverse=True):
        reason = elsewhere.get(issue.id) or _obstacle(issue, launched, window)
        if reason is None and chosen is None:
            chosen = issue
        elif issue.id not in launched:
            passed.append((issue.id, reason or _NEWER_GOES))
    return Choice(issue=chosen, passed_over=tuple(passed))


_NEWER_GOES = wording("有更新的一期先发", "a newer issue goes first")


def _age(issue: IssueFolder) -> tuple[date, int]:
    return issue.date or date.min, issue.number


def _obstacle(issue: IssueFolder, launched: Collection[IssueId], window: Window) -> Wording | None:
    if issue.id in launched:
        return wording("已经发过", "already launched")
    if issue.date is None:
        return wording("issue.toml 没有有效的日期", "issue.toml has no valid date")
    if issue.status != "ready":
        return wording(
            f"还是草稿，检查后运行 distributor ready {issue.id}",
            f"still a draft: run distributor ready {issue.id}",
        )
    if issue.date > window.day:
        return wording(f"日期 {issue.date} 还没到", f"its date {issue.date} is yet to come")
    if issue.date < window.day - window.max_age:
        return wording(f"日期 {issue.date} 超过 max_age", f"its date {issue.date} is older than max_age")
    if issue.date < window.first_seen:
        return wording(
            f"日期早于本计划启用的 {window.first_seen}，请用 distributor send {issue.id} 手动发送",
            f"dated before the schedule began on {window.first_seen}: run distributor send {issue.id}",
        )
    return None
