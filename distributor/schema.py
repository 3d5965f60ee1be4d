"""Every table of the database, and which module writes it.

    subscriber, membership, preference, section_set, consent, suppression, list_file   subscribers.store
    schedule_state, occurrence                                                         scheduling.calendar
    mailing, rendition, rendition_picture, delivery, attempt, approval                 delivery.ledger
    permit                                                                             delivery.pacing
    seat                                                                               delivery.seats
    incident                                                                           incidents
    daemon                                                                             operations.presence

Reading is free, writing is not: a test holds each table to its writer. Moments are UTC; `Moment` refuses naive
ones. Closed words (states, formats) are short text with a CHECK, so that a person reads the tables with any tool.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in storage (text that sorts on SQLite, timestamptz on PostgreSQL)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment to UTC; SQLite gets it without the zone it could not keep."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: give it a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored moment back, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _one_of(column: str, words: Iterable[str]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")

OCCURRENCE_STATES = ("planned", "held", "waiting_content", "launched", "skipped", "missed")
MAILING_STATES = ("preparing", "running", "paused", "cancelled")
DELIVERY_STATES = (
    "pending",
    "claimed",
    "sending",
    "accepted",
    "stored",
    "deferred",
    "refused",
    "uncertain",
    "suppressed",
    "expired",
    "cancelled",
)
CHANNELS = ("smtp", "outbox")

section_set = sa.Table(
    "section_set",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    # `*` is "all sections, also later ones"; otherwise section ids in alphabetical order joined by `+`.
    sa.Column("key", sa.Text, nullable=False, unique=True),
)

subscriber = sa.Table(
    "subscriber",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    # Random, in every link instead of the address or the row number.
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("email_key", sa.Text, nullable=False, unique=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("format", sa.Text, nullable=False, server_default="html"),
    sa.Column("created_at", Moment, nullable=False),
    _one_of("format", ("html", "text")),
)

preference = sa.Table(
    "preference",
    metadata,
    sa.Column("subscriber", _Key, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("section_set", _Key, sa.ForeignKey("section_set.id"), nullable=False),
    # Whose word it is: a list file never overrides what the reader set.
    sa.Column("chosen_by", sa.Text, nullable=False),
    sa.Column("chosen_at", Moment, nullable=False),
    _one_of("chosen_by", ("list", "reader", "operator")),
)

membership = sa.Table(
    "membership",
    metadata,
    sa.Column("subscriber", _Key, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("list", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    # Who ended it: what the reader ended, no list file begins again.
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    _one_of("state", ("member", "ended")),
    _one_of("changed_by", ("list", "reader", "operator")),
    sa.Index("ix_membership_list", "list", "state"),
)

consent = sa.Table(
    "consent",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("email_key", sa.Text, nullable=False, index=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("at", Moment, nullable=False),
)

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("email_key", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    _one_of("reason", ("unsubscribed", "removed", "bounced", "complained", "erased")),
)

list_file = sa.Table(
    "list_file",
    metadata,
    sa.Column("list", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("synced_at", Moment, nullable=False),
)

schedule_state = sa.Table(
    "schedule_state",
    metadata,
    sa.Column("schedule", sa.Text, primary_key=True),
    sa.Column("first_seen_at", Moment, nullable=False),
    sa.Column("last_tick_at", Moment, nullable=False),
)

occurrence = sa.Table(
    "occurrence",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("schedule", sa.Text, nullable=False),
    # The calendar place, e.g. 2026-W48#1: an edited hour or weekday is the same slot.
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("planned_at", Moment, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("changed_at", Moment, nullable=False),
    sa.UniqueConstraint("schedule", "slot"),
    _one_of("state", OCCURRENCE_STATES),
    sa.Index("ix_occurrence_due", "state", "due_at"),
)

mailing = sa.Table(
    "mailing",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    # An outbox copy never uses up an issue for real readers, so the channel is part of every key.
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("issue", sa.Text, nullable=False),
    sa.Column("send_no", sa.Integer, nullable=False),
    # `schedule/slot`, or the list names that a person sent to, sorted and joined by `+`.
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("occurrence", _Key, sa.ForeignKey("occurrence.id")),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("token_mark", sa.Text, nullable=False),
    sa.Column("address_mark", sa.Text, nullable=False),
    sa.Column("message_date", Moment, nullable=False),
    sa.Column("planned", sa.Integer, nullable=False, server_default="0"),
    sa.Column("already_mailed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("without_section", sa.Integer, nullable=False, server_default="0"),
    # Which process prepares it, and until when (database time): a dead preparation is swept away.
    sa.Column("claim", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Column("launched_at", Moment),
    sa.Column("resume_at", Moment),
    sa.UniqueConstraint("channel", "issue", "send_no", "origin"),
    _one_of("state", MAILING_STATES),
    _one_of("channel", CHANNELS),
)

rendition = sa.Table(
    "rendition",
    metadata,
    sa.Column("mailing", _Key, sa.ForeignKey("mailing.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("edition", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("preheader", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("cids", sa.JSON, nullable=False),
    sa.Column("shortened", sa.Integer, nullable=False, server_default="0"),
    sa.Column("fingerprint", sa.Text, nullable=False),
)

rendition_picture = sa.Table(
    "rendition_picture",
    metadata,
    sa.Column("mailing", _Key, sa.ForeignKey("mailing.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("cid", sa.Text, primary_key=True),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("mailing", _Key, sa.ForeignKey("mailing.id", ondelete="CASCADE"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("issue", sa.Text, nullable=False),
    sa.Column("send_no", sa.Integer, nullable=False),
    sa.Column("email_key", sa.Text, nullable=False),
    sa.Column("subscriber", _Key, nullable=False),
    sa.Column("public_id", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("edition", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("first_tried_at", Moment),
    sa.Column("claim", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Column("server", sa.Text, nullable=False, server_default=""),
    sa.Column("message_id", sa.Text, nullable=False, server_default=""),
    sa.Column("accepted_at", Moment),
    sa.Column("last_code", sa.Integer),
    sa.Column("last_text", sa.Text, nullable=False, server_default=""),
    # A reader gets an issue once, across lists, schedules and renames.
    sa.UniqueConstraint("channel", "issue", "send_no", "email_key"),
    _one_of("state", DELIVERY_STATES),
    sa.Index("ix_delivery_mailing_state", "mailing", "state", "due_at", "id"),
    sa.Index("ix_delivery_email_key", "email_key"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("delivery", _Key, sa.ForeignKey("delivery.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("server", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("code", sa.Integer),
    sa.Column("enhanced", sa.Text, nullable=False, server_default=""),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
)

permit = sa.Table(
    "permit",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    # Whose limit it counts against: `server:<name>`; later `domain:<name>`.
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Index("ix_permit_scope", "scope", "at"),
)

seat = sa.Table(
    "seat",
    metadata,
    # Whose connections they are: `server:<name>`.
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("lease_until", Moment, nullable=False),
)

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    # What kind of trouble (`incidents.Cause`), and what it is about: a slot, a mailing, a list, a file's digest.
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    # What operators read, in both languages: {"zh": …, "en": …}.
    sa.Column("what", sa.JSON, nullable=False),
    sa.Column("remedy", sa.JSON, nullable=False),
    sa.Column("raised_at", Moment, nullable=False),
    sa.Column("cleared_at", Moment),
    sa.Column("told_at", Moment),
    # Who heard of it so far, while others could not be reached: the log, operators' addresses.
    sa.Column("told_to", sa.JSON, nullable=False),
    # Who is telling it, and until when nobody else tries (database time).
    sa.Column("claim", sa.Text),
    sa.Column("lease_until", Moment),
    # One row for each cause: what happens again opens the row again, it does not make a flood.
    sa.UniqueConstraint("cause", "subject"),
)

daemon = sa.Table(
    "daemon",
    metadata,
    # Random, one for each start of `distributor run`.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("beat_at", Moment, nullable=False),
    # The settings in use (a digest) since when, and why newer ones were refused; empty when they were not.
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("settings_at", Moment, nullable=False),
    sa.Column("refused", sa.JSON, nullable=False),
)

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("issue", sa.Text, nullable=False, index=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
)
