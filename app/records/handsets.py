"""What a number told us of its handset and its operator; the number itself is not kept here, only a keyed hash of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.records.tables import attempts, handsets, messages

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Handset:
    """The last word on each: ``user_agent`` with the time it was told, ``operator_id`` as OpenMarket numbers operators."""

    user_agent: str
    user_agent_at: datetime | None
    operator_id: int | None
    operator_at: datetime | None


def number_of_mt_id(connection: sa.Connection, mt_id: str) -> str | None:
    """Tell to which number an mtId went; None = no attempt has it."""
    query = (
        sa.select(messages.c.number)
        .join(attempts, attempts.c.message_id == messages.c.id)
        .where(attempts.c.mt_id == mt_id)
        .limit(1)
    )
    return connection.scalar(query)


def learn_handset(
    connection: sa.Connection, number_hash: str, *, user_agent: str, operator_id: int | None, at: datetime
) -> None:
    """Remember what was told at ``at``; a later word stands, and silence takes nothing away."""
    if user_agent:
        _remember(connection, number_hash, {"user_agent": user_agent[:300]}, handsets.c.user_agent_at, at)
    if operator_id is not None:
        _remember(connection, number_hash, {"operator_id": operator_id}, handsets.c.operator_at, at)


def _remember(
    connection: sa.Connection,
    number_hash: str,
    told: dict[str, object],
    told_at: sa.Column[datetime],
    at: datetime,
) -> None:
    values = {**told, told_at.name: at}
    later = sa.and_(handsets.c.number_hash == number_hash, sa.or_(told_at.is_(None), told_at <= at))
    if connection.execute(sa.update(handsets).where(later).values(values)).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(handsets).values({"number_hash": number_hash, "user_agent": "", **values}))
    except sa.exc.IntegrityError:
        return  # what is there was told later


def find_handset(connection: sa.Connection, number_hash: str) -> Handset | None:
    """Read what is known of one number; None = nothing."""
    row = connection.execute(sa.select(handsets).where(handsets.c.number_hash == number_hash)).one_or_none()
    return Handset(row.user_agent, row.user_agent_at, row.operator_id, row.operator_at) if row else None


def any_operator_learnt(connection: sa.Connection, *, since: datetime) -> bool:
    """Tell cheaply whether there is anything to look for at all."""
    query = sa.select(handsets.c.number_hash).where(handsets.c.operator_at >= since).limit(1)
    return connection.execute(query).one_or_none() is not None


def operators_learnt(connection: sa.Connection, hashes: Sequence[str], *, since: datetime) -> dict[str, int]:
    """Map hashes to the operators that inbound messages named since then."""
    found: dict[str, int] = {}
    for start in range(0, len(hashes), _ROWS_AT_ONCE):
        query = sa.select(handsets.c.number_hash, handsets.c.operator_id).where(
            handsets.c.number_hash.in_(hashes[start : start + _ROWS_AT_ONCE]),
            handsets.c.operator_id.is_not(None),
            handsets.c.operator_at >= since,
        )
        found |= {row.number_hash: row.operator_id for row in connection.execute(query)}
    return found
