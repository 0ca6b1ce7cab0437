"""What OpenMarket posts to us: kept as it came, worked on after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound
from app.model.ids import new_id
from app.model.messages import Inbound
from app.records.tables import attempts, callbacks, inbound, suppressions


@dataclass(frozen=True, slots=True)
class Posted:
    """What one POST brought."""

    body: bytes
    content_type: str
    request_id: str


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


def add_callbacks(connection: sa.Connection, posted: Sequence[Posted], *, at: datetime) -> list[str]:
    """Store POSTs before anything is made of them.

    Returns:
        their ids.
    """
    ids = [new_id("rpt") for _ in posted]
    connection.execute(
        sa.insert(callbacks),
        [
            {
                "id": callback_id,
                "received_at": at,
                "content_type": each.content_type[:300],
                "request_id": each.request_id[:200],
                "body": each.body,
                "state": "new",
                "problem": "",
                "mt_id": "",
            }
            for callback_id, each in zip(ids, posted, strict=True)
        ],
    )
    return ids


def new_callbacks(connection: sa.Connection, *, limit: int = 50) -> list[Callback]:
    """List what nobody has looked at yet, in the order it came.

    What may be an inbound message (those are multipart) comes first: a STOP does not wait behind thousands of reports.
    """
    new = sa.select(callbacks).where(callbacks.c.state == "new").limit(limit)
    inbound_first = new.where(callbacks.c.content_type.ilike("multipart/%")).order_by(callbacks.c.id)
    found = connection.execute(inbound_first).all()
    return [
        _callback(row) for row in found or connection.execute(new.order_by(callbacks.c.received_at, callbacks.c.id))
    ]


def matched_callbacks(connection: sa.Connection, *, since: datetime, limit: int = 50) -> list[Callback]:
    """List reports that came since then before we knew their mtId, and whose mtId we know by now."""
    query = (
        sa.select(callbacks)
        .where(
            callbacks.c.state == "unmatched",
            callbacks.c.received_at > since,
            sa.exists().where(attempts.c.mt_id == callbacks.c.mt_id),
        )
        .order_by(callbacks.c.received_at, callbacks.c.id)
        .limit(limit)
    )
    return [_callback(row) for row in connection.execute(query)]


def _callback(row: sa.Row[Any]) -> Callback:
    return Callback(row.id, row.received_at, row.content_type, row.request_id, row.body, row.state)


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
    return [_callback(row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of one POST; ``state`` as in :class:`Callback`."""

    callback_id: str
    state: str
    problem: str = ""
    mt_id: str = ""


_SETTLE = (
    sa.update(callbacks)
    .where(callbacks.c.id == sa.bindparam("this"))
    .values(state=sa.bindparam("then"), problem=sa.bindparam("why"), mt_id=sa.bindparam("named"))
)


def settle_callbacks(connection: sa.Connection, made: Sequence[Made]) -> None:
    """Say what was made of some POSTs."""
    rows = [
        {"this": each.callback_id, "then": each.state, "why": each.problem, "named": each.mt_id[:40]} for each in made
    ]
    connection.execute(_SETTLE, rows)


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
    return _callback(row)


def list_inbound(connection: sa.Connection, *, before: str = "", limit: int = 50) -> list[KeptInbound]:
    """List inbound messages, newest first; ``before`` is the id of the last one of the page above."""
    query = _KEPT.order_by(inbound.c.id.desc()).limit(limit)
    if before:
        query = query.where(inbound.c.id < before)
    return [KeptInbound(**row._asdict()) for row in connection.execute(query)]


_KEPT: sa.Select[Any] = sa.select(*[inbound.c[name] for name in KeptInbound.__dataclass_fields__])


def get_inbound(connection: sa.Connection, inbound_id: str) -> KeptInbound:
    """Read one inbound message.

    Raises:
        NotFound: no such message.
    """
    row = connection.execute(_KEPT.where(inbound.c.id == inbound_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no inbound message {inbound_id[:60]}.", id=inbound_id[:60])
    return KeptInbound(**row._asdict())


def last_keyword(connection: sa.Connection, number: str) -> str:
    """Tell which of *stop* and *start* a number said last: by the time of saying it, since a POST may come late."""
    said_at = sa.case((inbound.c.sent_at < inbound.c.received_at, inbound.c.sent_at), else_=inbound.c.received_at)
    query = (
        sa.select(inbound.c.judged)
        .where(inbound.c.source == number, inbound.c.judged.in_(["stop", "start"]))
        .order_by(said_at.desc(), inbound.c.callback_id.desc())
        .limit(1)
    )
    return connection.scalar(query) or ""


def inbound_that_waits(connection: sa.Connection, *, limit: int = 50) -> list[KeptInbound]:
    """List the messages that sounded like a stop and whose numbers are suppressed until a person decides; the oldest first."""
    theirs = suppressions.c.number == inbound.c.source
    query = (
        _KEPT.join(suppressions, theirs)
        .where(suppressions.c.reason == "phrase", inbound.c.judged == "stop_like")
        .order_by(inbound.c.id)
        .limit(limit)
    )
    return [KeptInbound(**row._asdict()) for row in connection.execute(query)]
