"""Walking the path in a test: uploads from bytes, and jobs done on the spot instead of by a worker."""

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.duties.postcard import Postcard
from app.model.media import Asset, Spooled
from app.model.messages import Campaign, Message
from app.pipeline import accept_asset, settle_report, take_callbacks
from app.records.callbacks import Posted
from app.records.campaigns import get_campaign
from app.records.jobs import due_jobs
from app.records.messages import list_messages
from app.upload.receive import receive_raw
from app.work.claiming import do_job


@dataclass
class Announced:
    """A queue that remembers what was announced."""

    job_ids: list[str] = field(default_factory=list)

    def announce(self, job_id: str) -> None:
        """Remember a job."""
        self.job_ids.append(job_id)


def spool(post: Postcard, content: bytes, filename: str = "photo.jpg") -> Spooled:
    """Spool bytes as an upload."""
    return receive_raw(
        io.BytesIO(content),
        filename=filename,
        content_type="application/octet-stream",
        content_length=len(content),
        spool_dir=post.spool_dir,
        max_bytes=post.settings.upload.max_bytes,
    )


def upload(post: Postcard, content: bytes, filename: str = "photo.jpg") -> Asset:
    """Accept bytes as an asset."""
    spooled = spool(post, content, filename)
    assert spooled.sha256 == hashlib.sha256(content).hexdigest()
    try:
        return accept_asset(post, spooled, created_by="test")[0]
    finally:
        spooled.path.unlink()


def work_off(post: Postcard, *, seconds: float = 60) -> None:
    """Work on what was posted and do every job that is due, and those that become due by that, as the worker does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        while settle_report(post):
            pass
        with post.database.read() as connection:
            due = due_jobs(connection, at=post.database.now(connection))
        if not due:
            return
        for job_id in due:
            do_job(post, job_id)
    raise AssertionError("jobs without end")


def campaign_of(post: Postcard, campaign_id: str) -> Campaign:
    """Read a campaign."""
    with post.database.read() as connection:
        return get_campaign(connection, campaign_id)


def messages_of(post: Postcard, campaign_id: str) -> dict[str, Message]:
    """Read the messages of a campaign by number."""
    with post.database.read() as connection:
        return {each.number: each for each in list_messages(connection, campaign_id, limit=10_000)}


def take(post: Postcard, body: bytes, content_type: str = "application/json") -> None:
    """Post a callback."""
    take_callbacks(post, [Posted(body, content_type, "req-1")])


def report(post: Postcard, body: bytes, content_type: str = "application/json") -> None:
    """Post a callback and work on it."""
    take(post, body, content_type)
    settle_report(post)


def wait_until(true: Callable[[], object], *, seconds: float = 60) -> None:
    """Wait until something holds; a failed test if it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
