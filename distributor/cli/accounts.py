"""How mailings and their copies are named and counted on the command line."""

from collections.abc import Mapping

from distributor.cli.console import say_pairs, tr
from distributor.delivery.counts import Counts
from distributor.delivery.model import Mailing

STATES: Mapping[str, tuple[str, str]] = {
    "pending": ("待发", "pending"),
    "claimed": ("已领取", "claimed"),
    "sending": ("发送中", "sending"),
    "accepted": ("已送达服务器", "accepted"),
    "stored": ("已存入发件箱", "stored in the outbox"),
    "deferred": ("稍后再试", "deferred"),
    "refused": ("被拒绝", "refused"),
    "uncertain": ("结果不明", "uncertain"),
    "suppressed": ("停发", "suppressed"),
    "expired": ("过期", "expired"),
    "cancelled": ("已取消", "cancelled"),
}


def say_counts(counted: Counts) -> None:
    """Print copies by state, those states that have any."""
    say_pairs({tr(*STATES[state]): f"{number:,}" for state, number in counted.by_state.items() if number})


def mailing_json(mailing: Mailing, counted: Counts) -> dict[str, object]:
    """Return a mailing as a script reads it."""
    return {
        "mailing": mailing.id,
        "channel": mailing.channel,
        "issue": mailing.issue,
        "send_no": mailing.send_no,
        "origin": mailing.origin,
        "state": mailing.state,
        "reason": mailing.reason,
        "planned": mailing.planned,
        "already_mailed": mailing.already_mailed,
        "without_section": mailing.without_section,
        "finished": counted.is_finished,
        "copies": dict(counted.by_state),
        "held": counted.held,
    }
