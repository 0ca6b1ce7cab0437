"""Messages as they stand: one campaign to one recipient, with its attempts. What moves them is in sending and reports."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound
from app.model.messages import Message
from app.model.status import RESENDABLE, MessageState
from app.records.tables import attempts, messages


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a message, as kept."""

    id: str
    message_id: str
    state: MessageState
    endpoint: str
    started_at: datetime
    answered_at: datetime | None
    http_status: int
    request_id: str
    mt_id: str
    code: int
    description: str
    answer: str


def message_of(row: sa.Row[Any]) -> Message:
    """Make the noun of a row."""
    return Message(
        id=row.id,
        campaign_id=row.campaign_id,
        number=row.number,
        country=row.country,
        operator_id=row.operator_id,
        sender_id=row.sender_id,
        profile=row.profile,
        state=MessageState(row.state),
        attempts=row.attempts,
        mt_id=row.mt_id,
        request_id=row.request_id,
        problem=row.problem,
        updated_at=row.updated_at,
        side_pixels=row.side_pixels,
    )


def get_message(connection: sa.Connection, message_id: str) -> Message:
    """Read one message.

    Raises:
        NotFound: no such message.
    """
    row = connection.execute(sa.select(messages).where(messages.c.id == message_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no message {message_id[:60]}.", id=message_id[:60])
    return message_of(row)


def list_messages(
    connection: sa.Connection, campaign_id: str, *, after: str = "", limit: int = 100, state: str = ""
) -> Sequence[Message]:
    """List the messages of a campaign in the order of their ids; ``after`` is the last id of the page above."""
    query = sa.select(messages).where(messages.c.campaign_id == campaign_id, messages.c.id > after)
    if state:
        query = query.where(messages.c.state == state)
    return [message_of(row) for row in connection.execute(query.order_by(messages.c.id).limit(limit))]


def limits_of(connection: sa.Connection, campaign_id: str) -> list[tuple[str, int]]:
    """Name the limits that the messages of a campaign need: profile, and the operator's own side (0 = the profile's)."""
    query = (
        sa.select(messages.c.profile, messages.c.side_pixels).where(messages.c.campaign_id == campaign_id).distinct()
    )
    return sorted((row.profile, row.side_pixels) for row in connection.execute(query))


def numbers_of(connection: sa.Connection, campaign_id: str, *, state: MessageState) -> list[str]:
    """List the numbers of a campaign whose message stands in ``state``."""
    query = sa.select(messages.c.number).where(messages.c.campaign_id == campaign_id, messages.c.state == state.value)
    return list(connection.scalars(query))


def recipients_of(connection: sa.Connection, campaign_id: str) -> list[dict[str, Any]]:
    """List the recipients of a campaign as they were given: the number, and the operator if one was named."""
    query = sa.select(messages.c.number, messages.c.operator_id).where(messages.c.campaign_id == campaign_id)
    return [
        {"number": row.number, "operator_id": row.operator_id}
        for row in connection.execute(query.order_by(messages.c.id))
    ]


def sweep_silent(connection: sa.Connection, *, at: datetime, hours: int = 72) -> int:
    """Mark accepted messages that nobody reported on for ``hours`` as *no_report*; a late report still moves them."""
    done = connection.execute(
        sa.update(messages)
        .where(messages.c.state == MessageState.ACCEPTED.value, messages.c.updated_at < at - timedelta(hours=hours))
        .values(state=MessageState.NO_REPORT.value, updated_at=at)
    )
    return done.rowcount


def resend(connection: sa.Connection, campaign_id: str, *, unknown: bool, quiet_before: datetime, at: datetime) -> int:
    """Make failed messages pending again, or (by a person alone) those that are *unknown* and quiet since ``quiet_before``.

    Returns:
        how many.
    """
    query = sa.update(messages).where(messages.c.campaign_id == campaign_id)
    if unknown:
        query = query.where(messages.c.state == MessageState.UNKNOWN.value, messages.c.updated_at < quiet_before)
    else:
        query = query.where(messages.c.state.in_([state.value for state in RESENDABLE]))
    return connection.execute(
        query.values(state=MessageState.PENDING.value, not_before=None, attempts=0, updated_at=at)
    ).rowcount


def attempts_of(connection: sa.Connection, message_ids: Iterable[str]) -> list[Attempt]:
    """List the attempts of these messages, oldest first."""
    query = sa.select(attempts).where(attempts.c.message_id.in_(list(message_ids))).order_by(attempts.c.id)
    return [Attempt(**{**row._asdict(), "state": MessageState(row.state)}) for row in connection.execute(query)]
