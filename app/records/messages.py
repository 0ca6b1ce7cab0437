"""Messages: the mark *sending*, what became of each attempt, and what reports say later.

Never twice, never forgotten: a message leaves *pending* by one conditional update that is durable before its first byte
leaves. Only the holder of the claim token moves it on; the sweeper turns what was abandoned into *unknown*, never into
*pending*. A late answer may still move *unknown* to *accepted*.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound
from app.model.ids import new_id
from app.model.messages import Message, Outcome, Report
from app.model.status import (
    FINAL_BY_REPORT,
    REPORT_STATES,
    RESENDABLE,
    CampaignState,
    MessageState,
    OutcomeKind,
    after_outcome,
    after_report,
)
from app.records.jobs import Job, holds_job
from app.records.tables import attempts, callbacks, campaigns, messages, reports, suppressions

_PENDING, _SENDING, _UNKNOWN = MessageState.PENDING.value, MessageState.SENDING.value, MessageState.UNKNOWN.value


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is marked *sending* for one attempt; only ``token`` may settle it, until ``until``."""

    message: Message
    attempt_id: str
    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a message, as kept."""

    id: str
    message_id: str
    state: MessageState
    endpoint: str
    started_at: datetime
    answered_at: datetime | None
    http_status: int
    request_id: str
    mt_id: str
    code: int
    description: str
    answer: str


@dataclass(frozen=True, slots=True)
class KeptReport:
    """One delivery report of a message; ``moved`` says that it changed the state, ``contradicts`` that it disagrees."""

    message_id: str
    attempt_id: str
    received_at: datetime
    reported_at: datetime | None
    status: str
    outcome_id: int | None
    description: str
    user_agent: str
    request_id: str
    moved: bool
    contradicts: bool


def _message(row: sa.Row[Any]) -> Message:
    return Message(
        id=row.id,
        campaign_id=row.campaign_id,
        number=row.number,
        country=row.country,
        operator_id=row.operator_id,
        sender_id=row.sender_id,
        profile=row.profile,
        state=MessageState(row.state),
        attempts=row.attempts,
        mt_id=row.mt_id,
        request_id=row.request_id,
        problem=row.problem,
        updated_at=row.updated_at,
    )


def get_message(connection: sa.Connection, message_id: str) -> Message:
    """Read one message.

    Raises:
        NotFound: no such message.
    """
    row = connection.execute(sa.select(messages).where(messages.c.id == message_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no message {message_id[:60]}.", id=message_id[:60])
    return _message(row)


def list_messages(
    connection: sa.Connection, campaign_id: str, *, after: str = "", limit: int = 100, state: str = ""
) -> Sequence[Message]:
    """List the messages of a campaign in the order of their ids; ``after`` is the last id of the page above."""
    query = sa.select(messages).where(messages.c.campaign_id == campaign_id, messages.c.id > after)
    if state:
        query = query.where(messages.c.state == state)
    return [_message(row) for row in connection.execute(query.order_by(messages.c.id).limit(limit))]


def profiles_of(connection: sa.Connection, campaign_id: str) -> list[str]:
    """Name the profiles that the messages of a campaign need."""
    query = sa.select(messages.c.profile).where(messages.c.campaign_id == campaign_id).distinct()
    return sorted(connection.scalars(query))


def numbers_of(connection: sa.Connection, campaign_id: str, *, state: MessageState) -> list[str]:
    """List the numbers of a campaign whose message stands in ``state``."""
    query = sa.select(messages.c.number).where(messages.c.campaign_id == campaign_id, messages.c.state == state.value)
    return list(connection.scalars(query))


def claim_messages(
    connection: sa.Connection, campaign_id: str, job: Job, *, limit: int, at: datetime, lease: timedelta
) -> list[Claimed]:
    """Mark up to ``limit`` pending messages *sending*, each with a new attempt; the mark is durable at the commit.

    Nothing is marked unless the campaign is running and the job is still ours. A suppressed number is marked *suppressed*
    in this same transaction.
    """
    running = (
        sa.select(campaigns.c.id)
        .where(campaigns.c.id == campaign_id, campaigns.c.state == CampaignState.RUNNING.value)
        .with_for_update(read=True)
    )
    if connection.execute(running).one_or_none() is None or not holds_job(connection, job, at=at):
        return []
    due = (
        sa.select(messages.c.id, messages.c.number)
        .where(
            messages.c.campaign_id == campaign_id,
            messages.c.state == _PENDING,
            sa.or_(messages.c.not_before.is_(None), messages.c.not_before <= at),
        )
        .order_by(messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    chosen = {row.id: row.number for row in connection.execute(due)}
    stopped = set(
        connection.scalars(sa.select(suppressions.c.number).where(suppressions.c.number.in_(chosen.values())))
    )
    suppressed = [message_id for message_id, number in chosen.items() if number in stopped]
    if suppressed:
        connection.execute(
            sa.update(messages)
            .where(messages.c.id.in_(suppressed), messages.c.state == _PENDING)
            .values(state=MessageState.SUPPRESSED.value, problem="the number is on the suppression list", updated_at=at)
        )
    return [
        _mark_sending(connection, message_id, at=at, until=at + lease)
        for message_id in chosen
        if message_id not in suppressed
    ]


def _mark_sending(connection: sa.Connection, message_id: str, *, at: datetime, until: datetime) -> Claimed:
    attempt_id, token = new_id("att"), new_id("job")
    row = connection.execute(
        sa.update(messages)
        .where(messages.c.id == message_id, messages.c.state == _PENDING)
        .values(
            state=_SENDING,
            attempt_id=attempt_id,
            attempts=messages.c.attempts + 1,
            mt_id="",
            request_id="",
            problem="",
            claim_token=token,
            claim_until=until,
            updated_at=at,
        )
        .returning(*messages.c)
    ).one()
    connection.execute(
        sa.insert(attempts).values(
            id=attempt_id,
            message_id=message_id,
            state=_SENDING,
            endpoint="",
            started_at=at,
            http_status=0,
            request_id="",
            mt_id="",
            code=0,
            description="",
            answer="",
        )
    )
    return Claimed(_message(row), attempt_id, token, until)


def settle_outcome(
    connection: sa.Connection, claim: Claimed, outcome: Outcome, *, attempts_allowed: int, at: datetime, wait: timedelta
) -> MessageState | None:
    """Write down what one attempt came to.

    Returns:
        the message's new state; None when the claim is no longer ours, and only the attempt was written (an answer that
        comes after the sweep still turns *unknown* into *accepted*).
    """
    attempts_left = claim.message.attempts < attempts_allowed or outcome.slow_down
    then = after_outcome(outcome.kind, attempts_left=attempts_left)
    connection.execute(
        sa.update(attempts)
        .where(attempts.c.id == claim.attempt_id)
        .values(
            state=then.value,
            endpoint=outcome.endpoint,
            answered_at=outcome.answered_at,
            http_status=outcome.http_status,
            request_id=outcome.request_id,
            mt_id=outcome.mt_id,
            code=outcome.code,
            description=outcome.description,
            answer=outcome.answer,
        )
    )
    values: dict[str, Any] = {
        "state": then.value,
        "mt_id": outcome.mt_id,
        "request_id": outcome.request_id,
        "problem": _problem(outcome),
        "claim_token": None,
        "claim_until": None,
        "not_before": at + wait if then is MessageState.PENDING else None,
        "updated_at": at,
    }
    if outcome.drop_operator and then is MessageState.PENDING:
        values["operator_id"] = None
    mine = sa.and_(messages.c.id == claim.message.id, messages.c.attempt_id == claim.attempt_id)
    held = sa.and_(mine, messages.c.state == _SENDING, messages.c.claim_token == claim.token)
    if connection.execute(sa.update(messages).where(held).values(values)).rowcount == 1:
        return then
    if outcome.kind is OutcomeKind.ACCEPTED:
        late = sa.and_(mine, messages.c.state == _UNKNOWN)
        if connection.execute(sa.update(messages).where(late).values(values)).rowcount == 1:
            return then
    return None


def _problem(outcome: Outcome) -> str:
    if outcome.kind is OutcomeKind.ACCEPTED:
        return ""
    return f"{outcome.code}: {outcome.description}" if outcome.code else outcome.description


def sweep_abandoned(connection: sa.Connection, *, at: datetime) -> int:
    """Turn every *sending* whose claim ran out into *unknown*: it may have left, so it is never sent again by itself.

    Returns:
        how many.
    """
    problem = "the worker stopped while this message was under way; it may have been sent"
    rows = connection.execute(
        sa.update(messages)
        .where(messages.c.state == _SENDING, messages.c.claim_until < at)
        .values(state=_UNKNOWN, problem=problem, updated_at=at)
        .returning(messages.c.attempt_id)
    ).all()
    connection.execute(
        sa.update(attempts)
        .where(attempts.c.id.in_([row.attempt_id for row in rows]))
        .values(state=_UNKNOWN, description=problem)
    )
    return len(rows)


def sweep_silent(connection: sa.Connection, *, at: datetime, hours: int = 72) -> int:
    """Mark accepted messages that nobody reported on for ``hours`` as *no_report*; a late report still moves them."""
    done = connection.execute(
        sa.update(messages)
        .where(messages.c.state == MessageState.ACCEPTED.value, messages.c.updated_at < at - timedelta(hours=hours))
        .values(state=MessageState.NO_REPORT.value, updated_at=at)
    )
    return done.rowcount


def resend(connection: sa.Connection, campaign_id: str, *, unknown: bool, quiet_before: datetime, at: datetime) -> int:
    """Make failed messages pending again, or (by a person alone) those that are *unknown* and quiet since ``quiet_before``.

    Returns:
        how many.
    """
    query = sa.update(messages).where(messages.c.campaign_id == campaign_id)
    if unknown:
        query = query.where(messages.c.state == _UNKNOWN, messages.c.updated_at < quiet_before)
    else:
        query = query.where(messages.c.state.in_([state.value for state in RESENDABLE]))
    return connection.execute(query.values(state=_PENDING, not_before=None, attempts=0, updated_at=at)).rowcount


def settle_report(connection: sa.Connection, callback_id: str, report: Report, *, at: datetime) -> bool:
    """Put a report with its attempt and move the message if its rank says so.

    Returns:
        False when no attempt has this mtId yet; the sweep tries again later.
    """
    attempt = connection.execute(sa.select(attempts).where(attempts.c.mt_id == report.mt_id).limit(1)).one_or_none()
    if attempt is None:
        return False
    message = connection.execute(sa.select(messages).where(messages.c.id == attempt.message_id).with_for_update()).one()
    before = MessageState(attempt.state)
    then = after_report(before, report.status)
    told = REPORT_STATES.get(report.status)
    connection.execute(
        sa.insert(reports).values(
            id=new_id("rpt"),
            callback_id=callback_id,
            attempt_id=attempt.id,
            message_id=message.id,
            received_at=at,
            reported_at=report.reported_at,
            status=report.status[:100],
            outcome_id=report.outcome_id,
            description=report.description,
            user_agent=report.user_agent[:300],
            request_id=report.request_id[:200],
            moved=then is not None,
            contradicts=before in FINAL_BY_REPORT and told in FINAL_BY_REPORT and told is not before,
        )
    )
    if then is not None:
        connection.execute(sa.update(attempts).where(attempts.c.id == attempt.id).values(state=then.value))
        if message.attempt_id == attempt.id:
            connection.execute(
                sa.update(messages)
                .where(messages.c.id == message.id)
                .values(state=then.value, problem=_told(then, report), updated_at=at)
            )
    return True


def _told(then: MessageState, report: Report) -> str:
    if then in {MessageState.RETRIEVED, MessageState.FORWARDED, MessageState.DEFERRED}:
        return ""
    return report.description or report.status


def attempts_of(connection: sa.Connection, message_ids: Iterable[str]) -> list[Attempt]:
    """List the attempts of these messages, oldest first."""
    query = sa.select(attempts).where(attempts.c.message_id.in_(list(message_ids))).order_by(attempts.c.id)
    return [Attempt(**{**row._asdict(), "state": MessageState(row.state)}) for row in connection.execute(query)]


def reports_of(connection: sa.Connection, message_ids: Iterable[str]) -> list[KeptReport]:
    """List the reports of these messages in the order they came."""
    names = list(KeptReport.__dataclass_fields__)
    query = (
        sa.select(*[reports.c[name] for name in names])
        .where(reports.c.message_id.in_(list(message_ids)))
        .order_by(reports.c.id)
    )
    return [KeptReport(**row._asdict()) for row in connection.execute(query)]


def count_unmatched_reports(connection: sa.Connection, *, since: datetime) -> int:
    """Count reports since then whose mtId no attempt has: what *unknown* messages may have come to."""
    query = sa.select(sa.func.count()).where(callbacks.c.state == "unmatched", callbacks.c.received_at >= since)
    return int(connection.scalar(query) or 0)


def recent_outcomes(connection: sa.Connection, campaign_id: str, *, limit: int = 200) -> list[tuple[str, int]]:
    """List (state, code) of the latest attempts of a campaign, newest first: what the breaker looks at."""
    query = (
        sa.select(attempts.c.state, attempts.c.code)
        .join(messages, messages.c.id == attempts.c.message_id)
        .where(messages.c.campaign_id == campaign_id, attempts.c.answered_at.is_not(None))
        .order_by(attempts.c.id.desc())
        .limit(limit)
    )
    return [(row.state, row.code) for row in connection.execute(query)]
