"""Every table. Times are UTC; ids are those of model/ids.py; JSON columns hold plain JSON."""

from datetime import datetime

import sqlalchemy as sa

from app.records.database import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(40), primary_key=True)


def _at(name: str, *, null: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, UtcDateTime(), nullable=null)


assets = sa.Table(
    "assets",
    metadata,
    _id(),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("filename", sa.String(200), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("failure", sa.JSON),
    sa.Column("original_key", sa.String(300), nullable=False),
    _at("created_at"),
    sa.Column("created_by", sa.String(200), nullable=False),
    _at("deleted_at", null=True),
    # Under which other names the same bytes came before; ``filename`` is the last one.
    sa.Column("other_names", sa.JSON, nullable=False),
)
# The same bytes are one asset as long as it is not deleted.
sa.Index(
    "uq_assets_sha256_living",
    assets.c.sha256,
    unique=True,
    sqlite_where=assets.c.deleted_at.is_(None),
    postgresql_where=assets.c.deleted_at.is_(None),
)

objects = sa.Table(
    "objects",
    metadata,
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content_type", sa.String(100), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    _at("stored_at", null=True),
    _at("last_requested_at", null=True),
    _at("verified_at", null=True),
    sa.Column("verified", sa.JSON),
    # The sweeper asks every minute for those that are being deleted.
    sa.Index("ix_objects_state", "state"),
)

renditions = sa.Table(
    "renditions",
    metadata,
    _id(),
    sa.Column("asset_id", sa.ForeignKey("assets.id"), nullable=False),
    sa.Column("profile", sa.String(40), nullable=False),
    sa.Column("budget_bytes", sa.BigInteger, nullable=False),
    sa.Column("side_pixels", sa.Integer, nullable=False),
    sa.Column("content_types", sa.JSON, nullable=False),
    sa.Column("key", sa.ForeignKey("objects.key"), nullable=False, index=True),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("untouched", sa.Boolean, nullable=False),
    sa.Column("quality", sa.JSON, nullable=False),
    sa.Column("given_up", sa.JSON, nullable=False),
    _at("created_at"),
    # What the caller chose to have made of it, as text: "auto", "mp4", "auto 1.500+12.000" (from 1.5 s on, 12 s long).
    sa.Column("choice", sa.String(60), nullable=False),
    # At which of the two settings it was made, best or fast; only that one gives the same bytes again.
    sa.Column("fast", sa.Boolean, nullable=False),
    sa.UniqueConstraint("asset_id", "profile", "budget_bytes", "side_pixels", "choice"),
)

# What is being fitted at this moment and has taken a while: how far it is, and whether somebody wants it to stop.
fittings = sa.Table(
    "fittings",
    metadata,
    _id(),
    sa.Column("asset_id", sa.ForeignKey("assets.id"), nullable=False, index=True),
    sa.Column("profile", sa.String(40), nullable=False),
    sa.Column("choice", sa.String(60), nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("cancelled", sa.Boolean, nullable=False),
    _at("started_at"),
    # A process that was killed leaves its row; past this it counts no more.
    _at("until"),
)

senders = sa.Table(
    "senders",
    metadata,
    _id(),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("mt_config", sa.String(100), nullable=False),
    sa.Column("tps", sa.Integer, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    _at("created_at"),
    sa.UniqueConstraint("country", "source", "mt_config"),
)

operators = sa.Table(
    "operators",
    metadata,
    sa.Column("id", sa.String(60), primary_key=True),
    sa.Column("facts", sa.JSON, nullable=False),
    _at("updated_at"),
    sa.Column("updated_by", sa.String(200), nullable=False),
)

campaigns = sa.Table(
    "campaigns",
    metadata,
    _id(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("mt_config", sa.String(100), nullable=False),
    sa.Column("profile", sa.String(40), nullable=False),
    sa.Column("parts", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("pause_reason", sa.Text, nullable=False),
    # The state to go back to is always *preparing*: it checks again everything that may have changed.
    _at("created_at"),
    sa.Column("created_by", sa.String(200), nullable=False),
    _at("send_at", null=True),
    _at("started_at", null=True),
    _at("finished_at", null=True),
    # The inbound message that a campaign of one answers (STOP, HELP): it is answered once.
    sa.Column("answers", sa.String(40)),
    sa.Index("uq_campaigns_answers", "answers", unique=True),
)

campaign_assets = sa.Table(
    "campaign_assets",
    metadata,
    sa.Column("campaign_id", sa.ForeignKey("campaigns.id"), primary_key=True),
    sa.Column("asset_id", sa.ForeignKey("assets.id"), primary_key=True, index=True),
)

messages = sa.Table(
    "messages",
    metadata,
    _id(),
    sa.Column("campaign_id", sa.ForeignKey("campaigns.id"), nullable=False),
    sa.Column("number", sa.String(15), nullable=False, index=True),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("operator_id", sa.BigInteger),
    sa.Column("sender_id", sa.ForeignKey("senders.id"), nullable=False),
    sa.Column("profile", sa.String(40), nullable=False),
    # The operator's own longest side, where it differs from the profile's; 0 = the profile's.
    sa.Column("side_pixels", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    # The latest attempt, shown without a join.
    sa.Column("attempt_id", sa.String(40)),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("mt_id", sa.String(40), nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    # Who may settle this *sending* and until when; the sweeper turns what is past it into *unknown*.
    sa.Column("claim_token", sa.String(40)),
    _at("claim_until", null=True),
    _at("not_before", null=True),
    _at("updated_at"),
    sa.UniqueConstraint("campaign_id", "number"),
    # In the order in which a campaign's messages are claimed.
    sa.Index("ix_messages_campaign_id_state_sender_id_id", "campaign_id", "state", "sender_id", "id"),
    sa.Index("ix_messages_state_claim_until", "state", "claim_until"),
    sa.Index("ix_messages_state_updated_at", "state", "updated_at"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    _id(),
    sa.Column("message_id", sa.ForeignKey("messages.id"), nullable=False, index=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("endpoint", sa.String(300), nullable=False),
    # By the worker's clock, when the first byte left; until an outcome is written, when it was claimed.
    _at("started_at"),
    _at("answered_at", null=True),
    sa.Column("http_status", sa.Integer, nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    sa.Column("mt_id", sa.String(40), nullable=False, index=True),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
)

callbacks = sa.Table(
    "callbacks",
    metadata,
    _id(),
    _at("received_at"),
    sa.Column("content_type", sa.String(300), nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    # new -> settled | unmatched (a report whose mtId we do not know yet) | unreadable
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("mt_id", sa.String(40), nullable=False, index=True),
    sa.Index("ix_callbacks_state_received_at", "state", "received_at"),
)

reports = sa.Table(
    "reports",
    metadata,
    _id(),
    sa.Column("callback_id", sa.ForeignKey("callbacks.id"), nullable=False),
    sa.Column("attempt_id", sa.ForeignKey("attempts.id"), nullable=False, index=True),
    sa.Column("message_id", sa.ForeignKey("messages.id"), nullable=False, index=True),
    _at("received_at"),
    _at("reported_at", null=True),
    sa.Column("status", sa.String(100), nullable=False),
    sa.Column("outcome_id", sa.Integer),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("user_agent", sa.String(300), nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    # Whether it moved the message, and whether it contradicts the final one that stands.
    sa.Column("moved", sa.Boolean, nullable=False),
    sa.Column("contradicts", sa.Boolean, nullable=False),
)

inbound = sa.Table(
    "inbound",
    metadata,
    _id(),
    sa.Column("callback_id", sa.ForeignKey("callbacks.id"), nullable=False),
    sa.Column("mo_id", sa.String(40), nullable=False, unique=True),
    sa.Column("source", sa.String(20), nullable=False, index=True),
    sa.Column("destinations", sa.JSON, nullable=False),
    _at("received_at"),
    _at("sent_at", null=True),
    sa.Column("operator_id", sa.BigInteger),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("user_agent", sa.String(300), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("part_types", sa.JSON, nullable=False),
    sa.Column("judged", sa.String(20), nullable=False),
)

handsets = sa.Table(
    "handsets",
    metadata,
    # Keyed with the installation's secret: whoever gets this table alone learns no number.
    sa.Column("number_hash", sa.String(64), primary_key=True),
    sa.Column("user_agent", sa.String(300), nullable=False),
    _at("user_agent_at", null=True),
    sa.Column("operator_id", sa.BigInteger),
    _at("operator_at", null=True),
    sa.Index("ix_handsets_operator_at", "operator_at"),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("number", sa.String(15), primary_key=True),
    # keyword: a STOP, undone by START; phrase: waits for a person; person: by hand or in bulk.
    sa.Column("reason", sa.String(20), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    _at("created_at"),
    sa.Column("created_by", sa.String(200), nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    _id(),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(300), nullable=False),
    # Sessions of an older epoch are signed out: a new password ends them all.
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("admin", sa.Boolean, nullable=False),
    _at("created_at"),
)

sign_in_links = sa.Table(
    "sign_in_links",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    _at("expires_at"),
    _at("used_at", null=True),
)

tokens = sa.Table(
    "tokens",
    metadata,
    _id(),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    _at("created_at"),
    _at("revoked_at", null=True),
    _at("last_used_at", null=True),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("who", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    # 0 = still at work; the claim may be taken over once ``claim_until`` is past.
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", sa.JSON),
    _at("claim_until", null=True),
    # Whose claim it is: only the holder may keep an answer, or give the key back.
    sa.Column("claim_token", sa.String(40)),
    _at("created_at"),
    sa.Index("ix_idempotency_created_at", "created_at"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    _id(),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(300), nullable=False),
    # due -> claimed -> done | failed | due again
    sa.Column("state", sa.String(20), nullable=False),
    _at("not_before"),
    sa.Column("claim_token", sa.String(40)),
    _at("lease_until", null=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("problem", sa.JSON),
    _at("created_at"),
    _at("finished_at", null=True),
    sa.Index("ix_jobs_state_not_before", "state", "not_before"),
    sa.Index("ix_jobs_kind_subject_state", "kind", "subject", "state"),
    sa.Index("ix_jobs_finished_at", "finished_at"),
)

# Which worker was last seen at work, by the database's clock.
heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    _at("started_at"),
    _at("at"),
)

# How far what is kept for some time only has been forgotten: rows up to this id are done.
forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("up_to_id", sa.String(40), nullable=False),
)

locks = sa.Table(
    "locks",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("holder", sa.String(40), nullable=False),
    _at("until"),
)

paces = sa.Table(
    "paces",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    _at("next_at"),
)

blocked = sa.Table(
    "blocked",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    # The asset that it was taken down with.
    sa.Column("asset_id", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    _at("created_at"),
    sa.Column("created_by", sa.String(200), nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    _id(),
    _at("at"),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(300), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
)

uploads = sa.Table(
    "uploads",
    metadata,
    _id(),
    sa.Column("filename", sa.String(200), nullable=False),
    sa.Column("declared_type", sa.String(200), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    # Empty for an upload in parts: each part has its own.
    sa.Column("sha256", sa.String(64), nullable=False),
    # The store's id of an upload in parts; empty = one PUT.
    sa.Column("multipart_id", sa.String(1000), nullable=False),
    # open -> arrived -> done | failed
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("asset_id", sa.String(40)),
    sa.Column("failure", sa.JSON),
    _at("created_at"),
    sa.Column("created_by", sa.String(200), nullable=False),
)
