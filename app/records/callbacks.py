"""What OpenMarket posts to us: kept as it came, worked on after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound
from app.model.ids import new_id
from app.model.messages import Inbound
from app.records.tables import attempts, callbacks, inbound


@dataclass(frozen=True, slots=True)
class Callback:
    """One POST as it came; ``state`` is new, settled, unmatched or unreadable."""

    id: str
    received_at: datetime
    content_type: str
    request_id: str
    body: bytes
    state: str


@dataclass(frozen=True, slots=True)
class KeptInbound:
    """An inbound message as shown: text, and the types of its other parts."""

    id: str
    mo_id: str
    source: str
    destinations: list[str]
    received_at: datetime
    sent_at: datetime | None
    operator_id: int | None
    subject: str
    text: str
    part_types: list[str]
    judged: str


def add_callback(connection: sa.Connection, body: bytes, *, content_type: str, request_id: str, at: datetime) -> str:
    """Store a POST before anything is made of it.

    Returns:
        its id.
    """
    callback_id = new_id("rpt")
    connection.execute(
        sa.insert(callbacks).values(
            id=callback_id,
            received_at=at,
            content_type=content_type[:300],
            request_id=request_id[:200],
            body=body,
            state="new",
            problem="",
            mt_id="",
        )
    )
    return callback_id


def callbacks_to_settle(
    connection: sa.Connection, *, at: datetime, limit: int = 50, unmatched_hours: int = 96
) -> Sequence[Callback]:
    """List what is new, and reports of the last days whose mtId we have come to know."""
    waiting = sa.or_(
        callbacks.c.state == "new",
        sa.and_(
            callbacks.c.state == "unmatched",
            callbacks.c.received_at > at - timedelta(hours=unmatched_hours),
            callbacks.c.mt_id.in_(sa.select(attempts.c.mt_id)),
        ),
    )
    query = sa.select(callbacks).where(waiting).order_by(callbacks.c.state, callbacks.c.id).limit(limit)
    return [
        Callback(row.id, row.received_at, row.content_type, row.request_id, row.body, row.state)
        for row in connection.execute(query)
    ]


def lock_callbacks(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Lock those of these POSTs that nobody else works on, or has worked on since they were listed."""
    query = (
        sa.select(callbacks.c.id)
        .where(callbacks.c.id.in_(ids), callbacks.c.state.in_(["new", "unmatched"]))
        .with_for_update(skip_locked=True)
    )
    return set(connection.scalars(query))


def callbacks_since(connection: sa.Connection, at: datetime, *, limit: int = 2_000) -> Sequence[Callback]:
    """List everything that was posted to us since then, whatever was made of it, oldest first."""
    query = sa.select(callbacks).where(callbacks.c.received_at >= at).order_by(callbacks.c.id).limit(limit)
    return [
        Callback(row.id, row.received_at, row.content_type, row.request_id, row.body, row.state)
        for row in connection.execute(query)
    ]


def settle_callback(
    connection: sa.Connection, callback_id: str, state: str, *, problem: str = "", mt_id: str = ""
) -> None:
    """Say what was made of a POST."""
    connection.execute(
        sa.update(callbacks).where(callbacks.c.id == callback_id).values(state=state, problem=problem, mt_id=mt_id[:40])
    )


def add_inbound(
    connection: sa.Connection, callback_id: str, message: Inbound, *, judged: str, at: datetime
) -> str | None:
    """Keep an inbound message once, however often it is posted; one without a moId is never taken for another.

    Returns:
        its id, or None when it is not new.
    """
    mo_id = message.mo_id[:40] or callback_id
    inbound_id = new_id("mo")
    row = {
        "id": inbound_id,
        "callback_id": callback_id,
        "mo_id": mo_id,
        "source": message.source[:20],
        "destinations": list(message.destinations),
        "received_at": at,
        "sent_at": message.sent_at,
        "operator_id": message.operator_id,
        "subject": message.subject,
        "user_agent": message.user_agent[:300],
        "text": message.text,
        "part_types": [part.content_type for part in message.parts],
        "judged": judged,
    }
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(inbound).values(row))
    except sa.exc.IntegrityError:
        return None
    return inbound_id


def callback_of_inbound(connection: sa.Connection, inbound_id: str) -> Callback:
    """Read the POST that an inbound message came in, as it came.

    Raises:
        NotFound: no such message.
    """
    query = (
        sa.select(callbacks).join(inbound, inbound.c.callback_id == callbacks.c.id).where(inbound.c.id == inbound_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no inbound message {inbound_id[:60]}.", id=inbound_id[:60])
    return Callback(row.id, row.received_at, row.content_type, row.request_id, row.body, row.state)


def list_inbound(connection: sa.Connection, *, before: str = "", limit: int = 50) -> list[KeptInbound]:
    """List inbound messages, newest first; ``before`` is the id of the last one of the page above."""
    names = list(KeptInbound.__dataclass_fields__)
    query: sa.Select[Any] = sa.select(*[inbound.c[name] for name in names]).order_by(inbound.c.id.desc()).limit(limit)
    if before:
        query = query.where(inbound.c.id < before)
    return [KeptInbound(**row._asdict()) for row in connection.execute(query)]
