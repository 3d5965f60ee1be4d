"""The figures of a rehearsal in words, once for the terminal and the page: names and values in both languages. Pure."""

from datetime import timedelta

from distributor.delivery.forecast import Hold
from distributor.operations.rehearsals.planning import AudiencePlan, SlotPlan
from distributor.operations.workspace import Workspace
from distributor.problems import Wording, faults, wording
from distributor.subscribers.model import SuppressionReason
from distributor.times import local_text

Pair = tuple[Wording, Wording]
"""The name of a figure and its value."""

SHOWN_DOMAINS = 10
_WINDOWS = {
    timedelta(seconds=1): ("秒", "second"),
    timedelta(minutes=1): ("分钟", "minute"),
    timedelta(hours=1): ("小时", "hour"),
    timedelta(days=1): ("天", "day"),
}
_REASONS: dict[SuppressionReason, Wording] = {
    "unsubscribed": wording("停发：本人退订", "suppressed: unsubscribed"),
    "removed": wording("停发：人工移除", "suppressed: removed by an operator"),
    "bounced": wording("停发：地址退信", "suppressed: bounced"),
    "complained": wording("停发：投诉过", "suppressed: complained"),
    "erased": wording("停发：已删除资料", "suppressed: erased"),
}
_APPROVALS = {
    "given": wording("已核准", "given"),
    "missing": wording("还没有；没有核准就不发", "missing; nothing goes without it"),
}
_HELD = wording("有人暂缓了这一期，放行之前不发", "somebody holds it; nothing goes before it is released")


def slot_figures(workspace: Workspace, slot: SlotPlan | None) -> tuple[Pair, ...]:
    """Return the slot, its approval and its pilot; nothing for what a person sends."""
    if slot is None:
        return ()
    due = local_text(slot.slot.due_at, workspace.zone)
    pairs = [(wording("计划", "schedule"), _same(f"{slot.schedule} · {slot.slot.key} · {due}"))]
    if slot.approval != "not_needed":
        pairs.append((wording("核准", "approval"), _APPROVALS[slot.approval]))
    if slot.pilot and slot.hold:
        pairs.append((wording("试发", "pilot"), _pilot(slot, slot.hold)))
    if slot.is_held:
        pairs.append((wording("暂缓", "held"), _HELD))
    return tuple(pairs)


def _pilot(slot: SlotPlan, hold: timedelta) -> Wording:
    if slot.pilot_went:
        return wording(f"已发给 {slot.pilot}，到时再发其余的人", f"{slot.pilot} got it, the rest is still to go")
    hold_zh, hold_en = _span(hold)
    return wording(
        f"{slot.pilot} 的 {slot.piloted:,} 人先收到，过{hold_zh}再发其余的人",
        f"{slot.piloted:,} on {slot.pilot} first, the rest {hold_en} later",
    )


def audience_figures(audience: AudiencePlan) -> tuple[Pair, ...]:
    """Return how many copies go, and who gets none and why."""
    skipped = audience.skipped
    pairs = [(wording("将发出", "copies to go"), _number(audience.copies))]
    if audience.audience.text:
        pairs.append((wording("其中纯文本", "of them plain text"), _number(audience.audience.text)))
    for origin, number in skipped.already.items():
        pairs.append((wording(f"已有这一期（{origin}）", f"have it already ({origin})"), _number(number)))
    if skipped.piloted:
        pairs.append((wording("由试发收到同一份", "served by the pilot"), _number(skipped.piloted)))
    if not skipped.already:
        pairs.append((wording("已有这一期", "have it already"), _number(0)))
    pairs.append((wording("没有所选栏目", "no section of theirs"), _number(skipped.without_section)))
    pairs += [(_REASONS[reason], _number(number)) for reason, number in skipped.suppressed.items()]
    if not skipped.suppressed:
        pairs.append((wording("停发（退订等）", "suppressed"), _number(0)))
    if skipped.left:
        pairs.append((wording("已离开名单", "left the list"), _number(skipped.left)))
    return (*pairs, *_faulty_rows(audience))


def _faulty_rows(audience: AudiencePlan) -> tuple[Pair, ...]:
    return tuple(
        (
            wording(f"名单 {name} 有错的行", f"faulty rows of {name}"),
            wording(
                f"{number:,}（distributor subscribers sync {name} 会列出）",
                f"{number:,} (`distributor subscribers sync {name}` lists them)",
            ),
        )
        for name, number in audience.skipped.set_aside.items()
    )


def moment_figures(workspace: Workspace, audience: AudiencePlan) -> tuple[Pair, ...]:
    """Return when the first and the last copy leave, and which limit decides."""
    at_once = wording("没有限速，随到随发", "no rate limit")
    finish = _same(local_text(audience.finish, workspace.zone)) if audience.finish else at_once
    pairs = (
        (wording("开始", "start"), _same(local_text(audience.start, workspace.zone))),
        (wording("预计发完", "last copy"), finish),
    )
    return (*pairs, (wording("由此决定", "decided by"), _hold(audience.hold))) if audience.hold else pairs


def domain_rows(audience: AudiencePlan) -> tuple[tuple[Wording, int], ...]:
    """Return the domains with the most copies, and the rest as one row."""
    domains = list(audience.audience.domains.items())
    rows = [(_same(domain), number) for domain, number in domains[:SHOWN_DOMAINS]]
    more = len(domains) - SHOWN_DOMAINS
    if more > 0:
        rest = sum(number for _domain, number in domains[SHOWN_DOMAINS:])
        rows.append((wording(f"其余 {more} 个域名", f"{more} other domains"), rest))
    return tuple(rows)


def on_several_lists(audience: AudiencePlan) -> Wording | None:
    """Return the sentence about readers on several lists; None where there is none."""
    number = audience.audience.on_several
    if not number:
        return None
    return wording(
        f"其中 {number:,} 人在几个名单里，每个名单都计入，但只发一份",
        f"on several lists: {number:,}, counted under each, mailed once",
    )


def verdict(audience: AudiencePlan) -> Wording:
    """Return what proofreading came to, in one sentence."""
    found, editions = audience.findings, len(audience.editions)
    wrong = len(faults(found))
    if not found:
        return wording(
            f"校对：{editions} 种版本的大小、邮件头、链接、图片，还有订阅源，都没有问题",
            f"proofread {editions} editions and the feeds: sizes, headers, links and pictures are all well",
        )
    said = wording(
        f"校对：{wrong} 处故障，{len(found) - wrong} 处提醒",
        f"proofread: {wrong} faults, {len(found) - wrong} warnings",
    )
    if not wrong:
        return said
    return wording(f"{said.zh}；改好之前发不出去", f"{said.en}; nothing can leave before the faults are mended")


def _hold(hold: Hold) -> Wording:
    """Return `qq.com：900 份，每天 500`."""
    zh, en = _WINDOWS[hold.rate.window]
    return wording(
        f"{hold.gate.name}：{hold.copies:,} 份，每{zh} {hold.rate.count:,}",
        f"{hold.gate.name}: {hold.copies:,} copies, {hold.rate.count:,} a {en}",
    )


def _span(span: timedelta) -> tuple[str, str]:
    minutes = int(span.total_seconds() // 60)
    for size, zh, en in ((1440, "天", "d"), (60, "小时", "h")):
        if minutes and minutes % size == 0:
            return f" {minutes // size} {zh}", f"{minutes // size} {en}"
    return f" {minutes} 分钟", f"{minutes} min"


def _number(number: int) -> Wording:
    return _same(f"{number:,}")


def _same(text: str) -> Wording:
    return wording(text, text)
