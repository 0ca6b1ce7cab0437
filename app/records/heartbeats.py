"""Which workers were seen at work, and when, by the database's clock: a row a process, that it writes again and again."""

import socket
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.records.tables import heartbeats

ALIVE_SECONDS = 60
"""Silent for longer = hung, or gone without a word; a worker beats every ten seconds."""
_REMEMBERED = timedelta(days=1)


def worker_name(pid: int) -> str:
    """Name a worker process: its machine or container, and its number there."""
    return f"{socket.gethostname()}:{pid}"


def begin_beating(connection: sa.Connection, name: str, *, at: datetime) -> None:
    """Write the first beat of a process, and forget those that have been silent for a day."""
    gone = sa.or_(heartbeats.c.name == name, heartbeats.c.at < at - _REMEMBERED)
    connection.execute(sa.delete(heartbeats).where(gone))
    connection.execute(sa.insert(heartbeats).values(name=name, started_at=at, at=at))


def beat(connection: sa.Connection, name: str, *, at: datetime) -> None:
    """Say that a process is at work."""
    connection.execute(sa.update(heartbeats).where(heartbeats.c.name == name).values(at=at))


def stop_beating(connection: sa.Connection, name: str) -> None:
    """Forget a process that ended in order."""
    connection.execute(sa.delete(heartbeats).where(heartbeats.c.name == name))


def silent_seconds(connection: sa.Connection, *, at: datetime) -> dict[str, float]:
    """Tell for how many seconds each worker has been silent."""
    rows = connection.execute(sa.select(heartbeats.c.name, heartbeats.c.at))
    return {row.name: max(0.0, (at - row.at).total_seconds()) for row in rows}


def silent_of_this_machine(connection: sa.Connection, *, at: datetime) -> dict[str, float]:
    """Tell the same of the workers of this machine or container; none where no schema was made yet."""
    if not sa.inspect(connection).has_table(heartbeats.name):
        return {}
    here = worker_name(0).removesuffix("0")
    return {name: seconds for name, seconds in silent_seconds(connection, at=at).items() if name.startswith(here)}
