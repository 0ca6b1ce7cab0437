"""Once a day what is old is forgotten, as POSTCARD_RETENTION_* says: in small batches, with room between them for others."""

import time
from datetime import timedelta

from app.duties.postcard import Postcard
from app.records.forgetting import (
    Forget,
    empty_answers,
    empty_callbacks,
    forget_audit,
    forget_jobs,
    forget_keys,
    forget_uploads,
)
from app.telemetry import log

BATCH_ROWS = 500
PAUSE_SECONDS = 0.05
"""SQLite has one writer at a time: whoever waits for it gets it now."""


def forget_old(post: Postcard) -> dict[str, int]:
    """Forget what is older than its setting; 0 days = kept for ever. A process that stops goes on another day.

    Returns:
        how many rows each kind lost, or lost the bytes of.
    """
    kept = post.settings.retention
    kinds: dict[str, tuple[int, Forget]] = {
        "callbacks": (kept.callbacks_days, empty_callbacks),
        "answers": (kept.answers_days, empty_answers),
        "keys": (kept.keys_days, forget_keys),
        "jobs": (kept.jobs_days, forget_jobs),
        "uploads": (kept.jobs_days, forget_uploads),
        "audit": (kept.audit_days, forget_audit),
    }
    counts = {name: _forget(post, days, forget) for name, (days, forget) in kinds.items() if days}
    log.info("old rows forgotten", **counts)
    return counts


def _forget(post: Postcard, days: int, forget: Forget) -> int:
    total = 0
    while not post.stopping.is_set():
        with post.change() as change:
            count = forget(change.connection, change.at - timedelta(days=days), BATCH_ROWS)
        total += count
        if count < BATCH_ROWS:
            break
        time.sleep(PAUSE_SECONDS)
    return total
