import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.errors import IdempotencyConflict, IdempotencyInProgress
from app.records.audit import add_audit, list_audit
from app.records.database import Database
from app.records.idempotency import FirstAnswer, KeyClaim, claim_key, release_key, settle_key
from tests.records.rows import MovableClock

LEASE = timedelta(seconds=30)


def claimed(connection: sa.Connection, clock: MovableClock, who: str = "me", body: str = "a" * 64) -> KeyClaim:
    claim = claim_key(connection, who, "k", body, at=clock.now(), lease=LEASE)
    assert isinstance(claim, KeyClaim)
    return claim


def test_the_same_key_and_body_get_the_first_answer_and_another_body_a_conflict(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        settle_key(connection, claimed(connection, clock), 201, {"id": "cmp_1"})
    with database.write() as connection:
        again = claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE)
        assert again == FirstAnswer(201, {"id": "cmp_1"})
        claimed(connection, clock, "you", "b" * 64)
        with pytest.raises(IdempotencyConflict):
            claim_key(connection, "me", "k", "b" * 64, at=clock.now(), lease=LEASE)


def test_a_key_at_work_is_refused_until_its_claim_ran_out_or_was_released(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        claim = claimed(connection, clock)
        with pytest.raises(IdempotencyInProgress):
            claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE)
        release_key(connection, claim)
        claimed(connection, clock)
        clock.move(seconds=31)
        claimed(connection, clock)


def test_who_was_overtaken_can_neither_answer_nor_give_the_key_back(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        slow = claimed(connection, clock)
        clock.move(seconds=31)
        repeat = claimed(connection, clock)
        with pytest.raises(IdempotencyInProgress, match="took over"):
            settle_key(connection, slow, 201, {"id": "slow"})
        release_key(connection, slow)
        settle_key(connection, repeat, 201, {"id": "repeat"})
        release_key(connection, repeat)  # settled: nothing to give back
        with pytest.raises(IdempotencyInProgress):
            settle_key(connection, slow, 201, {"id": "slow"})
        assert claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE) == FirstAnswer(
            201, {"id": "repeat"}
        )


@pytest.mark.parametrize("turn", range(5))
def test_of_a_slow_request_and_its_repeat_one_creates(database: Database, turn: int) -> None:
    """Both believe that they hold the key, and commit at the same moment: a row of the audit stands for what they create."""
    clock = database.clock = MovableClock()
    with database.write() as connection:
        claims = [claimed(connection, clock)]
    clock.move(seconds=31)
    with database.write() as connection:
        claims.append(claimed(connection, clock))
    ready, ended = threading.Barrier(2), dict[int, str]()

    def create(number: int) -> None:
        ready.wait()
        try:
            with database.write() as connection:
                add_audit(connection, who="me", action="made", subject=str(number), reason="", facts={}, at=clock.now())
                settle_key(connection, claims[number], 201, {"id": number})
            ended[number] = "created"
        except IdempotencyInProgress:
            ended[number] = "overtaken"

    threads = [threading.Thread(target=create, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == {0: "overtaken", 1: "created"}
    with database.read() as connection:
        assert [each.subject for each in list_audit(connection)] == ["1"]


def test_of_many_repeats_that_find_a_claim_run_out_one_takes_over(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        claimed(connection, clock)
    clock.move(seconds=31)
    ready, taken = threading.Barrier(6), list[KeyClaim]()

    def repeat() -> None:
        ready.wait()
        try:
            with database.write() as connection:
                claim = claimed(connection, clock)
            taken.append(claim)
        except IdempotencyInProgress:
            pass

    threads = [threading.Thread(target=repeat) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    with database.write() as connection:
        settle_key(connection, taken[0], 201, {"id": "cmp_1"})
