from datetime import timedelta

from app.records.database import Database
from app.records.jobs import (
    claim_job,
    due_jobs,
    ensure_job,
    extend_job,
    finish_job,
    holds_job,
    put_back_job,
    reserve_pace,
    take_lock,
)
from tests.records.rows import MovableClock

LEASE = timedelta(seconds=60)


def test_a_job_is_claimed_by_one_and_again_only_when_its_lease_ran_out(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        job_id = ensure_job(connection, "fit_asset", "a", at=clock.now(), not_before=clock.now(), serial=False)
        first = claim_job(connection, job_id, at=clock.now(), lease=LEASE)
        assert first is not None
        assert claim_job(connection, job_id, at=clock.now(), lease=LEASE) is None
        clock.move(seconds=61)
        second = claim_job(connection, job_id, at=clock.now(), lease=LEASE)
        assert second is not None
        assert not holds_job(connection, first, at=clock.now())
        assert not extend_job(connection, first, at=clock.now(), lease=LEASE)
        finish_job(connection, first, at=clock.now())  # not ours any more: changes nothing
        assert holds_job(connection, second, at=clock.now())


def test_a_lease_that_is_extended_lasts(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        job_id = ensure_job(connection, "fit_asset", "a", at=clock.now(), not_before=clock.now(), serial=False)
        job = claim_job(connection, job_id, at=clock.now(), lease=LEASE)
        assert job is not None
        for _ in range(5):
            clock.move(seconds=50)
            assert extend_job(connection, job, at=clock.now(), lease=LEASE)
        assert due_jobs(connection, at=clock.now()) == []


def test_one_due_job_serves_for_the_same_subject_at_the_earlier_time(database: Database) -> None:
    clock = database.clock = MovableClock()
    later = clock.now() + timedelta(hours=1)
    with database.write() as connection:
        first = ensure_job(connection, "send", "c", at=clock.now(), not_before=later, serial=False)
        assert ensure_job(connection, "send", "c", at=clock.now(), not_before=clock.now(), serial=False) == first
        assert due_jobs(connection, at=clock.now()) == [first]


def test_a_serial_job_that_is_claimed_serves_even_when_its_lease_ran_out(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        first = ensure_job(connection, "send", "c", at=clock.now(), not_before=clock.now(), serial=True)
        claim_job(connection, first, at=clock.now(), lease=LEASE)
        assert ensure_job(connection, "send", "c", at=clock.now(), not_before=clock.now(), serial=True) == first
        assert ensure_job(connection, "send", "c", at=clock.now(), not_before=clock.now(), serial=False) != first
        clock.move(seconds=61)
        assert ensure_job(connection, "send", "d", at=clock.now(), not_before=clock.now(), serial=True) != first
        assert ensure_job(connection, "send", "c", at=clock.now(), not_before=clock.now(), serial=True) == first


def test_a_job_that_is_put_back_is_due_at_its_time(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        job_id = ensure_job(connection, "fit_asset", "a", at=clock.now(), not_before=clock.now(), serial=False)
        job = claim_job(connection, job_id, at=clock.now(), lease=LEASE)
        assert job is not None
        put_back_job(connection, job, not_before=clock.now() + timedelta(seconds=10), problem={"slug": "test"})
        assert due_jobs(connection, at=clock.now()) == []
        clock.move(seconds=11)
        assert due_jobs(connection, at=clock.now()) == [job_id]


def test_a_lock_has_one_holder_until_its_time_is_up(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        assert take_lock(connection, "sweep", "one", at=clock.now(), seconds=10)
        assert not take_lock(connection, "sweep", "two", at=clock.now(), seconds=10)
        assert take_lock(connection, "sweep", "one", at=clock.now(), seconds=10)
        clock.move(seconds=11)
        assert take_lock(connection, "sweep", "two", at=clock.now(), seconds=10)


def test_starts_are_spaced_by_the_rate_for_all_who_share_it(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        begun = clock.now()
        first = reserve_pace(connection, "a", count=10, per_second=5, at=begun, burst_seconds=0)
        second = reserve_pace(connection, "a", count=1, per_second=5, at=begun, burst_seconds=0)
        clock.move(seconds=100)
        third = reserve_pace(connection, "a", count=1, per_second=5, at=clock.now(), burst_seconds=0)
    assert (first - begun, second - begun) == (timedelta(0), timedelta(seconds=2))
    assert third == clock.now()


def test_waiting_counts_neither_way_and_progress_forgets_earlier_failures(database: Database) -> None:
    clock = database.clock = MovableClock()

    def turn(**how: object) -> int:
        job = claim_job(connection, job_id, at=clock.now(), lease=LEASE)
        assert job is not None
        put_back_job(connection, job, not_before=clock.now(), **how)  # type: ignore[arg-type]  # -- one of three ways
        return job.attempts

    with database.write() as connection:
        job_id = ensure_job(connection, "send", "a", at=clock.now(), not_before=clock.now(), serial=True)
        failed = {"slug": "gateway-unavailable"}
        ways: list[dict[str, object]] = [{"problem": failed}, {}, {"problem": failed}, {}, {"progressed": True}, {}]
        assert [turn(**how) for how in ways] == [1, 2, 2, 3, 3, 1]
