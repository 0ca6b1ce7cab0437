"""What came back about the requests: delivery reports that were posted to us, and who fetched the media, if that is known."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from app.model.messages import Report
from app.records.callbacks import callbacks_since
from app.records.database import Database
from app.report.callback import parse_callback
from app.send.endpoints import is_loopback

_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Posted:
    """One report as it came, and when."""

    received_at: datetime
    body: bytes
    report: Report


def wait_for_reports(
    database: Database, wanted: Mapping[str, str], *, since: datetime, seconds: float
) -> dict[str, list[Posted]]:
    """Wait until each mtId has the report that is wanted of it, or the time is over.

    Args:
        database: where the web process keeps what is posted.
        wanted: mtId -> status word.
        since: nothing older is looked at.
        seconds: to wait at most.

    Returns:
        every report about one of these mtIds, in the order they came.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = _reports(database, wanted.keys(), since)
        missing = [
            mt_id for mt_id, status in wanted.items() if status not in {each.report.status for each in found[mt_id]}
        ]
        if not missing or time.monotonic() >= deadline:
            return found
        time.sleep(_EVERY_SECONDS)


def _reports(database: Database, mt_ids: Collection[str], since: datetime) -> dict[str, list[Posted]]:
    found: dict[str, list[Posted]] = {mt_id: [] for mt_id in mt_ids}
    with database.read() as connection:
        posted = callbacks_since(connection, since)
    for each in posted:
        read = parse_callback(each.body, each.content_type, each.request_id)
        if isinstance(read, Report) and read.mt_id in found:
            found[read.mt_id].append(Posted(each.received_at, each.body, read))
    return found


def fetches_by_sandbox(endpoint: str, mt_id: str) -> list[str] | None:
    """Ask the sandbox who fetched the media of a message; None = the endpoint is no sandbox, and nobody here knows."""
    if not is_loopback(endpoint):
        return None
    parts = urlsplit(endpoint)
    url = f"{parts.scheme}://{parts.netloc}/sandbox/api/messages/{mt_id}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 -- http(s) to this machine, checked above
            told = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return [
        f"data centre {each['centre']} at {each['fetched_at']}: {each['status']} {each['content_type']}"
        for each in told.get("fetches", [])
    ]
