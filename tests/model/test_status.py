"""The state machine: never backwards, final stays final."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.status import (
    _RANK,
    ENDED,
    FINAL_BY_REPORT,
    REPORT_STATES,
    CampaignState,
    MessageState,
    OutcomeKind,
    after_outcome,
    after_report,
    may_move,
)

statuses = st.one_of(st.sampled_from([*REPORT_STATES]), st.text(max_size=12))
NEVER_LEFT = (MessageState.PENDING, MessageState.REFUSED, MessageState.SUPPRESSED, MessageState.CANCELLED)


def follow(start: MessageState, told: list[str]) -> list[MessageState]:
    path = [start]
    for status in told:
        moved = after_report(path[-1], status)
        if moved is not None:
            path.append(moved)
    return path


@given(st.sampled_from(MessageState), st.lists(statuses, max_size=30))
def test_no_sequence_of_reports_moves_a_message_backwards(start: MessageState, told: list[str]) -> None:
    path = follow(start, told)
    for before, after in pairwise(path):
        assert _RANK[after] > _RANK.get(before, 0)


@given(st.sampled_from(sorted(FINAL_BY_REPORT)), st.lists(statuses, max_size=30))
def test_the_first_final_state_stands(final: MessageState, told: list[str]) -> None:
    assert follow(final, told) == [final]


@given(st.lists(st.sampled_from([*REPORT_STATES]), min_size=1, max_size=10), st.randoms())
def test_order_does_not_matter_unless_two_final_reports_contradict(told: list[str], random: Random) -> None:
    finals = [state for status in told if (state := REPORT_STATES[status]) in FINAL_BY_REPORT]
    shuffled = sorted(told, key=lambda _status: random.random())
    ends = {follow(MessageState.ACCEPTED, order)[-1] for order in (told, shuffled)}
    if len(set(finals)) <= 1:
        assert len(ends) == 1
    else:
        assert ends <= set(finals)


@given(st.lists(statuses, max_size=10))
def test_repeated_reports_change_nothing(told: list[str]) -> None:
    twice = [status for status in told for _ in range(2)]
    assert follow(MessageState.ACCEPTED, twice) == follow(MessageState.ACCEPTED, told)


@pytest.mark.parametrize("state", NEVER_LEFT)
@given(status=statuses)
def test_what_never_left_is_not_moved(state: MessageState, status: str) -> None:
    assert after_report(state, status) is None


@pytest.mark.parametrize("state", [MessageState.UNKNOWN, MessageState.SENDING])
@pytest.mark.parametrize("status", [*REPORT_STATES])
def test_a_report_proves_that_a_lost_answer_was_an_acceptance(state: MessageState, status: str) -> None:
    assert after_report(state, status) is REPORT_STATES[status]


@pytest.mark.parametrize("status", [*REPORT_STATES])
def test_a_late_report_moves_a_message_that_was_given_up(status: str) -> None:
    assert after_report(MessageState.NO_REPORT, status) is REPORT_STATES[status]


def test_a_status_that_nobody_told_us_of_moves_nothing() -> None:
    for state in MessageState:
        assert after_report(state, "Teleported") is None
        assert after_report(state, "retrieved") is None


@pytest.mark.parametrize(
    ("outcome", "attempts_left", "state"),
    [
        (OutcomeKind.ACCEPTED, False, MessageState.ACCEPTED),
        (OutcomeKind.REFUSED, True, MessageState.REFUSED),
        (OutcomeKind.UNKNOWN, True, MessageState.UNKNOWN),
        (OutcomeKind.NOT_SENT, True, MessageState.PENDING),
        (OutcomeKind.NOT_SENT, False, MessageState.REFUSED),
    ],
)
def test_only_what_certainly_was_not_accepted_is_pending_again(
    outcome: OutcomeKind, attempts_left: bool, state: MessageState
) -> None:
    assert after_outcome(outcome, attempts_left=attempts_left) is state


def test_a_cancelled_campaign_goes_nowhere_and_a_paused_one_is_checked_again() -> None:
    assert not any(may_move(CampaignState.CANCELLED, then) for then in CampaignState)
    assert not may_move(CampaignState.PAUSED, CampaignState.RUNNING)
    assert may_move(CampaignState.PAUSED, CampaignState.PREPARING)


def test_every_final_state_counts_as_ended_and_unknown_does_not() -> None:
    assert FINAL_BY_REPORT < ENDED
    assert MessageState.UNKNOWN not in ENDED
