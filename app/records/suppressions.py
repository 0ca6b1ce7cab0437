"""Numbers that must not be sent to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.records.tables import suppressions


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a number is not sent to: reason is ``keyword`` (undone by START), ``phrase`` (waits for a person) or ``person``."""

    number: str
    reason: str
    note: str
    created_at: datetime
    created_by: str


_STRENGTH = {"keyword": 0, "phrase": 1, "person": 2}


def add_suppressions(
    connection: sa.Connection, numbers: Iterable[str], *, reason: str, note: str, created_by: str, at: datetime
) -> int:
    """Suppress numbers; a stronger reason replaces a weaker one, never the other way round.

    Returns:
        how many were not suppressed before.
    """
    added = 0
    for number in dict.fromkeys(numbers):
        values = {"reason": reason, "note": note, "created_by": created_by, "created_at": at}
        known = connection.scalar(sa.select(suppressions.c.reason).where(suppressions.c.number == number))
        if known is None:
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(suppressions).values(number=number, **values))
                added += 1
            except sa.exc.IntegrityError:
                continue
        elif _STRENGTH[reason] > _STRENGTH[known]:
            connection.execute(sa.update(suppressions).where(suppressions.c.number == number).values(values))
    return added


def remove_suppression(connection: sa.Connection, number: str, *, only_reason: str = "") -> bool:
    """Let a number be sent to again; ``only_reason`` limits it to one kind (START undoes only a keyword stop)."""
    query = sa.delete(suppressions).where(suppressions.c.number == number)
    if only_reason:
        query = query.where(suppressions.c.reason == only_reason)
    return connection.execute(query).rowcount == 1


def list_suppressions(connection: sa.Connection, *, after: str = "", limit: int = 100) -> Sequence[Suppression]:
    """List by number; ``after`` is the last number of the page above."""
    query = sa.select(suppressions).where(suppressions.c.number > after).order_by(suppressions.c.number).limit(limit)
    return [_suppression(row) for row in connection.execute(query)]


def _suppression(row: sa.Row[Any]) -> Suppression:
    return Suppression(row.number, row.reason, row.note, row.created_at, row.created_by)
