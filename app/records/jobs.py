"""Work that is due, as rows with leases: the truth behind the queue. Also the locks of periodic work, and pacing.

A job is *due* until somebody claims it with a token and a lease; whoever holds the token may finish it or put it back. A
lease that ran out makes it due again: the sweeper announces it anew.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.model.ids import new_id
from app.records.tables import jobs, locks, paces


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job: ``subject`` is the id that its kind is about, ``token`` proves the claim."""

    id: str
    kind: str
    subject: str
    attempts: int
    token: str


def ensure_job(
    connection: sa.Connection, kind: str, subject: str, *, at: datetime, not_before: datetime, serial: bool
) -> str:
    """Make sure that a job of this kind and subject is due; one that is due already serves, at the earlier time.

    With ``serial``, one that somebody has claimed serves too, be its lease run out or not (then it can be claimed anew):
    never two at once for one subject.

    Returns:
        the job's id, to be announced after the commit.
    """
    if serial:
        under_way = connection.scalar(
            sa.select(jobs.c.id)
            .where(jobs.c.kind == kind, jobs.c.subject == subject, jobs.c.state == "claimed")
            .limit(1)
        )
        if under_way is not None:
            return str(under_way)
    waiting = connection.execute(
        sa.select(jobs.c.id, jobs.c.not_before)
        .where(jobs.c.kind == kind, jobs.c.subject == subject, jobs.c.state == "due")
        .limit(1)
    ).one_or_none()
    if waiting is not None:
        if waiting.not_before > not_before:
            connection.execute(sa.update(jobs).where(jobs.c.id == waiting.id).values(not_before=not_before))
        return str(waiting.id)
    job_id = new_id("job")
    connection.execute(
        sa.insert(jobs).values(
            id=job_id, kind=kind, subject=subject, state="due", not_before=not_before, attempts=0, created_at=at
        )
    )
    return job_id


def claim_job(connection: sa.Connection, job_id: str, *, at: datetime, lease: timedelta) -> Job | None:
    """Take a job that is due or whose lease ran out; None when somebody else has it or it is done."""
    token = new_id("job")
    row = connection.execute(
        sa.update(jobs)
        .where(
            jobs.c.id == job_id,
            sa.or_(
                sa.and_(jobs.c.state == "due", jobs.c.not_before <= at),
                sa.and_(jobs.c.state == "claimed", jobs.c.lease_until < at),
            ),
        )
        .values(state="claimed", claim_token=token, lease_until=at + lease, attempts=jobs.c.attempts + 1)
        .returning(jobs.c.id, jobs.c.kind, jobs.c.subject, jobs.c.attempts)
    ).one_or_none()
    return Job(row.id, row.kind, row.subject, row.attempts, token) if row else None


def _mine(job: Job) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.id == job.id, jobs.c.state == "claimed", jobs.c.claim_token == job.token)


def holds_job(connection: sa.Connection, job: Job, *, at: datetime) -> bool:
    """Tell whether the claim still stands."""
    query = sa.select(jobs.c.id).where(_mine(job), jobs.c.lease_until >= at)
    return connection.execute(query).one_or_none() is not None


def extend_job(connection: sa.Connection, job: Job, *, at: datetime, lease: timedelta) -> bool:
    """Go on holding a job; False when the lease ran out and somebody else may have it."""
    done = connection.execute(
        sa.update(jobs).where(_mine(job), jobs.c.lease_until >= at).values(lease_until=at + lease)
    )
    return done.rowcount == 1


def finish_job(connection: sa.Connection, job: Job, *, at: datetime, problem: dict[str, Any] | None = None) -> None:
    """End a job: done, or failed with a problem."""
    connection.execute(
        sa.update(jobs).where(_mine(job)).values(state="failed" if problem else "done", problem=problem, finished_at=at)
    )


def put_back_job(
    connection: sa.Connection,
    job: Job,
    *,
    not_before: datetime,
    problem: dict[str, Any] | None = None,
    progressed: bool = False,
) -> None:
    """Make a job due again later, with what went wrong.

    A try that ``progressed`` makes the earlier failures count no more; one that had only to wait counts neither way.
    """
    values: dict[str, Any] = {"state": "due", "not_before": not_before, "problem": problem, "claim_token": None}
    if progressed:
        values["attempts"] = 0
    elif problem is None:
        values["attempts"] = jobs.c.attempts - 1
    connection.execute(sa.update(jobs).where(_mine(job)).values(values))


def due_jobs(connection: sa.Connection, *, at: datetime, limit: int = 200) -> list[str]:
    """List jobs that anybody may claim now."""
    query = (
        sa.select(jobs.c.id)
        .where(
            sa.or_(
                sa.and_(jobs.c.state == "due", jobs.c.not_before <= at),
                sa.and_(jobs.c.state == "claimed", jobs.c.lease_until < at),
            )
        )
        .order_by(jobs.c.not_before)
        .limit(limit)
    )
    return list(connection.scalars(query))


def is_waiting(connection: sa.Connection, kind: str, *, but: str) -> bool:
    """Tell whether another job of this kind wants a thread, now or when it looks again."""
    query = sa.select(jobs.c.id).where(jobs.c.kind == kind, jobs.c.state == "due", jobs.c.id != but).limit(1)
    return connection.execute(query).first() is not None


def take_lock(connection: sa.Connection, name: str, holder: str, *, at: datetime, seconds: float) -> bool:
    """Take a named lock for some seconds; False when another holder has it. Every consumer schedules periodic work."""
    until = at + timedelta(seconds=seconds)
    taken = connection.execute(
        sa.update(locks)
        .where(locks.c.name == name, sa.or_(locks.c.until < at, locks.c.holder == holder))
        .values(holder=holder, until=until)
    )
    if taken.rowcount == 1:
        return True
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(locks).values(name=name, holder=holder, until=until))
    except sa.exc.IntegrityError:
        return False
    return True


def drop_lock(connection: sa.Connection, name: str, holder: str) -> None:
    """Let go of a named lock, if ``holder`` still has it."""
    connection.execute(sa.delete(locks).where(locks.c.name == name, locks.c.holder == holder))


def reserve_pace(
    connection: sa.Connection, name: str, *, count: int, per_second: float, at: datetime, burst_seconds: float
) -> datetime:
    """Reserve ``count`` evenly spaced starts, shared by all workers of this database.

    Returns:
        when the first may start: possibly up to ``burst_seconds`` in the past (credit of a pause between groups), or in
        the future when others hold the next ones. Each further one starts 1/per_second later.
    """
    first = max(next_pace(connection, name, at=at), at - timedelta(seconds=burst_seconds))
    set_pace(connection, name, next_at=first + timedelta(seconds=count / per_second))
    return first


def next_pace(connection: sa.Connection, name: str, *, at: datetime) -> datetime:
    """Tell when the next start that nobody has reserved may happen, possibly in the past; nobody else reserves meanwhile."""
    query = sa.select(paces.c.next_at).where(paces.c.name == name).with_for_update()
    found: datetime | None = connection.scalar(query)
    if found is not None:
        return found
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(paces).values(name=name, next_at=at))
    except sa.exc.IntegrityError:
        pass  # another worker made the first row at the same moment: its figure counts
    made: datetime = connection.execute(query).scalar_one()
    return made


def set_pace(connection: sa.Connection, name: str, *, next_at: datetime) -> None:
    """Say when the next start may happen; only after :func:`next_pace`, in its transaction."""
    connection.execute(sa.update(paces).where(paces.c.name == name).values(next_at=next_at))


def hold_pace(connection: sa.Connection, name: str, *, until: datetime) -> None:
    """Let nobody start before ``until``: the gateway said that we are too fast."""
    connection.execute(sa.update(paces).where(paces.c.name == name, paces.c.next_at < until).values(next_at=until))
