"""What a message costs on the whole path: claimed, marked, composed, sent, answered and written down, in SQLite.

A text campaign of many recipients, worked off in one thread as a worker does it, against the fast gateway. The rate that
the account permits should be used: at least 98 % of it, whatever the answer time.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import create_autospec

from app.confine import DecoderPool
from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.duties.recipients import senders_of
from app.host.s3 import S3Store
from app.model.messages import TextPart
from app.model.status import CampaignState
from app.records.campaigns import get_campaign
from app.records.database import Database
from app.records.jobs import due_jobs
from app.records.migrate import migrate
from app.records.senders import sync_senders
from app.send.gateway import OpenMarketGateway
from app.settings import read_settings
from app.telemetry import configure_logging
from app.wiring import completed
from app.work.claiming import do_job
from bench.send import running_gateway
from bench.spent import Row, make_row


@dataclass
class _Silent:
    """A queue that announces nothing: the jobs are looked up."""

    announced: list[str] = field(default_factory=list)

    def announce(self, job_id: str) -> None:
        self.announced.append(job_id)


def environment_of(folder: str, url: str, *, tps: int, connections: int) -> dict[str, str]:
    """Name the settings of a Postcard with a data folder of its own, for this process or for others."""
    return {
        "POSTCARD_DATA_DIR": folder,
        "POSTCARD_OPENMARKET_ENDPOINTS": url,
        "POSTCARD_OPENMARKET_SOURCES": "US:88600/config1",
        "POSTCARD_OPENMARKET_TPS": str(tps),
        "POSTCARD_OPENMARKET_CONNECTIONS": str(connections),
        "POSTCARD_CALLBACK_SECRET": "callback-secret-of-the-bench",
        "POSTCARD_SECRET_KEY": "the key of the bench, long enough to sign",
    }


@contextmanager
def assembled(url: str, *, tps: int, connections: int) -> Iterator[Postcard]:
    """Put the path together on a new SQLite file; a text campaign asks nothing of store and decoders."""
    with tempfile.TemporaryDirectory() as folder:
        settings = completed(read_settings(environment_of(folder, url, tps=tps, connections=connections))[0])
        database = Database(settings.database.url, busy_seconds=5)
        migrate(database)
        with database.write() as connection:
            sync_senders(connection, senders_of(settings.openmarket), at=database.now(connection))
        gateway = OpenMarketGateway(settings.openmarket)
        store = create_autospec(S3Store, instance=True)
        store.lifecycle_days.return_value = None
        decoders = create_autospec(DecoderPool, instance=True)
        yield Postcard(settings, database, store, gateway, _Silent(), decoders, Path(folder))
        gateway.close()
        database.close()


def work_off(post: Postcard, campaign_id: str) -> None:
    """Do every job that is due until the campaign is finished."""
    while True:
        with post.database.read() as connection:
            state = get_campaign(connection, campaign_id).state
            due = due_jobs(connection, at=post.database.now(connection))
        if state is CampaignState.FINISHED:
            return
        assert state in {CampaignState.PREPARING, CampaignState.RUNNING}, state
        for job_id in due:
            do_job(post, job_id)
        if not due:
            time.sleep(0.01)


def measure_path(url: str, count: int, *, tps: int, connections: int) -> tuple[float, float]:
    """Work off a campaign of ``count`` messages.

    Returns:
        CPU microseconds a message, and the share of the permitted rate that was used.
    """
    with assembled(url, tps=tps, connections=connections) as post:
        numbers = [f"1251{5_550_000 + number}" for number in range(count)]
        order = Order(parts=(TextPart("Hello! " * 120),), recipients=numbers, subject="A picture for you")
        campaign = create_campaign(post, order, created_by="bench")
        cpu, wall = time.process_time(), time.perf_counter()
        work_off(post, campaign.id)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu / count * 1e6, count / wall / tps


def run(*, seconds: float = 20.0) -> list[Row]:
    """Measure everything; one row a figure."""
    configure_logging("warning")
    with running_gateway(0.0) as url:
        cost, _ = measure_path(url, 4_000, tps=10_000, connections=64)
    rows = [make_row("whole path, answers at once", cost, "us CPU", "100", met=cost <= 100)]
    for delay in (0.05, 0.3):
        with running_gateway(delay) as url:
            _, share = measure_path(url, int(100 * seconds), tps=100, connections=64)
        what = f"share of 100/s used, answers after {delay * 1000:.0f} ms"
        rows.append(make_row(what, share, "", "0.98 or more", met=share >= 0.98))
    return rows
