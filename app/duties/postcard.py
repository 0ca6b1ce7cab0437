"""What the path works with, put together once by wiring."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, ParamSpec, Protocol, TypeVar

from app.duties.recent import RecentStarts
from app.model.ports import Gateway, Queue, Store
from app.records.database import Connection, Database
from app.records.jobs import ensure_job
from app.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
JobKind = Literal[
    "fit_asset", "start_campaign", "send_campaign", "settle_reports", "delete_objects", "erase_object", "take_upload"
]


class Decoders(Protocol):
    """Where untrusted bytes are decoded: confine's pool."""

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a module-level function in a confined process and give its result or its error."""

    def run_watched(self, watch: Callable[[], None], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do so and call ``watch`` some times a second meanwhile; what it raises ends the process and leaves here."""


@dataclass
class Change:
    """A write transaction under way: its connection, its time by the database's clock, and jobs to announce after it."""

    connection: Connection
    at: datetime
    announced: list[str] = field(default_factory=list)

    def job(self, kind: JobKind, subject: str, *, after: timedelta = timedelta(0), at: datetime | None = None) -> None:
        """Make sure that a job is due; it is announced once the transaction is committed, unless it is for later."""
        not_before = max(at, self.at) if at else self.at + after
        serial = kind in {"start_campaign", "send_campaign", "delete_objects"}
        job_id = ensure_job(self.connection, kind, subject, at=self.at, not_before=not_before, serial=serial)
        if not_before <= self.at:
            self.announced.append(job_id)


@dataclass(frozen=True)
class Postcard:
    """Settings, and the parts that stand behind the path."""

    settings: Settings
    database: Database
    store: Store
    gateway: Gateway
    queue: Queue
    decoders: Decoders
    spool_dir: Path
    # Set when this process is asked to stop: nothing more leaves, what is under way is waited for.
    stopping: threading.Event = field(default_factory=threading.Event)
    # What started in the last second, over all campaigns of this process.
    recent_starts: RecentStarts = field(default_factory=RecentStarts)
    # How many campaigns this process may send at once; the other threads are for reports, uploads and the rest.
    sending: threading.Semaphore = field(default_factory=lambda: threading.BoundedSemaphore(1))

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Change rows in one transaction; what became due is announced after the commit, never before."""
        with self.database.write() as connection:
            change = Change(connection, self.database.now(connection))
            yield change
        for job_id in change.announced:
            self.queue.announce(job_id)
