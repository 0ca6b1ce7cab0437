"""What is kept for some time only: each call forgets one batch, so that no transaction holds a lock for long.

POSTs and answers lose their bytes, not their rows: reports, inbound messages and attempts, which were made of them, stay. How far
that went stands in a row of its own, by id (ids sort by time), so that no batch looks at what is done.
"""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from app.records.tables import attempts, audit, callbacks, forgotten, idempotency, jobs, uploads

Forget = Callable[[sa.Connection, datetime, int], int]
"""Forgets at most so many rows from before that time, and tells how many it looked at: fewer than allowed = nothing is left."""


def _first_id(prefix: str, at: datetime) -> str:
    """Make the lowest id that can have been made at ``at``; see model/ids.py."""
    return f"{prefix}_{int(at.timestamp() * 1000):012x}"


def _next_ids(connection: sa.Connection, table: sa.Table, before_id: str, limit: int) -> list[str]:
    """Name the next rows to be emptied, and write down that they are."""
    query = sa.select(forgotten.c.up_to_id).where(forgotten.c.name == table.name).with_for_update()
    done = connection.scalar(query)
    ids = sa.select(table.c.id).where(table.c.id > (done or ""), table.c.id < before_id).order_by(table.c.id)
    found = list(connection.scalars(ids.limit(limit)))
    if found and done is None:
        connection.execute(sa.insert(forgotten).values(name=table.name, up_to_id=found[-1]))
    elif found:
        connection.execute(sa.update(forgotten).where(forgotten.c.name == table.name).values(up_to_id=found[-1]))
    return found


def empty_callbacks(connection: sa.Connection, before: datetime, limit: int) -> int:
    """Drop the bytes of old POSTs; one that nobody has worked on yet keeps them."""
    ids = _next_ids(connection, callbacks, _first_id("rpt", before), limit)
    connection.execute(sa.update(callbacks).where(callbacks.c.id.in_(ids), callbacks.c.state != "new").values(body=b""))
    return len(ids)


def empty_answers(connection: sa.Connection, before: datetime, limit: int) -> int:
    """Drop the text of old answers; status, code, description and ids stay."""
    ids = _next_ids(connection, attempts, _first_id("att", before), limit)
    connection.execute(sa.update(attempts).where(attempts.c.id.in_(ids)).values(answer=""))
    return len(ids)


def forget_keys(connection: sa.Connection, before: datetime, limit: int) -> int:
    """Drop first answers; a request that is still at work keeps its claim."""
    row = sa.tuple_(idempotency.c.who, idempotency.c.key)
    old = sa.and_(
        idempotency.c.created_at < before,
        sa.or_(idempotency.c.claim_until.is_(None), idempotency.c.claim_until < before),
    )
    doomed = sa.select(idempotency.c.who, idempotency.c.key).where(old).limit(limit)
    return connection.execute(sa.delete(idempotency).where(row.in_(doomed))).rowcount


def forget_jobs(connection: sa.Connection, before: datetime, limit: int) -> int:
    """Drop jobs that ended."""
    old = sa.and_(jobs.c.finished_at < before, jobs.c.state.in_(["done", "failed"]))
    return _delete(connection, jobs, old, limit)


def forget_uploads(connection: sa.Connection, before: datetime, limit: int) -> int:
    """Drop the rows of announced uploads; what they left in the store went after a day."""
    return _delete(connection, uploads, uploads.c.created_at < before, limit)


def forget_audit(connection: sa.Connection, before: datetime, limit: int) -> int:
    """Drop entries of the audit; what was taken down stays blocked."""
    return _delete(connection, audit, audit.c.id < _first_id("aud", before), limit)


def _delete(connection: sa.Connection, table: sa.Table, old: sa.ColumnElement[bool], limit: int) -> int:
    doomed = sa.select(table.c.id).where(old).limit(limit)
    return connection.execute(sa.delete(table).where(table.c.id.in_(doomed))).rowcount
