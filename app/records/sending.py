"""The mark *sending*, and what became of each attempt.

Never twice, never forgotten: a message leaves *pending* by one conditional update that is durable before its first byte
leaves. Only the holder of the claim token moves it on; the sweeper turns what was abandoned into *unknown*, never into
*pending*. A late answer may still move *unknown* to *accepted*.

The statements are built once and run for a whole group: what a message costs is counted in microseconds here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.model.ids import new_id
from app.model.messages import Message, Outcome
from app.model.status import CampaignState, MessageState, OutcomeKind, after_outcome
from app.records.campaigns import ANSWER_WITHIN
from app.records.jobs import Job, holds_job
from app.records.messages import message_of
from app.records.tables import attempts, campaigns, messages, suppressions

_PENDING, _SENDING, _UNKNOWN = MessageState.PENDING.value, MessageState.SENDING.value, MessageState.UNKNOWN.value
SUPPRESSED = "the number is on the suppression list"
TOO_LATE = "an answer to STOP or HELP leaves within minutes or not at all"
TOO_FAST_ATTEMPTS = 50
"""Tries of one message that is refused as too fast (15406): the account is the problem then, not the message."""
ABANDONED = "the worker stopped while this message was under way; it may have been sent"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is marked *sending* for one attempt; only ``token`` may settle it, until ``until``."""

    message: Message
    attempt_id: str
    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """What one attempt came to; ``state`` None = the claim was no longer ours, and only the attempt was written."""

    claim: Claimed
    outcome: Outcome
    state: MessageState | None


_MARK = (
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("this"), messages.c.state == _PENDING)
    .values(
        state=_SENDING,
        attempt_id=sa.bindparam("attempt"),
        attempts=messages.c.attempts + 1,
        mt_id="",
        request_id="",
        problem="",
        claim_token=sa.bindparam("token"),
        claim_until=sa.bindparam("until"),
        updated_at=sa.bindparam("at"),
    )
)
_BEGIN_ATTEMPT = sa.insert(attempts)
_END_ATTEMPT = (
    sa.update(attempts)
    .where(attempts.c.id == sa.bindparam("this"))
    .values(
        {
            name: sa.bindparam(f"new_{name}")
            for name in (
                "state",
                "endpoint",
                "started_at",
                "answered_at",
                "http_status",
                "request_id",
                "mt_id",
                "code",
                "description",
                "answer",
            )
        }
    )
)


def _settling(*conditions: sa.ColumnElement[bool]) -> sa.Update:
    return (
        sa.update(messages)
        .where(messages.c.id == sa.bindparam("this"), messages.c.attempt_id == sa.bindparam("attempt"), *conditions)
        .values(
            state=sa.bindparam("then"),
            mt_id=sa.bindparam("new_mt_id"),
            request_id=sa.bindparam("new_request_id"),
            problem=sa.bindparam("new_problem"),
            operator_id=sa.case((sa.bindparam("drop", type_=sa.Boolean), sa.null()), else_=messages.c.operator_id),
            claim_token=None,
            claim_until=None,
            not_before=sa.bindparam("later"),
            updated_at=sa.bindparam("at"),
        )
    )


_SETTLE_MINE = _settling(messages.c.state == _SENDING, messages.c.claim_token == sa.bindparam("token"))
_SETTLE_LATE = _settling(messages.c.state == _UNKNOWN)


def claim_messages(
    connection: sa.Connection,
    campaign_id: str,
    job: Job,
    *,
    limit: int,
    at: datetime,
    lease: timedelta,
    sender_id: str = "",
    but_senders: Collection[str] = (),
) -> list[Claimed]:
    """Mark up to ``limit`` pending messages *sending*, each with a new attempt; the mark is durable at the commit.

    With ``sender_id`` those of this sender alone, with ``but_senders`` those of all others.
    Nothing is marked unless the campaign is running and the job is still ours. A suppressed number is marked *suppressed*
    in this same transaction; the answer to its own STOP or HELP may reach it, for some minutes, and nobody after those.
    """
    running = (
        sa.select(campaigns.c.answers, campaigns.c.created_at)
        .where(campaigns.c.id == campaign_id, campaigns.c.state == CampaignState.RUNNING.value)
        .with_for_update(read=True)
    )
    campaign = connection.execute(running).one_or_none()
    if campaign is None or not holds_job(connection, job, at=at):
        return []
    due = (
        sa.select(messages)
        .where(
            messages.c.campaign_id == campaign_id,
            messages.c.state == _PENDING,
            sa.or_(messages.c.not_before.is_(None), messages.c.not_before <= at),
        )
        .order_by(messages.c.sender_id, messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if sender_id:
        due = due.where(messages.c.sender_id == sender_id)
    if but_senders:
        due = due.where(messages.c.sender_id.not_in(but_senders))
    is_answer = campaign.answers is not None
    while chosen := [message_of(row) for row in connection.execute(due)]:
        if is_answer and campaign.created_at < at - ANSWER_WITHIN:
            _mark_suppressed(connection, chosen, TOO_LATE, at=at)
            return []
        stopped = _suppress(connection, chosen, at=at, but_for_keywords=is_answer)
        # If only suppressed numbers were due, look further: the campaign would seem to have nothing left to do.
        if len(stopped) < len(chosen):
            return _claim(connection, [each for each in chosen if each.number not in stopped], at=at, lease=lease)
    return []


def _claim(connection: sa.Connection, chosen: Sequence[Message], *, at: datetime, lease: timedelta) -> list[Claimed]:
    token, until = new_id("job"), at + lease
    group = [
        Claimed(
            replace(message, state=MessageState.SENDING, attempts=message.attempts + 1), new_id("att"), token, until
        )
        for message in chosen
    ]
    _mark(connection, group, at=at)
    return group


def _suppress(
    connection: sa.Connection, chosen: Sequence[Message], *, at: datetime, but_for_keywords: bool
) -> set[str]:
    """Mark what is on the suppression list, and tell which numbers those are.

    ``but_for_keywords``: a number that only its own STOP put there may still get this one message.
    """
    listed = sa.select(suppressions.c.number).where(suppressions.c.number.in_([each.number for each in chosen]))
    if but_for_keywords:
        listed = listed.where(suppressions.c.reason != "keyword")
    stopped = set(connection.scalars(listed))
    _mark_suppressed(connection, [each for each in chosen if each.number in stopped], SUPPRESSED, at=at)
    return stopped


def _mark_suppressed(connection: sa.Connection, stopped: Sequence[Message], problem: str, *, at: datetime) -> None:
    if stopped:
        connection.execute(
            sa.update(messages)
            .where(messages.c.id.in_([each.id for each in stopped]))
            .values(state=MessageState.SUPPRESSED.value, problem=problem, updated_at=at)
        )


def _mark(connection: sa.Connection, group: Sequence[Claimed], *, at: datetime) -> None:
    connection.execute(
        _MARK,
        [
            {
                "this": claim.message.id,
                "attempt": claim.attempt_id,
                "token": claim.token,
                "until": claim.until,
                "at": at,
            }
            for claim in group
        ],
    )
    fresh = {
        "state": _SENDING,
        "endpoint": "",
        "started_at": at,
        "http_status": 0,
        "request_id": "",
        "mt_id": "",
        "code": 0,
        "description": "",
        "answer": "",
    }
    connection.execute(
        _BEGIN_ATTEMPT, [{"id": claim.attempt_id, "message_id": claim.message.id, **fresh} for claim in group]
    )


def settle_outcomes(
    connection: sa.Connection,
    outcomes: Sequence[tuple[Claimed, Outcome]],
    *,
    attempts_allowed: int,
    at: datetime,
    wait: timedelta,
) -> list[Settled]:
    """Write down what some attempts came to; an answer that comes after the sweep still turns *unknown* into *accepted*.

    What never reached an endpoint is no fault of the message: it keeps its tries. So does what was too fast. What was refused
    for its operator is tried again only if there was one to leave out.
    """
    then = {
        claim.attempt_id: after_outcome(
            outcome.kind,
            attempts_left=_may_be_tried_again(claim.message, outcome, attempts_allowed),
        )
        for claim, outcome in outcomes
    }
    connection.execute(_END_ATTEMPT, [_attempt_row(outcome, then[claim.attempt_id]) for claim, outcome in outcomes])
    rows = [_message_row(claim, outcome, then[claim.attempt_id], at, wait) for claim, outcome in outcomes]
    settled = connection.execute(_SETTLE_MINE, rows).rowcount
    again = [row["this"] for row in rows if row["then"] == _PENDING]
    if again:
        _cancel_with_campaign(connection, again, at=at)
    if settled == len(rows):
        return [Settled(claim, outcome, then[claim.attempt_id]) for claim, outcome in outcomes]
    late = [row for row in rows if row["then"] == MessageState.ACCEPTED.value]
    if late:
        connection.execute(_SETTLE_LATE, late)
    ids = [claim.message.id for claim, _ in outcomes]
    query = sa.select(messages.c.attempt_id, messages.c.state).where(messages.c.id.in_(ids))
    stands = {row.attempt_id: row.state for row in connection.execute(query)}
    return [
        Settled(
            claim,
            outcome,
            then[claim.attempt_id] if stands.get(claim.attempt_id) == then[claim.attempt_id].value else None,
        )
        for claim, outcome in outcomes
    ]


def _cancel_with_campaign(connection: sa.Connection, ids: Sequence[str], *, at: datetime) -> None:
    """End what came back unsent to a campaign that was cancelled meanwhile."""
    gone = sa.select(campaigns.c.id).where(campaigns.c.state == CampaignState.CANCELLED.value)
    connection.execute(
        sa.update(messages)
        .where(messages.c.id.in_(ids), messages.c.state == _PENDING, messages.c.campaign_id.in_(gone))
        .values(state=MessageState.CANCELLED.value, not_before=None, updated_at=at)
    )


def _may_be_tried_again(message: Message, outcome: Outcome, attempts_allowed: int) -> bool:
    if outcome.drop_operator and message.operator_id is None:
        return False
    if outcome.was_too_fast:
        return message.attempts < TOO_FAST_ATTEMPTS
    return message.attempts < attempts_allowed or not outcome.http_status


def _attempt_row(outcome: Outcome, then: MessageState) -> dict[str, Any]:
    return {
        "this": outcome.attempt_id,
        "new_state": then.value,
        "new_endpoint": outcome.endpoint,
        "new_started_at": outcome.started_at,
        "new_answered_at": outcome.answered_at,
        "new_http_status": outcome.http_status,
        "new_request_id": outcome.request_id,
        "new_mt_id": outcome.mt_id,
        "new_code": outcome.code,
        "new_description": outcome.description,
        "new_answer": outcome.answer,
    }


def _message_row(claim: Claimed, outcome: Outcome, then: MessageState, at: datetime, wait: timedelta) -> dict[str, Any]:
    again = then is MessageState.PENDING
    return {
        "this": claim.message.id,
        "attempt": claim.attempt_id,
        "token": claim.token,
        "then": then.value,
        "new_mt_id": outcome.mt_id,
        "new_request_id": outcome.request_id,
        "new_problem": _problem(outcome),
        "drop": outcome.drop_operator and again,
        "later": at + wait if again else None,
        "at": at,
    }


def _problem(outcome: Outcome) -> str:
    if outcome.kind is OutcomeKind.ACCEPTED:
        return ""
    return f"{outcome.code}: {outcome.description}" if outcome.code else outcome.description


def sweep_abandoned(connection: sa.Connection, *, at: datetime) -> int:
    """Turn every *sending* whose claim ran out into *unknown*: it may have left, so it is never sent again by itself.

    Returns:
        how many.
    """
    rows = connection.execute(
        sa.update(messages)
        .where(messages.c.state == _SENDING, messages.c.claim_until < at)
        .values(state=_UNKNOWN, problem=ABANDONED, updated_at=at)
        .returning(messages.c.attempt_id)
    ).all()
    if rows:
        connection.execute(
            sa.update(attempts)
            .where(attempts.c.id.in_([row.attempt_id for row in rows]))
            .values(state=_UNKNOWN, description=ABANDONED)
        )
    return len(rows)
