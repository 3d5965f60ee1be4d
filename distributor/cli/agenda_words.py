"""How the calendar reads for a person and for a script: schedules in words, slots as rows, one JSON document.

An `Overview` enters, lines leave. A slot is named as the commands take it: `weekly/2026-W48#1`.
"""

from collections.abc import Sequence
from datetime import datetime

from distributor.cli.console import LANGUAGE, say, say_problems, say_table, tr, words
from distributor.config.model import Schedule
from distributor.identifiers import ScheduleId
from distributor.operations.outlook import Line, Outlook, Overview
from distributor.operations.workspace import Workspace
from distributor.problems import Language
from distributor.scheduling.reasons import reason_text
from distributor.scheduling.recurrence import describe
from distributor.times import local_text

_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_OCCURRENCES = {
    "planned": ("已排定", "planned"),
    "held": ("暂缓", "held"),
    "waiting_content": ("等待", "waiting"),
    "launched": ("已发出", "launched"),
    "skipped": ("不发", "skipped"),
    "missed": ("错过", "missed"),
}
_POLICIES = {
    "send": ("放假也发", "holidays too"),
    "previous_workday": ("放假提前到上一个工作日", "before a holiday the working day before"),
    "next_workday": ("放假顺延到下一个工作日", "after a holiday the next working day"),
    "skip": ("放假不发", "not on holidays"),
}


def say_overview(workspace: Workspace, seen: Overview) -> None:
    """Print every schedule with its coming slots, then what ended lately, then what should be known."""
    if not any(one.rule.enabled for one in seen.outlooks):
        say(tr("没有启用的计划（distributor.toml 的 [[schedule]]）", "no schedule is enabled"))
    for one in seen.outlooks:
        _say_outlook(workspace, one)
    if seen.past:
        say(tr("最近两周", "the last two weeks"))
        _say_lines(workspace, seen.past)
        say()
    say_problems(seen.warnings)
    if seen.ending:
        say(tr("提醒：", "warning: ") + words(seen.ending))


def slot_time(workspace: Workspace, moment: datetime) -> str:
    """Return `周五 2026-11-27 09:00 +08:00`."""
    local = moment.astimezone(workspace.zone)
    return f"{tr(_WEEKDAYS[local.weekday()], f'{local:%a}')} {local_text(moment, workspace.zone)}"


def meaning_of(workspace: Workspace, schedule: ScheduleId) -> str:
    """Return the lists of a schedule, as a sentence names them."""
    return tr("、", ", ").join(workspace.schedule(schedule).lists)


def overview_json(workspace: Workspace, seen: Overview) -> dict[str, object]:
    """Return the same for a script."""
    return {
        "schedules": [_outlook_json(workspace, one) for one in seen.outlooks],
        "past": [_line_json(workspace, line) for line in seen.past],
        "warnings": [problem.text(LANGUAGE) for problem in seen.warnings],
        "calendar": {
            "known_until": workspace.workdays.known_until.isoformat(),
            "warning": words(seen.ending) if seen.ending else None,
        },
    }


def _say_outlook(workspace: Workspace, one: Outlook) -> None:
    chosen = workspace.schedule(one.rule.id)
    say(
        tr(
            f"计划 {one.rule.id}：{_meaning(workspace, one, 'zh')}",
            f"schedule {one.rule.id}: {_meaning(workspace, one, 'en')}",
        )
    )
    if not one.rule.enabled:
        say(tr("  已停用（enabled = false）", "  not enabled"))
        return
    say("  " + _audience(chosen, one))
    _say_lines(workspace, one.lines)
    behind = {issue: words(why) for line in one.lines[:1] for issue, why in line.passed_over}
    for issue, why in behind.items():
        say(tr(f"  {issue} 不会自动发：{why}", f"  {issue} stays: {why}"))
    say()


def _meaning(workspace: Workspace, one: Outlook, language: Language) -> str:
    policy = _POLICIES[one.rule.policy][language != "zh"]
    mark = "，" if language == "zh" else ", "
    return f"{describe(one.rule.rule, language)} {workspace.zone.key}{mark}{policy}"


def _audience(chosen: Schedule, one: Outlook) -> str:
    lists = tr("、", ", ").join(chosen.lists)
    said = [tr(f"发给 {lists}（{one.readers:,} 位读者）", f"to {lists} ({one.readers:,} readers)")]
    if chosen.sections != "preferred":
        sections = tr("、", ", ").join(chosen.sections)
        said.append(tr(f"只有栏目 {sections}", f"sections {sections} only"))
    if chosen.pilot is not None:
        said.append(
            tr(
                f"先试发给 {chosen.pilot.list}（{one.pilot_readers:,} 位），{chosen.pilot.hold} 后发其余的",
                f"{chosen.pilot.list} ({one.pilot_readers:,}) first, the rest {chosen.pilot.hold} later",
            )
        )
    if chosen.approval:
        said.append(tr("要核准", "needs approval"))
    if chosen.remind is not None:
        said.append(tr(f"提前 {chosen.remind} 提醒", f"reminds {chosen.remind} ahead"))
    said.append(tr(f"最多晚 {chosen.catch_up}", f"at most {chosen.catch_up} late"))
    return tr("；", "; ").join(said)


def _say_lines(workspace: Workspace, lines: Sequence[Line]) -> None:
    say_table(
        (tr("哪一次", "slot"), tr("时间", "when"), tr("期", "issue"), tr("状态", "state")),
        [
            (
                f"{line.schedule}/{line.key}",
                slot_time(workspace, line.due_at) + _moved(line),
                line.issue or "—",
                _state(line),
            )
            for line in lines
        ],
    )


def _moved(line: Line) -> str:
    slot = line.slot
    if slot is None or not slot.is_shifted or line.due_at != slot.due_at:
        return ""
    if slot.day > slot.nominal:
        return tr(f"（{slot.nominal} 放假顺延）", f" (moved from {slot.nominal})")
    return tr(f"（{slot.nominal} 放假提前）", f" (moved from {slot.nominal})")


def _state(line: Line) -> str:
    row, slot = line.occurrence, line.slot
    if row is not None:
        why = words(reason_text(row.reason))
        state = tr(*_OCCURRENCES[row.state]) + (tr("：", ": ") + why if why else "")
    elif slot is not None and not slot.goes:
        state = words(reason_text(slot.reason))
    else:
        state = tr("未到", "to come")
    guessed = slot is not None and not slot.known
    return state + (tr("（那时的放假安排还不知道）", " (holidays not known yet)") if guessed else "")


def _outlook_json(workspace: Workspace, one: Outlook) -> dict[str, object]:
    chosen = workspace.schedule(one.rule.id)
    return {
        "schedule": one.rule.id,
        "enabled": one.rule.enabled,
        "meaning": {"zh": _meaning(workspace, one, "zh"), "en": _meaning(workspace, one, "en")},
        "lists": list(chosen.lists),
        "readers": one.readers,
        "pilot": {"list": chosen.pilot.list, "hold": chosen.pilot.hold, "readers": one.pilot_readers}
        if chosen.pilot
        else None,
        "approval": chosen.approval,
        "slots": [_line_json(workspace, line) for line in one.lines],
    }


def _line_json(workspace: Workspace, line: Line) -> dict[str, object]:
    row, slot = line.occurrence, line.slot
    return {
        "slot": f"{line.schedule}/{line.key}",
        "due_at": line.due_at.astimezone(workspace.zone).isoformat(),
        "weekday": line.due_at.astimezone(workspace.zone).isoweekday(),
        "nominal": slot.nominal.isoformat() if slot else None,
        "shifted": slot.is_shifted if slot else False,
        "calendar_known": slot.known if slot else True,
        "goes": slot.goes if slot and row is None else row is None or row.state not in ("skipped", "missed"),
        "issue": line.issue,
        "state": row.state if row else None,
        "reason": row.reason if row else (slot.reason.value if slot else ""),
        "why": words(reason_text(row.reason)) if row else (words(reason_text(slot.reason)) if slot else ""),
        "passed_over": {issue: words(why) for issue, why in line.passed_over},
    }
