"""The working days and the schedules: how far the days off are known, and when each schedule goes next.

Pure. An open `Workspace` enters with the warnings that its files gave; findings leave.
"""

from distributor.operations.examinations.findings import Check, Finding
from distributor.operations.workspace import HOLIDAYS, Workspace
from distributor.problems import wording
from distributor.scheduling.forecast import upcoming
from distributor.scheduling.model import ScheduleRule
from distributor.scheduling.recurrence import describe
from distributor.scheduling.workdays import ending_soon
from distributor.times import local_text

# So many slots in a row may be skipped for holidays before a schedule counts as one that never goes.
_LOOKED_AT = 60
_WEEKDAYS = "一二三四五六日"

_CALENDAR = Check(name="calendar", title=wording("工作日历", "working days"))
_SCHEDULES = Check(name="schedules", title=wording("发送计划", "schedules"))


def examine_calendar(workspace: Workspace) -> tuple[Finding, ...]:
    """Warn 60 days before the known working days end, and of what is doubtful in holidays.toml."""
    doubtful = _doubtful(workspace)
    ending = ending_soon(workspace.workdays, workspace.today)
    if ending is None:
        until = workspace.workdays.known_until.isoformat()
        return (_CALENDAR.ok(wording(f"放假和调休知道到 {until}", f"known until {until}")), *doubtful)
    # The sentence parts into what ends and what to do about it.
    (zh, _, zh_remedy), (en, _, en_remedy) = ending.zh.partition("："), ending.en.partition(": ")
    return (_CALENDAR.warning(wording(zh, en), wording(zh_remedy, en_remedy)), *doubtful)


def _doubtful(workspace: Workspace) -> tuple[Finding, ...]:
    return tuple(_CALENDAR.problem(problem) for problem in workspace.warnings if problem.path == HOLIDAYS)


def examine_schedules(workspace: Workspace) -> tuple[Finding, ...]:
    """Return for each enabled schedule its meaning and its next date, for each other that it is off.

    Then what should be known of them: two that serve one list, nobody to ask for an approval.
    """
    if not workspace.rules:
        return (
            _SCHEDULES.warning(
                wording("没有计划，只能用手发", "no schedule: mail goes by hand alone"),
                wording("在 distributor.toml 加上 [[schedule]]", "add a [[schedule]] to distributor.toml"),
            ),
        )
    doubtful = (_SCHEDULES.problem(problem) for problem in workspace.warnings if problem.path != HOLIDAYS)
    return (*(_schedule(workspace, rule) for rule in workspace.rules), *doubtful)


def _schedule(workspace: Workspace, rule: ScheduleRule) -> Finding:
    meaning = wording(f"{rule.id}：{describe(rule.rule, 'zh')}", f"{rule.id}: {describe(rule.rule, 'en')}")
    if not rule.enabled:
        return _SCHEDULES.ok(wording(f"{meaning.zh}，已停用", f"{meaning.en}, not enabled"))
    slots = upcoming(rule, workspace.workdays, workspace.clock.now(), _LOOKED_AT)
    following = next((slot.due_at for slot in slots if slot.goes), None)
    if following is None:
        return _SCHEDULES.warning(
            wording(f"{meaning.zh}，看不到下一次", f"{meaning.en}, but no date is in sight"),
            wording("检查 when、cron 和 holiday", "check when, cron and holiday"),
        )
    local = following.astimezone(workspace.zone)
    shown = local_text(following, workspace.zone)
    return _SCHEDULES.ok(
        wording(
            f"{meaning.zh}，下一次 {shown} 星期{_WEEKDAYS[local.weekday()]}",
            f"{meaning.en}, next {local:%A} {shown}",
        )
    )
