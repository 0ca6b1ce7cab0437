"""First answers by Idempotency-Key: the same key and body get the first answer, another body gets a conflict.

A key is claimed before the work begins and settled in the transaction that creates the thing, so a crash in between leaves
a claim that runs out, and nothing created. Each claim has a token: who took longer than its claim, and was overtaken by a
repeat, can neither keep an answer nor commit what it made.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.errors import IdempotencyConflict, IdempotencyInProgress
from app.model.ids import new_id
from app.records.tables import idempotency


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What the first request with this key was answered."""

    status: int
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The right to do the work of a key: ``token`` proves it until somebody claims the key anew."""

    who: str
    key: str
    token: str


def claim_key(
    connection: sa.Connection, who: str, key: str, request_sha256: str, *, at: datetime, lease: timedelta
) -> FirstAnswer | KeyClaim:
    """Claim a key for this request, or give the first answer.

    Raises:
        IdempotencyConflict: the key was used with another body.
        IdempotencyInProgress: the first request is still at work.
    """
    mine = sa.and_(idempotency.c.who == who, idempotency.c.key == key)
    claim = KeyClaim(who, key, new_id("req"))
    held = {"claim_until": at + lease, "claim_token": claim.token}
    row = connection.execute(sa.select(idempotency).where(mine).with_for_update()).one_or_none()
    if row is None:
        values = {"request_sha256": request_sha256, "status": 0, "created_at": at, **held}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(idempotency).values(who=who, key=key, **values))
        except sa.exc.IntegrityError as error:
            raise IdempotencyInProgress("The first request with this key is still at work.") from error
        return claim
    if row.request_sha256 != request_sha256:
        raise IdempotencyConflict("This Idempotency-Key came before with another request.", key=key)
    if row.status:
        return FirstAnswer(row.status, row.answer)
    if row.claim_until > at:
        raise IdempotencyInProgress("The first request with this key is still at work.", key=key)
    connection.execute(sa.update(idempotency).where(mine).values(held))
    return claim


def _held(claim: KeyClaim) -> sa.ColumnElement[bool]:
    return sa.and_(
        idempotency.c.who == claim.who,
        idempotency.c.key == claim.key,
        idempotency.c.status == 0,
        idempotency.c.claim_token == claim.token,
    )


def settle_key(connection: sa.Connection, claim: KeyClaim, status: int, answer: dict[str, Any]) -> None:
    """Keep the first answer, in the transaction that created the thing.

    Raises:
        IdempotencyInProgress: a repeat took the key over; the transaction must not be committed.
    """
    values = {"status": status, "answer": answer, "claim_until": None, "claim_token": None}
    if connection.execute(sa.update(idempotency).where(_held(claim)).values(values)).rowcount != 1:
        raise IdempotencyInProgress(
            "This request took so long that a repeat of it took over: that one's answer counts; nothing more was created here.",
            key=claim.key,
        )


def release_key(connection: sa.Connection, claim: KeyClaim) -> None:
    """Forget a claim whose request failed and created nothing, so that a repeat may succeed."""
    connection.execute(sa.delete(idempotency).where(_held(claim)))
