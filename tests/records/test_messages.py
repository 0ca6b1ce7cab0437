import threading
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.model.messages import Outcome, Report
from app.model.status import CampaignState, MessageState, OutcomeKind
from app.records.callbacks import Posted, add_callbacks
from app.records.campaigns import count_messages, finish_if_done, get_campaign, move_campaign
from app.records.database import Database
from app.records.jobs import Job
from app.records.messages import attempts_of, get_message, list_messages, resend, sweep_silent
from app.records.reports import reports_of, settle_reports
from app.records.sending import Claimed, claim_messages, settle_outcomes, sweep_abandoned
from app.records.suppressions import add_suppressions
from tests.records.rows import MovableClock, running_campaign


def claim(database: Database, campaign_id: str, job: Job, limit: int = 100) -> list[Claimed]:
    with database.write() as connection:
        return claim_messages(
            connection, campaign_id, job, limit=limit, at=database.now(connection), lease=timedelta(seconds=30)
        )


def settle(database: Database, claimed: Claimed, kind: OutcomeKind, **facts: object) -> MessageState | None:
    with database.write() as connection:
        at = database.now(connection)
        outcome = Outcome(
            message_id=claimed.message.id,
            attempt_id=claimed.attempt_id,
            kind=kind,
            endpoint="http://127.0.0.1/send",
            started_at=at,
            answered_at=at,
            **facts,  # type: ignore[arg-type]  # -- facts of the test at hand
        )
        (settled,) = settle_outcomes(connection, [(claimed, outcome)], attempts_allowed=3, at=at, wait=timedelta(0))
        return settled.state


def report(database: Database, mt_id: str, status: str) -> bool:
    with database.write() as connection:
        at = database.now(connection)
        (callback_id,) = add_callbacks(connection, [Posted(b"{}", "application/json", "")], at=at)
        told = Report(mt_id, status, None, f"told {status}", "", at, "", {})
        return mt_id in settle_reports(connection, [(callback_id, told)], at=at)


def state_of(database: Database, message_id: str) -> MessageState:
    with database.read() as connection:
        return get_message(connection, message_id).state


def test_a_message_is_claimed_once_however_many_workers_race(database: Database) -> None:
    campaign_id, job = running_campaign(database, 40)
    claimed: list[str] = []
    barrier = threading.Barrier(8)

    def race() -> None:
        barrier.wait()
        while some := claim(database, campaign_id, job, limit=3):
            claimed.extend(each.message.id for each in some)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 40
    assert len(set(claimed)) == 40


def test_nothing_is_claimed_unless_the_campaign_runs(database: Database) -> None:
    campaign_id, job = running_campaign(database)
    with database.write() as connection:
        move_campaign(connection, campaign_id, CampaignState.PAUSED, at=database.now(connection), reason="test")
    assert claim(database, campaign_id, job) == []


def test_nothing_is_claimed_by_a_job_that_somebody_else_took_over(database: Database) -> None:
    campaign_id, job = running_campaign(database)
    taken_over = Job(job.id, job.kind, job.subject, job.attempts, "another token")
    assert claim(database, campaign_id, taken_over) == []
    assert len(claim(database, campaign_id, job)) == 3


def test_a_suppressed_number_is_marked_in_the_claiming_transaction(database: Database) -> None:
    campaign_id, job = running_campaign(database)
    with database.write() as connection:
        number = list_messages(connection, campaign_id)[1].number
        at = database.now(connection)
        add_suppressions(connection, [number], reason="person", note="", created_by="test", at=at)
    assert len(claim(database, campaign_id, job)) == 2
    with database.read() as connection:
        counts = count_messages(connection, [campaign_id])[campaign_id]
    assert (counts["suppressed"], counts["sending"], counts["pending"]) == (1, 2, 0)


def test_an_abandoned_claim_becomes_unknown_and_never_pending(database: Database) -> None:
    clock = database.clock = MovableClock()
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    clock.move(seconds=31)
    with database.write() as connection:
        assert sweep_abandoned(connection, at=clock.now()) == 1
    assert state_of(database, claimed.message.id) is MessageState.UNKNOWN
    # The worker that slept wakes and says that it did not send: its claim is gone, nothing becomes pending.
    assert settle(database, claimed, OutcomeKind.NOT_SENT) is None
    assert state_of(database, claimed.message.id) is MessageState.UNKNOWN


def test_a_late_answer_turns_unknown_into_accepted(database: Database) -> None:
    clock = database.clock = MovableClock()
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    clock.move(seconds=31)
    with database.write() as connection:
        sweep_abandoned(connection, at=clock.now())
    assert settle(database, claimed, OutcomeKind.ACCEPTED, mt_id="77") is MessageState.ACCEPTED
    assert state_of(database, claimed.message.id) is MessageState.ACCEPTED


def test_an_attempt_began_when_its_first_byte_left_and_not_when_it_was_claimed(database: Database) -> None:
    clock = database.clock = MovableClock()
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    claimed_at = clock.now()
    clock.move(seconds=1)
    settle(database, claimed, OutcomeKind.ACCEPTED, mt_id="5")
    with database.read() as connection:
        (attempt,) = attempts_of(connection, [claimed.message.id])
    assert (attempt.started_at - claimed_at).total_seconds() == 1


def test_what_certainly_was_not_accepted_is_pending_until_its_tries_are_used_up(database: Database) -> None:
    campaign_id, job = running_campaign(database, 1)
    states = []
    for _ in range(3):
        (claimed,) = claim(database, campaign_id, job)
        states.append(settle(database, claimed, OutcomeKind.NOT_SENT, http_status=400, code=15204))
    assert states == [MessageState.PENDING, MessageState.PENDING, MessageState.REFUSED]
    with database.read() as connection:
        assert len(attempts_of(connection, [claimed.message.id])) == 3


def test_an_operator_that_was_refused_is_dropped_for_the_next_attempt(database: Database) -> None:
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    settle(database, claimed, OutcomeKind.NOT_SENT, http_status=400, code=15204, drop_operator=True)
    with database.read() as connection:
        assert get_message(connection, claimed.message.id).operator_id is None


def test_a_campaign_is_finished_when_nothing_is_pending_or_under_way(database: Database) -> None:
    campaign_id, job = running_campaign(database, 2)
    first, second = claim(database, campaign_id, job)
    settle(database, first, OutcomeKind.ACCEPTED, mt_id="1")
    with database.write() as connection:
        assert not finish_if_done(connection, campaign_id, at=database.now(connection))
    settle(database, second, OutcomeKind.UNKNOWN)
    with database.write() as connection:
        assert finish_if_done(connection, campaign_id, at=database.now(connection))
        assert get_campaign(connection, campaign_id).state is CampaignState.FINISHED


def test_a_report_before_our_commit_waits_and_is_matched_later(database: Database) -> None:
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    assert not report(database, "4711", "Retrieved")
    settle(database, claimed, OutcomeKind.ACCEPTED, mt_id="4711")
    assert report(database, "4711", "Retrieved")
    assert state_of(database, claimed.message.id) is MessageState.RETRIEVED


def test_a_contradicting_final_report_is_kept_and_shown_and_moves_nothing(database: Database) -> None:
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    settle(database, claimed, OutcomeKind.ACCEPTED, mt_id="5")
    for status in ("Retrieved", "Expired", "Something new"):
        assert report(database, "5", status)
    assert state_of(database, claimed.message.id) is MessageState.RETRIEVED
    with database.read() as connection:
        kept = reports_of(connection, [claimed.message.id])
    assert [(each.status, each.moved, each.contradicts) for each in kept] == [
        ("Retrieved", True, False),
        ("Expired", False, True),
        ("Something new", False, False),
    ]


def test_a_report_of_an_earlier_attempt_does_not_move_the_message(database: Database) -> None:
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    settle(database, claimed, OutcomeKind.ACCEPTED, mt_id="1")
    report(database, "1", "Expired")
    with database.write() as connection:
        at = database.now(connection)
        assert resend(connection, campaign_id, unknown=False, quiet_before=at, at=at) == 1
    (again,) = claim(database, campaign_id, job)
    settle(database, again, OutcomeKind.ACCEPTED, mt_id="2")
    report(database, "1", "Retrieved")
    assert state_of(database, claimed.message.id) is MessageState.ACCEPTED
    report(database, "2", "Retrieved")
    assert state_of(database, claimed.message.id) is MessageState.RETRIEVED


def test_silence_becomes_no_report_and_a_late_report_still_moves_it(database: Database) -> None:
    clock = database.clock = MovableClock()
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    settle(database, claimed, OutcomeKind.ACCEPTED, mt_id="9")
    clock.move(hours=71)
    with database.write() as connection:
        assert sweep_silent(connection, at=clock.now()) == 0
    clock.move(hours=2)
    with database.write() as connection:
        assert sweep_silent(connection, at=clock.now()) == 1
    report(database, "9", "Retrieved")
    assert state_of(database, claimed.message.id) is MessageState.RETRIEVED


def test_an_unknown_message_is_resent_only_when_it_is_quiet_for_long_enough(database: Database) -> None:
    clock = database.clock = MovableClock()
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    settle(database, claimed, OutcomeKind.UNKNOWN)
    with database.write() as connection:
        early = clock.now() - timedelta(seconds=60)
        assert resend(connection, campaign_id, unknown=True, quiet_before=early, at=clock.now()) == 0
    clock.move(seconds=61)
    with database.write() as connection:
        early = clock.now() - timedelta(seconds=60)
        assert resend(connection, campaign_id, unknown=True, quiet_before=early, at=clock.now()) == 1


_STATUSES = ["Retrieved", "Deferred", "Forwarded", "Rejected", "Expired", "Indeterminate", "NotSupported", "Nonsense"]
_FINAL = {"Retrieved", "Rejected", "Expired", "Indeterminate", "NotSupported"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statuses=st.lists(st.sampled_from(_STATUSES), min_size=1, max_size=6))
def test_the_first_final_report_stands_in_any_order(database: Database, statuses: list[str]) -> None:
    campaign_id, job = running_campaign(database, 1)
    (claimed,) = claim(database, campaign_id, job)
    mt_id = claimed.attempt_id[-12:]
    settle(database, claimed, OutcomeKind.ACCEPTED, mt_id=mt_id)
    for status in statuses:
        report(database, mt_id, status)
    finals = [status for status in statuses if status in _FINAL]
    state = state_of(database, claimed.message.id)
    if finals:
        assert state.value == {"NotSupported": "not_supported"}.get(finals[0], finals[0].lower())
    else:
        expected = [word for word in ["Deferred", "Forwarded"] if word in statuses] or ["Accepted"]
        assert state.value == expected[0].lower()
