"""Slots that need a person: missed, due with nothing to send, due and not to be launched.

Enters: a beat, the occurrence rows and the mailings of late. Leaves: what stands of each cause. Missed and waiting
slots are read from the rows, so that a process that dies after writing one keeps nothing from operators; why a launch
failed only the beat knows, so an incident about it lasts until a beat says otherwise or the slot is no longer due.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from distributor.delivery.counts import MailingLine
from distributor.errors import AnotherProcess, DecisionNeeded, DistributorError, HeldError, InputError
from distributor.incidents import Cause, News
from distributor.operations.alarms.standing import Standing
from distributor.operations.worker import Beat, Stay
from distributor.operations.workspace import Workspace
from distributor.problems import Wording, wording
from distributor.scheduling.model import Occurrence, Reason
from distributor.scheduling.reasons import reason_text, words_of
from distributor.times import local_text

REMEMBERED = timedelta(days=14)
"""How long a missed slot is shown unless something went since; as long `schedule send-now` finds it by itself."""
HELD_GRACE = timedelta(minutes=10)
"""A launch that another process holds up for so long is no passing matter."""
_READY = ("planned", "waiting_content")


def name_of(row: Occurrence) -> str:
    """Return how commands and incidents name a slot: `weekly/2026-W48#1`."""
    return f"{row.schedule}/{row.slot}"


def missed(workspace: Workspace, rows: Sequence[Occurrence], lines: Sequence[MailingLine], now: datetime) -> Standing:
    """Return the slots missed of late for whose readers nothing went since."""
    news = [
        _missed(workspace, row)
        for row in rows
        if row.state == "missed" and row.due_at > now - REMEMBERED and not _made_good(workspace, row, rows, lines)
    ]
    return Standing(cause=Cause.MISSED, news=tuple(news))


def waiting(workspace: Workspace, rows: Sequence[Occurrence], beat: Beat, now: datetime) -> Standing:
    """Return the due slots that wait for an issue or for somebody's word."""
    news = [_waiting(workspace, row, beat) for row in rows if row.state == "waiting_content" and row.due_at <= now]
    return Standing(cause=Cause.WAITING, news=tuple(news))


def not_launched(workspace: Workspace, rows: Sequence[Occurrence], beat: Beat, shrunk: frozenset[str]) -> Standing:
    """Return the due slots that could not go; those whose list shrank (`shrunk`) are told of as that."""
    failed = [stay for stay in beat.stayed if stay.error is not None and _is_trouble(stay, stay.error, beat.at)]
    told = [stay for stay in failed if not _is_told_otherwise(workspace, stay, shrunk)]
    clean = {name_of(stay.occurrence) for stay in beat.stayed if stay.error is None}
    still_due = {name_of(row) for row in rows if row.state in _READY and row.due_at <= beat.at}
    elsewhere = {name_of(stay.occurrence) for stay in failed if stay not in told}
    return Standing(
        cause=Cause.NOT_LAUNCHED,
        news=tuple(_not_launched(workspace, stay) for stay in told),
        kept=frozenset(still_due - clean - elsewhere),
    )


def _made_good(workspace: Workspace, row: Occurrence, rows: Sequence[Occurrence], lines: Sequence[MailingLine]) -> bool:
    """Say whether a later slot of the schedule went, or a person mailed its lists since."""
    if any(one.schedule == row.schedule and one.state == "launched" and one.due_at > row.due_at for one in rows):
        return True
    lists = {name for entry in workspace.settings.schedule if entry.id == row.schedule for name in entry.lists}
    since = [line.mailing for line in lines if line.launched_at and line.launched_at >= row.due_at]
    return bool(lists) and any(one.send_no > 0 and lists <= set(one.origin.split("+")) for one in since)


def _is_trouble(stay: Stay, error: DistributorError, now: datetime) -> bool:
    """Say whether a person should know: not that another process is about it, unless that takes long."""
    if isinstance(error, HeldError) and not isinstance(error, DecisionNeeded):
        patience = 3 * HELD_GRACE if isinstance(error, AnotherProcess) else HELD_GRACE
        return now - stay.occurrence.due_at > patience
    return True


def _is_told_otherwise(workspace: Workspace, stay: Stay, shrunk: frozenset[str]) -> bool:
    entries = [entry for entry in workspace.settings.schedule if entry.id == stay.occurrence.schedule]
    return isinstance(stay.error, DecisionNeeded) and any(name in shrunk for one in entries for name in one.lists)


def _missed(workspace: Workspace, row: Occurrence) -> News:
    name, at, why = name_of(row), local_text(row.due_at, workspace.zone), reason_text(row.reason)
    return News(
        cause=Cause.MISSED,
        subject=name,
        what=wording(
            f"定在 {at} 的一次没有发送：{why.zh}。读者还没有收到，也不会再自动发",
            f"What was to go at {at} did not: {why.en}. Readers have nothing, and it does not go by itself any more",
        ),
        remedy=wording(
            f"现在补发：distributor schedule send-now {name}；不补发就不用管，下一次发出后这一条自动消除",
            f"to send it now: `distributor schedule send-now {name}`; "
            "to leave it out, do nothing: this clears when the next one goes",
        ),
    )


def _waiting(workspace: Workspace, row: Occurrence, beat: Beat) -> News:
    name, at, cause = name_of(row), local_text(row.due_at, workspace.zone), words_of(row.reason)[1]
    why, until = reason_text(row.reason), _deadline(workspace, row)
    passed = beat.passed_over if cause is not Reason.APPROVAL else ()
    behind = [(issue, reason.zh, reason.en) for issue, reason in dict(passed).items()]
    act = _WHAT_TO_DO.get(cause, _WHAT_TO_DO[Reason.NO_ISSUE])
    return News(
        cause=Cause.WAITING,
        subject=name,
        what=wording(
            "\n".join([f"{at} 到点，没有发送：{why.zh}{until.zh}", *(f"{one}：{zh}" for one, zh, _ in behind)]),
            "\n".join([f"Due at {at}, and it waits: {why.en}{until.en}", *(f"{one}: {en}" for one, _, en in behind)]),
        ),
        remedy=wording(
            f"{act.zh}，之后自动发送；这次不发了：distributor schedule skip {name}",
            f"{act.en}, and it goes by itself; to leave it out: `distributor schedule skip {name}`",
        ),
    )


_WHAT_TO_DO = {
    Reason.NO_ISSUE: wording(
        "检查好的一期用 distributor ready 定稿（写上期号）", "mark a checked issue ready with `distributor ready ISSUE`"
    ),
    Reason.DRAFT: wording(
        "改好后用 distributor ready 再定稿（写上期号）",
        "mend it and mark it ready again with `distributor ready ISSUE`",
    ),
    Reason.APPROVAL: wording(
        "看过后核准：distributor approve 期号 --by 姓名", "look at it and run `distributor approve ISSUE --by NAME`"
    ),
}


def _not_launched(workspace: Workspace, stay: Stay) -> News:
    row = stay.occurrence
    name, at, until = name_of(row), local_text(row.due_at, workspace.zone), _deadline(workspace, row)
    mend = (
        wording("改好上面的地方，用 distributor check 核对", "mend the places above, `distributor check` looks at them")
        if isinstance(stay.error, InputError)
        else wording("按上面说的排除原因", "mend what is said above")
    )
    return News(
        cause=Cause.NOT_LAUNCHED,
        subject=name,
        what=wording(
            f"{at} 到点，没有发出任何邮件{until.zh}\n{stay.why.zh}",
            f"Due at {at}, and no mail left{until.en}\n{stay.why.en}",
        ),
        remedy=wording(
            f"{mend.zh}；程序一直在重试，改好就自动发送；这次不发了：distributor schedule skip {name}",
            f"{mend.en}; it is tried all the time and goes by itself then; to leave it out: "
            f"`distributor schedule skip {name}`",
        ),
    )


def _deadline(workspace: Workspace, row: Occurrence) -> Wording:
    rule = next((rule for rule in workspace.rules if rule.id == row.schedule), None)
    if rule is None:
        return wording("", "")
    until = local_text(row.due_at + rule.catch_up, workspace.zone)
    return wording(f"。到 {until} 还发不出就算错过", f". After {until} it counts as missed")
