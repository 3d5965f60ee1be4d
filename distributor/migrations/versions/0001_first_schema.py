"""The first schema: subscribers, occurrences, mailings and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table; forward only."""
    op.create_table(
        "approval",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("issue", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_issue"), "approval", ["issue"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_email_key"), "consent", ["email_key"], unique=False)
    op.create_table(
        "list_file",
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("list", name=op.f("pk_list_file")),
    )
    op.create_table(
        "occurrence",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('planned', 'held', 'waiting_content', 'launched', 'skipped', 'missed')",
            name=op.f("ck_occurrence_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrence")),
        sa.UniqueConstraint("schedule", "slot", name=op.f("uq_occurrence_schedule_slot")),
    )
    op.create_index("ix_occurrence_due", "occurrence", ["state", "due_at"], unique=False)
    op.create_table(
        "permit",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permit")),
    )
    op.create_index("ix_permit_scope", "permit", ["scope", "at"], unique=False)
    op.create_table(
        "schedule_state",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_tick_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("schedule", name=op.f("pk_schedule_state")),
    )
    op.create_table(
        "section_set",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_set")),
        sa.UniqueConstraint("key", name=op.f("uq_section_set_key")),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("format", sa.Text(), server_default="html", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("format IN ('html', 'text')", name=op.f("ck_subscriber_format_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("email_key", name=op.f("uq_subscriber_email_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_subscriber_public_id")),
    )
    op.create_table(
        "suppression",
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('unsubscribed', 'removed', 'bounced', 'complained', 'erased')",
            name=op.f("ck_suppression_reason_known"),
        ),
        sa.PrimaryKeyConstraint("email_key", name=op.f("pk_suppression")),
    )
    op.create_table(
        "mailing",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("issue", sa.Text(), nullable=False),
        sa.Column("send_no", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("occurrence", _KEY, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("token_mark", sa.Text(), nullable=False),
        sa.Column("address_mark", sa.Text(), nullable=False),
        sa.Column("message_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("already_mailed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("without_section", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("launched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resume_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('smtp', 'outbox')", name=op.f("ck_mailing_channel_known")),
        sa.CheckConstraint(
            "state IN ('preparing', 'running', 'paused', 'cancelled')", name=op.f("ck_mailing_state_known")
        ),
        sa.ForeignKeyConstraint(["occurrence"], ["occurrence.id"], name=op.f("fk_mailing_occurrence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailing")),
        sa.UniqueConstraint(
            "channel", "issue", "send_no", "origin", name=op.f("uq_mailing_channel_issue_send_no_origin")
        ),
    )
    op.create_table(
        "membership",
        sa.Column("subscriber", _KEY, nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("changed_by IN ('list', 'reader', 'operator')", name=op.f("ck_membership_changed_by_known")),
        sa.CheckConstraint("state IN ('member', 'ended')", name=op.f("ck_membership_state_known")),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriber.id"], name=op.f("fk_membership_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", "list", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_list", "membership", ["list", "state"], unique=False)
    op.create_table(
        "preference",
        sa.Column("subscriber", _KEY, nullable=False),
        sa.Column("section_set", _KEY, nullable=False),
        sa.Column("chosen_by", sa.Text(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("chosen_by IN ('list', 'reader', 'operator')", name=op.f("ck_preference_chosen_by_known")),
        sa.ForeignKeyConstraint(["section_set"], ["section_set.id"], name=op.f("fk_preference_section_set")),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriber.id"], name=op.f("fk_preference_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", name=op.f("pk_preference")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("mailing", _KEY, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("issue", sa.Text(), nullable=False),
        sa.Column("send_no", sa.Integer(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("subscriber", _KEY, nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("server", sa.Text(), server_default="", nullable=False),
        sa.Column("message_id", sa.Text(), server_default="", nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_code", sa.Integer(), nullable=True),
        sa.Column("last_text", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'claimed', 'sending', 'accepted', 'stored', 'deferred', 'refused', 'uncertain', 'suppressed', 'expired', 'cancelled')",
            name=op.f("ck_delivery_state_known"),
        ),
        sa.ForeignKeyConstraint(["mailing"], ["mailing.id"], name=op.f("fk_delivery_mailing"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "channel", "issue", "send_no", "email_key", name=op.f("uq_delivery_channel_issue_send_no_email_key")
        ),
    )
    op.create_index("ix_delivery_email_key", "delivery", ["email_key"], unique=False)
    op.create_index("ix_delivery_mailing_state", "delivery", ["mailing", "state", "due_at", "id"], unique=False)
    op.create_table(
        "rendition",
        sa.Column("mailing", _KEY, nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("preheader", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("cids", sa.JSON(), nullable=False),
        sa.Column("shortened", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["mailing"], ["mailing.id"], name=op.f("fk_rendition_mailing"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("mailing", "edition", name=op.f("pk_rendition")),
    )
    op.create_table(
        "rendition_picture",
        sa.Column("mailing", _KEY, nullable=False),
        sa.Column("cid", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailing"], ["mailing.id"], name=op.f("fk_rendition_picture_mailing"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mailing", "cid", name=op.f("pk_rendition_picture")),
    )
    op.create_table(
        "attempt",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("delivery", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_attempt_delivery"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_delivery"), "attempt", ["delivery"], unique=False)
