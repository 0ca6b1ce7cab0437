"""One job: claim its row, do it, finish it or put it back. Who does not get the claim does nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import structlog

from app.duties.fitting import problem_of
from app.duties.postcard import JobKind, Postcard
from app.errors import Broken, PostcardError, Rejected
from app.records.jobs import Job, claim_job, extend_job, finish_job, put_back_job
from app.telemetry import log, log_error
from app.work.handlers import HANDLERS, LEASE, give_up

TRIES = 6
TIRELESS = frozenset({"delete_objects", "erase_object"})
"""Never given up: what was deleted or taken down may not stay public because the store was away, or its rights were wrong."""


def do_job(post: Postcard, job_id: str) -> None:
    """Do one job if its row can be claimed; no error leaves here, each ends in the row and in the log."""
    structlog.contextvars.clear_contextvars()
    try:
        with post.change() as change:
            job = claim_job(change.connection, job_id, at=change.at, lease=LEASE)
        if job is None:
            return
        structlog.contextvars.bind_contextvars(job=job.id, kind=job.kind, subject=job.subject)
        _do_claimed(post, job)
    except PostcardError as error:
        log_error("job left for the sweeper", error, job=job_id)


def _do_claimed(post: Postcard, job: Job) -> None:
    try:
        with _kept_alive(post, job):
            again = HANDLERS[cast("JobKind", job.kind)](post, job)
    except Rejected as error:
        log_error("job refused", error)
        _fail(post, job, error)
    except PostcardError as error:
        log_error("job failed", error, attempts=job.attempts)
        if job.kind in TIRELESS or (error.retry and job.attempts < TRIES):
            with post.change() as change:
                wait = timedelta(seconds=min(60, 2 ** min(job.attempts, TRIES)))
                put_back_job(change.connection, job, not_before=change.at + wait, problem=problem_of(error))
        else:
            _fail(post, job, error)
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a bug costs one job, not the worker
        log.exception("job broke", alarm=True)
        _fail(post, job, Broken(f"Something in Postcard broke: {type(error).__name__}; see the log."))
    else:
        with post.change() as change:
            if again is None:
                finish_job(change.connection, job, at=change.at)
            else:
                put_back_job(change.connection, job, not_before=change.at + again, progressed=not again)
                if not again:
                    change.announced.append(job.id)


def _fail(post: Postcard, job: Job, error: PostcardError) -> None:
    give_up(post, job, error)
    with post.change() as change:
        finish_job(change.connection, job, at=change.at, problem=problem_of(error))


@contextmanager
def _kept_alive(post: Postcard, job: Job) -> Iterator[None]:
    """Extend the lease from a thread while the handler works; a stopped process stops extending, too."""
    done = threading.Event()

    def extend() -> None:
        while not done.wait(LEASE.total_seconds() / 3):
            try:
                with post.change() as change:
                    if not extend_job(change.connection, job, at=change.at, lease=LEASE):
                        return
            except PostcardError as error:
                log_error("lease not extended", error, job=job.id)

    thread = threading.Thread(target=extend, name=f"lease-{job.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
