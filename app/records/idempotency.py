"""First answers by Idempotency-Key: the same key and body get the first answer, another body gets a conflict.

A key is claimed before the work begins and settled in the transaction that creates the thing, so a crash in between leaves
a claim that runs out, and nothing created.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.errors import IdempotencyConflict, IdempotencyInProgress
from app.records.tables import idempotency


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What the first request with this key was answered."""

    status: int
    answer: dict[str, Any]


def claim_key(
    connection: sa.Connection, who: str, key: str, request_sha256: str, *, at: datetime, lease: timedelta
) -> FirstAnswer | None:
    """Claim a key for this request, or give the first answer.

    Raises:
        IdempotencyConflict: the key was used with another body.
        IdempotencyInProgress: the first request is still at work.
    """
    mine = sa.and_(idempotency.c.who == who, idempotency.c.key == key)
    row = connection.execute(sa.select(idempotency).where(mine).with_for_update()).one_or_none()
    if row is None:
        values = {"request_sha256": request_sha256, "status": 0, "claim_until": at + lease, "created_at": at}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(idempotency).values(who=who, key=key, **values))
        except sa.exc.IntegrityError as error:
            raise IdempotencyInProgress("The first request with this key is still at work.") from error
        return None
    if row.request_sha256 != request_sha256:
        raise IdempotencyConflict("This Idempotency-Key came before with another request.", key=key)
    if row.status:
        return FirstAnswer(row.status, row.answer)
    if row.claim_until > at:
        raise IdempotencyInProgress("The first request with this key is still at work.", key=key)
    connection.execute(sa.update(idempotency).where(mine).values(claim_until=at + lease))
    return None


def settle_key(connection: sa.Connection, who: str, key: str, status: int, answer: dict[str, Any]) -> None:
    """Keep the first answer, in the transaction that created the thing."""
    mine = sa.and_(idempotency.c.who == who, idempotency.c.key == key)
    connection.execute(sa.update(idempotency).where(mine).values(status=status, answer=answer, claim_until=None))


def release_key(connection: sa.Connection, who: str, key: str) -> None:
    """Forget a claim whose request failed and created nothing, so that a repeat may succeed."""
    mine = sa.and_(idempotency.c.who == who, idempotency.c.key == key, idempotency.c.status == 0)
    connection.execute(sa.delete(idempotency).where(mine))


def forget_old_keys(connection: sa.Connection, *, before: datetime) -> None:
    """Drop keys that nobody will repeat any more."""
    connection.execute(sa.delete(idempotency).where(idempotency.c.created_at < before))
