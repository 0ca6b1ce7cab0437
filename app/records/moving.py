"""Moving to another database: every row into an empty one, from SQLite to PostgreSQL or back, whole or not at all."""

import sqlalchemy as sa

from app.errors import CannotStart, RecordsInconsistent
from app.records.database import Database
from app.records.heartbeats import ALIVE_SECONDS, silent_seconds
from app.records.migrate import migrate, require_current_schema
from app.records.tables import heartbeats, metadata

BATCH_ROWS = 1_000
_LEFT_OUT = frozenset({heartbeats.name})
"""Of processes that work on the old database."""


def copy_rows(source: Database, target: Database) -> dict[str, int]:
    """Copy all rows; the source is read only, and while it is SQLite nobody writes to it meanwhile.

    Args:
        source: at this version's schema, and no worker at work on it.
        target: brought to this version's schema here; without a row.

    Returns:
        the number of rows by table, in the order of copying: what is referred to comes first.

    Raises:
        CannotStart: the source is in use or of another version, or the target is not empty; nothing was copied.
        RecordsInconsistent: not every row arrived; nothing was kept.
    """
    require_current_schema(source)
    migrate(target)
    with source.write() as old, target.write() as new:
        _require_still(source, old)
        _require_empty(new)
        counts = {table.name: _copy(table, old, new) for table in metadata.sorted_tables if table.name not in _LEFT_OUT}
        arrived = {name: _count(new, metadata.tables[name]) for name in counts}
        if arrived != counts:
            raise RecordsInconsistent("Not every row arrived in the new database; nothing was kept.", arrived=arrived)
    return counts


def _require_still(source: Database, connection: sa.Connection) -> None:
    silent = silent_seconds(connection, at=source.now(connection))
    if busy := sorted(name for name, seconds in silent.items() if seconds <= ALIVE_SECONDS):
        raise CannotStart(
            f"A worker is at work on the old database ({', '.join(busy)}): stop every web and worker first. One that was killed "
            f"counts as at work for {ALIVE_SECONDS} seconds."
        )


def _require_empty(connection: sa.Connection) -> None:
    used = [table.name for table in metadata.sorted_tables if _count(connection, table)]
    if used:
        raise CannotStart(f"The new database is not empty: there are rows in {', '.join(used)}. Name an empty one.")


def _copy(table: sa.Table, old: sa.Connection, new: sa.Connection) -> int:
    count = 0
    rows = old.execution_options(yield_per=BATCH_ROWS).execute(sa.select(table))
    for batch in rows.mappings().partitions(BATCH_ROWS):
        new.execute(sa.insert(table), [dict(row) for row in batch])
        count += len(batch)
    return count


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
