"""Handsets, and the answers that may reach a number which its own STOP suppressed; on SQLite and PostgreSQL."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.model.messages import Report
from app.model.status import MessageState
from app.records.campaigns import ANSWER_WITHIN, answered_since
from app.records.database import Database
from app.records.handsets import Learnt, any_operator_learnt, find_handset, learn_handsets, operators_learnt
from app.records.messages import get_message
from app.records.reports import Unknowns, count_unmatched_reports, settle_reports, unknowns_of
from app.records.sending import claim_messages, sweep_abandoned
from app.records.suppressions import add_suppressions
from app.records.tables import campaigns, messages
from tests.records.rows import LEASE, MovableClock, running_campaign

HASH = "a" * 64


def test_a_later_word_stands_and_silence_takes_nothing_away(database: Database) -> None:
    clock = MovableClock()
    early = clock.now() - timedelta(days=2)
    with database.write() as connection:
        learn_handsets(connection, [Learnt(HASH, clock.now(), "New", 79)])
        learn_handsets(connection, [Learnt(HASH, early, "Old", 383)])
        learn_handsets(connection, [Learnt(HASH, clock.now())])
        known = find_handset(connection, HASH)
    assert known is not None
    assert (known.user_agent, known.user_agent_at, known.operator_id) == ("New", clock.now(), 79)


def test_operators_are_found_for_many_numbers_at_once_and_forgotten_after_a_time(database: Database) -> None:
    at = MovableClock().now()
    hashes = [f"{number:064d}" for number in range(2_500)]
    with database.write() as connection:
        learn_handsets(
            connection,
            [Learnt(hashes[0], at, "", 79), Learnt(hashes[2_400], at, "", 383), Learnt(hashes[5], at, "HTC")],
        )
        assert operators_learnt(connection, hashes, since=at) == {hashes[0]: 79, hashes[2_400]: 383}
        assert any_operator_learnt(connection, since=at)
        assert not any_operator_learnt(connection, since=at + timedelta(seconds=1))
        assert operators_learnt(connection, hashes, since=at + timedelta(seconds=1)) == {}


def test_of_several_words_in_one_batch_the_later_stands_whatever_their_order(database: Database) -> None:
    clock = MovableClock()
    early = clock.now() - timedelta(days=2)
    known, new = "b" * 64, "c" * 64
    with database.write() as connection:
        learn_handsets(connection, [Learnt(known, early - timedelta(days=1), "Oldest", 79)])
        learn_handsets(
            connection,
            [
                each
                for one in (known, new)
                for each in (Learnt(one, clock.now(), "New"), Learnt(one, early, "Old", 383))
            ],
        )
        for one in (known, new):
            found = find_handset(connection, one)
            assert found is not None
            assert (found.user_agent, found.operator_id, found.operator_at) == ("New", 383, early)


@pytest.mark.parametrize(
    ("reason", "age", "state"),
    [
        ("keyword", timedelta(0), MessageState.SENDING),
        ("phrase", timedelta(0), MessageState.SUPPRESSED),
        ("person", timedelta(0), MessageState.SUPPRESSED),
        ("keyword", ANSWER_WITHIN + timedelta(seconds=1), MessageState.SUPPRESSED),
        ("", timedelta(0), MessageState.SENDING),
        ("", ANSWER_WITHIN + timedelta(seconds=1), MessageState.SUPPRESSED),
    ],
)
def test_an_answer_reaches_a_number_that_only_its_own_stop_suppressed_and_only_in_time(
    database: Database, reason: str, age: timedelta, state: MessageState
) -> None:
    campaign_id, job = running_campaign(database, 1)
    with database.write() as connection:
        at = database.now(connection)
        connection.execute(sa.update(campaigns).values(answers="mo_1", created_at=at - age))
        message = connection.execute(sa.select(messages.c.id, messages.c.number)).one()
        if reason:
            add_suppressions(connection, [message.number], reason=reason, note="", created_by="test", at=at)
        claim_messages(connection, campaign_id, job, limit=10, at=at, lease=LEASE)
        assert get_message(connection, message.id).state is state
        assert answered_since(connection, message.number, at - age)


def test_what_is_unknown_is_counted_with_its_first_and_last_try(database: Database) -> None:
    clock = database.clock = MovableClock()
    campaign_id, job = running_campaign(database, 2)
    with database.write() as connection:
        assert unknowns_of(connection, campaign_id) is None
        claim_messages(connection, campaign_id, job, limit=10, at=clock.now(), lease=LEASE)
        tried_at = clock.now()
        clock.move(seconds=61)
        sweep_abandoned(connection, at=clock.now())
        assert unknowns_of(connection, campaign_id) == Unknowns(2, tried_at, tried_at)
        assert count_unmatched_reports(connection, since=tried_at, until=clock.now()) == (0, 0)
        report = Report("5", "Retrieved", None, "", "", None, "", {})
        assert not settle_reports(connection, [("none", report)], at=clock.now())
