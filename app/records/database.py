"""The engine and its transactions.

SQLite: WAL, synchronous=FULL (the mark *sending* must be durable before a byte leaves), foreign keys, BEGIN IMMEDIATE for
writes so that a reader never has to upgrade, and a busy time-out. PostgreSQL: READ COMMITTED with row locks where a function
says so. No function in records talks to the network, so a transaction is never open while we wait for somebody else.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from app.errors import CannotStart, DatabaseBusy, DiskFull
from app.model.ports import Clock

_LOOK_AGAIN_SECONDS = 0.001
_PRIMARY_CODE = 0xFF  # of SQLite's extended result codes
# PostgreSQL: serialization failure, deadlock, lock not available, query cancelled, shutting down.
_BUSY_SQLSTATES = frozenset({"40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03"})


Connection = sa.Connection


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime in UTC on both databases; SQLite keeps it as text without a zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Turn an aware time to UTC.

        Raises:
            ValueError: the time has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One database. Thread-safe; one per process, made after any fork.

    Args:
        url: SQLAlchemy URL, sqlite:/// or postgresql+psycopg://.
        busy_seconds: how long to wait for a lock.
        clock: tests move time with it; None = the database's own clock, one truth for all machines.
    """

    def __init__(self, url: str, *, busy_seconds: float = 10.0, clock: Clock | None = None) -> None:
        self.url = sa.make_url(url)
        self.clock = clock
        self._open = threading.local()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = _sqlite_engine(self.url, busy_seconds)
        else:
            milliseconds = int(busy_seconds * 1000)
            self.engine = sa.create_engine(
                self.url,
                hide_parameters=True,  # an error that is logged would name numbers and texts
                pool_size=20,
                max_overflow=20,
                pool_timeout=busy_seconds,
                pool_pre_ping=True,
                connect_args={
                    "options": f"-c lock_timeout={milliseconds} -c idle_in_transaction_session_timeout=30000",
                    "connect_timeout": max(2, int(busy_seconds)),
                },
            )

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only looks.

        Raises:
            DatabaseBusy: locked or away.
        """
        with _foreign_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that changes rows; committed at the end, rolled back by any exception.

        Raises:
            DatabaseBusy: locked or away; nothing was changed.
        """
        with (
            _foreign_errors(),
            self.engine.connect().execution_options(postcard_write=True) as connection,
            connection.begin(),
        ):
            self._open.write = True
            try:
                yield connection
            finally:
                self._open.write = False

    @property
    def is_writing(self) -> bool:
        """Whether this thread is inside a write transaction: no network call may be made then, and a test looks."""
        return getattr(self._open, "write", False)

    def now(self, connection: sa.Connection) -> datetime:
        """Tell the time by the database's clock, aware, UTC."""
        if self.clock is not None:
            return self.clock.now()
        if self.is_sqlite:
            text = connection.exec_driver_sql("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").scalar_one()
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        at: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return at.astimezone(UTC)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def savepoint(connection: sa.Connection) -> Iterator[None]:
    """Do something in a transaction whole or not at all: an error inside undoes this part alone."""
    with connection.begin_nested():
        yield


def _sqlite_engine(url: sa.URL, busy_seconds: float) -> sa.Engine:
    folder = Path(url.database or "").parent
    if not folder.is_dir():
        raise CannotStart(f"The folder of the database does not exist: {folder}", folder=str(folder))
    engine = sa.create_engine(
        url, hide_parameters=True, connect_args={"timeout": busy_seconds}, pool_size=20, max_overflow=20
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("postcard_write"):
            _begin_write(connection, busy_seconds)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_write(connection: sa.Connection, busy_seconds: float) -> None:
    """Take SQLite's one lock for writing as soon as it is free.

    Its own waiting looks again after 1, 2, 5, 10, 15, 20, 25 and more milliseconds: beside a process that writes again and
    again it sleeps through the gaps, a third of a second at the 99th percentile.

    Raises:
        OperationalError: it was not free for ``busy_seconds``, or something else is wrong; nothing was begun.
    """
    driver: Any = connection.connection.dbapi_connection
    until = time.monotonic() + busy_seconds
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while time.monotonic() < until:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY:
                    break
                time.sleep(_LOOK_AGAIN_SECONDS)
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the last try: what it raises is SQLAlchemy's
    finally:
        driver.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")


@contextmanager
def _foreign_errors() -> Iterator[None]:
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise DatabaseBusy("All connections to the database are in use.") from error
    except (OperationalError, InterfaceError) as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise DiskFull("The disk of the database is full; nothing was changed.") from error
        raise DatabaseBusy("The database is locked or cannot be reached; nothing was changed.") from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _BUSY_SQLSTATES:
            raise DatabaseBusy("The database is busy; nothing was changed.") from error
        raise
