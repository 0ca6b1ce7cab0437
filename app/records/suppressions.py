"""Numbers that must not be sent to."""

from collections.abc import Iterable, Mapping, Sequence
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


_NUMBERS_AT_ONCE = 1_000
_MOST_DIGITS = 15  # of a number (E.164)
_STRENGTH = {"keyword": 0, "phrase": 1, "person": 2}


def add_suppressions(
    connection: sa.Connection, numbers: Iterable[str], *, reason: str, note: str, created_by: str, at: datetime
) -> int:
    """Suppress numbers; a stronger reason replaces a weaker one, never the other way round.

    Returns:
        how many were not suppressed before.
    """
    wanted = list(dict.fromkeys(numbers))
    known = reasons_of(connection, wanted)
    values = {"reason": reason, "note": note, "created_by": created_by, "created_at": at}
    for number, weaker in known.items():
        if _STRENGTH[reason] > _STRENGTH[weaker]:
            _suppress(connection, number, values)
    fresh = [number for number in wanted if number not in known]
    try:
        with connection.begin_nested():
            if fresh:
                connection.execute(sa.insert(suppressions), [{"number": number, **values} for number in fresh])
    except sa.exc.IntegrityError:  # somebody else suppressed one of them at the same moment
        return sum(_suppress(connection, number, values) for number in fresh)
    return len(fresh)


def _suppress(connection: sa.Connection, number: str, values: Mapping[str, Any]) -> bool:
    """Suppress one number; tell whether it was not before."""
    mine = suppressions.c.number == number
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(suppressions).values(number=number, **values))
    except sa.exc.IntegrityError:
        known = connection.scalar(sa.select(suppressions.c.reason).where(mine).with_for_update())
        if known is not None and _STRENGTH[values["reason"]] > _STRENGTH[known]:
            connection.execute(sa.update(suppressions).where(mine).values(values))
        return False
    return True


def remove_suppression(connection: sa.Connection, number: str, *, only_reason: str = "") -> bool:
    """Let a number be sent to again; ``only_reason`` limits it to one kind (START undoes only a keyword stop)."""
    query = sa.delete(suppressions).where(suppressions.c.number == number)
    if only_reason:
        query = query.where(suppressions.c.reason == only_reason)
    return connection.execute(query).rowcount == 1


def leave_to_keyword(connection: sa.Connection, number: str) -> None:
    """Let a suppression that waited for a person be that of the number's own STOP again."""
    waits = sa.and_(suppressions.c.number == number, suppressions.c.reason == "phrase")
    connection.execute(sa.update(suppressions).where(waits).values(reason="keyword"))


def reasons_of(connection: sa.Connection, numbers: Iterable[str]) -> dict[str, str]:
    """Map those of some numbers that are suppressed to the reason; in their order, however many they are."""
    asked = list(dict.fromkeys(numbers))
    found: dict[str, str] = {}
    for start in range(0, len(asked), _NUMBERS_AT_ONCE):
        some = suppressions.c.number.in_(asked[start : start + _NUMBERS_AT_ONCE])
        query = sa.select(suppressions.c.number, suppressions.c.reason).where(some)
        found |= {row.number: row.reason for row in connection.execute(query)}
    return {number: found[number] for number in asked if number in found}


def list_suppressions(
    connection: sa.Connection, *, after: str = "", beginning: str = "", limit: int = 100
) -> Sequence[Suppression]:
    """List by number; ``after`` is the last number of the page above, ``beginning`` digits that each begins with."""
    query = sa.select(suppressions).where(suppressions.c.number > after).order_by(suppressions.c.number).limit(limit)
    if beginning:
        # Digits alone are compared: where other signs sort is a matter of the database's collation.
        query = query.where(suppressions.c.number.between(beginning, beginning.ljust(_MOST_DIGITS, "9")))
    return [_suppression(row) for row in connection.execute(query)]


def count_suppressions(connection: sa.Connection) -> int:
    """Count the numbers that must not be sent to."""
    return connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) or 0


def _suppression(row: sa.Row[Any]) -> Suppression:
    return Suppression(row.number, row.reason, row.note, row.created_at, row.created_by)
