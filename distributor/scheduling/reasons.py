"""Why a slot does not go, or goes late: stored codes to sentences.

Pure. The database keeps a code (`late:41400`), so that a sentence can be shown in either language.
"""

from datetime import timedelta

from distributor.problems import Wording, wording
from distributor.scheduling.model import Reason

_SENTENCES = {
    Reason.NONE: wording("", ""),
    Reason.HOLIDAY: wording("节假日不发", "not sent on holidays"),
    Reason.COINCIDES: wording(
        "因节假日与另一次同时，没有第二期可发", "due with another slot, and no second issue was ready"
    ),
    Reason.NOT_IN_RULE: wording("排期改动后不再有这一次", "the edited schedule no longer names it"),
    Reason.DISABLED: wording("排期已停用或删除", "the schedule is switched off or gone"),
    Reason.NO_ISSUE: wording("没有可发的期次", "no issue is ready"),
    Reason.LATE: wording("到点时没有运行", "nothing was running when it was due"),
    Reason.OPERATOR: wording("人工决定", "an operator decided"),
}
_LATE = wording("已晚 {}，超过补发时限", "{} late, beyond catch_up")


def with_detail(reason: Reason, detail: str) -> str:
    """Return the code to store; an empty detail leaves the bare code."""
    return f"{reason}:{detail}" if detail else str(reason)


def is_by_operator(code: str) -> bool:
    """Say whether a person decided this; planning leaves it alone."""
    return code.partition(":")[0] == Reason.OPERATOR


def reason_text(code: str) -> Wording:
    """Return the sentence for a stored code; empty for the empty code."""
    word, _, detail = code.partition(":")
    reason = Reason(word)
    sentence = _SENTENCES[reason]
    if not detail:
        return sentence
    if reason is Reason.OPERATOR:
        return wording(f"{sentence.zh}：{detail}", f"{sentence.en}: {detail}")
    late = timedelta(seconds=int(detail))
    return wording(
        f"{sentence.zh}，{_LATE.zh.format(_span(late, ' 小时', ' 分钟'))}",
        f"{sentence.en}, {_LATE.en.format(_span(late, ' h', ' min'))}",
    )


def _span(late: timedelta, hours_unit: str, minutes_unit: str) -> str:
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    parts = [f"{hours}{hours_unit}" if hours else "", f"{minutes}{minutes_unit}" if minutes or not hours else ""]
    return " ".join(part for part in parts if part)
