"""Why a slot does not go, or goes late: stored codes to sentences, and what a code is made of.

Pure. The database keeps a code, so that a sentence can be shown in either language. A word fixes when the slot goes
(`pilot`, `operator:why`, `despite-log`) and stays in front while the slot waits for something (`pilot/approval`); any
other code is a cause, after a colon sometimes a detail: seconds (`late:41400`) or an issue (`restored:2015-055`).
"""

from datetime import timedelta

from distributor.problems import Wording, wording
from distributor.scheduling.model import Reason

FIXING: tuple[Reason, ...] = (Reason.PILOT, Reason.OPERATOR, Reason.DESPITE_LOG)
"""Words that planning leaves alone, whatever an edited rule says."""
WAITING: tuple[Reason, ...] = (Reason.NO_ISSUE, Reason.APPROVAL, Reason.DRAFT)
"""What a due slot may wait for."""

_SENTENCES = {
    Reason.NONE: wording("", ""),
    Reason.HOLIDAY: wording("节假日不发", "not sent on holidays"),
    Reason.COINCIDES: wording(
        "因节假日与另一次同时，没有第二期可发", "due with another slot, and no second issue was ready"
    ),
    Reason.NOT_IN_RULE: wording("排期改动后不再有这一次", "the edited schedule no longer names it"),
    Reason.DISABLED: wording("排期已停用或删除", "the schedule is switched off or gone"),
    Reason.NO_ISSUE: wording("没有可发的期次", "no issue is ready"),
    Reason.APPROVAL: wording("等待核准", "it waits for approval"),
    Reason.DRAFT: wording("试发过的期退回了草稿", "the issue of the pilot is a draft again"),
    Reason.LATE: wording("到点时没有运行", "nothing was running when it was due"),
    Reason.RESTORED: wording(
        "launches.log 记着已经发出，数据库却不知道（恢复过备份？）",
        "launches.log says that it went but the database does not know it (a restored backup?)",
    ),
    Reason.PILOT: wording("试发已发出，其余的人还没有发", "the pilot went, the rest is still to go"),
    Reason.OPERATOR: wording("人工决定", "an operator decided"),
    Reason.DESPITE_LOG: wording("人工决定：不管 launches.log，再发", "an operator sends despite launches.log"),
}
_LATE = wording("已晚 {}，超过补发时限", "{} late, beyond catch_up")


def with_detail(reason: Reason, detail: str) -> str:
    """Return the code to store; an empty detail leaves the bare code."""
    return f"{reason}:{detail}" if detail else str(reason)


def words_of(code: str) -> tuple[Reason, Reason]:
    """Return the word that fixes the slot, and the cause; `Reason.NONE` where there is none.

    >>> words_of("pilot/approval")
    (<Reason.PILOT: 'pilot'>, <Reason.APPROVAL: 'approval'>)
    """
    first, _, second = code.partition(":")[0].partition("/")
    if Reason(first) in FIXING:
        return Reason(first), Reason(second)
    return Reason.NONE, Reason(first)


def missed_code(code: str, late: timedelta) -> str:
    """Return the code of a slot that was too late: what it waited for, else that nothing was running."""
    cause = words_of(code)[1]
    return with_detail(cause if cause in WAITING else Reason.LATE, str(int(late.total_seconds())))


def is_fixed(code: str) -> bool:
    """Say whether a person's word or a pilot decides when this goes; planning leaves it alone."""
    return words_of(code)[0] is not Reason.NONE


def is_by_operator(code: str) -> bool:
    """Say whether a person decided when this goes."""
    return words_of(code)[0] in (Reason.OPERATOR, Reason.DESPITE_LOG)


def reason_text(code: str) -> Wording:
    """Return the sentence for a stored code; empty for the empty code."""
    detail = code.partition(":")[2]
    word, cause = words_of(code)
    said = [_SENTENCES[reason] for reason in (word, cause) if reason is not Reason.NONE]
    if detail:
        said.append(_late(detail) if cause in (Reason.LATE, *WAITING) else wording(detail, detail))
    marks = ("，", ", ") if detail and cause in (Reason.LATE, *WAITING) else ("：", ": ")
    return wording(marks[0].join(one.zh for one in said), marks[1].join(one.en for one in said))


def _late(seconds: str) -> Wording:
    late = timedelta(seconds=int(seconds))
    return wording(_LATE.zh.format(_span(late, " 小时", " 分钟")), _LATE.en.format(_span(late, " h", " min")))


def _span(late: timedelta, hours_unit: str, minutes_unit: str) -> str:
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    parts = [f"{hours}{hours_unit}" if hours else "", f"{minutes}{minutes_unit}" if minutes or not hours else ""]
    return " ".join(part for part in parts if part)
