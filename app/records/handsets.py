"""What a number told us of its handset and its operator; the number itself is not kept here, only a keyed hash of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.records.tables import handsets

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Handset:
    """The last word on each: ``user_agent`` with the time it was told, ``operator_id`` as OpenMarket numbers operators."""

    user_agent: str
    user_agent_at: datetime | None
    operator_id: int | None
    operator_at: datetime | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """What one POST told at a time ``at``; an empty ``user_agent`` and None say nothing."""

    number_hash: str
    at: datetime
    user_agent: str = ""
    operator_id: int | None = None


def learn_handsets(connection: sa.Connection, learnt: Iterable[Learnt]) -> None:
    """Remember what was told; a later word stands, and silence takes nothing away."""
    told = sorted((each for each in learnt if each.user_agent or each.operator_id is not None), key=_by_hash)
    if not told:
        return
    # Sorted: two workers that lock the rows of the same handsets must not wait for each other in a circle.
    query = (
        sa.select(handsets)
        .where(handsets.c.number_hash.in_({each.number_hash for each in told}))
        .order_by(handsets.c.number_hash)
        .with_for_update()
    )
    known = {row.number_hash: row._asdict() for row in connection.execute(query)}
    new: dict[str, dict[str, Any]] = {}
    for each in told:
        row = known.get(each.number_hash) or new.setdefault(each.number_hash, _silent(each.number_hash))
        if each.user_agent and _is_later(each.at, row["user_agent_at"]):
            row |= {"user_agent": each.user_agent[:300], "user_agent_at": each.at}
        if each.operator_id is not None and _is_later(each.at, row["operator_at"]):
            row |= {"operator_id": each.operator_id, "operator_at": each.at}
    if known:
        connection.execute(_LEARN, [{f"new_{name}": value for name, value in row.items()} for row in known.values()])
    if new:
        _add(connection, list(new.values()))


_LEARN = (
    sa.update(handsets)
    .where(handsets.c.number_hash == sa.bindparam("new_number_hash"))
    .values(
        {name: sa.bindparam(f"new_{name}") for name in ("user_agent", "user_agent_at", "operator_id", "operator_at")}
    )
)


def _by_hash(learnt: Learnt) -> str:
    return learnt.number_hash


def _silent(number_hash: str) -> dict[str, Any]:
    return {
        "number_hash": number_hash,
        "user_agent": "",
        "user_agent_at": None,
        "operator_id": None,
        "operator_at": None,
    }


def _is_later(at: datetime, told_at: datetime | None) -> bool:
    return told_at is None or told_at <= at


def _add(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows; one that another worker added at the same moment stands as that one wrote it."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(handsets), rows)
    except sa.exc.IntegrityError:
        if len(rows) > 1:
            for row in rows:
                _add(connection, [row])


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
