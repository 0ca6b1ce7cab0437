from datetime import timedelta

import pytest

from app.errors import IdempotencyConflict, IdempotencyInProgress
from app.records.database import Database
from app.records.idempotency import FirstAnswer, claim_key, release_key, settle_key
from tests.records.rows import MovableClock

LEASE = timedelta(seconds=30)


def test_the_same_key_and_body_get_the_first_answer_and_another_body_a_conflict(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        assert claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE) is None
        settle_key(connection, "me", "k", 201, {"id": "cmp_1"})
    with database.write() as connection:
        again = claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE)
        assert again == FirstAnswer(201, {"id": "cmp_1"})
        assert claim_key(connection, "you", "k", "b" * 64, at=clock.now(), lease=LEASE) is None
        with pytest.raises(IdempotencyConflict):
            claim_key(connection, "me", "k", "b" * 64, at=clock.now(), lease=LEASE)


def test_a_key_at_work_is_refused_until_its_claim_ran_out_or_was_released(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE)
        with pytest.raises(IdempotencyInProgress):
            claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE)
        release_key(connection, "me", "k")
        assert claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE) is None
        clock.move(seconds=31)
        assert claim_key(connection, "me", "k", "a" * 64, at=clock.now(), lease=LEASE) is None
