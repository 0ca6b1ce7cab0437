"""Delivery reports: put with the attempt they are about; rank decides whether they move the message."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.model.ids import new_id
from app.model.messages import Report
from app.model.status import FINAL_BY_REPORT, REPORT_STATES, MessageState, after_report
from app.records.tables import attempts, callbacks, messages, reports


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


def settle_report(connection: sa.Connection, callback_id: str, report: Report, *, at: datetime) -> bool:
    """Put a report with its attempt and move the message if its rank says so.

    Returns:
        False when no attempt has this mtId yet; the sweep tries again later.
    """
    named = sa.select(attempts.c.id, attempts.c.message_id).where(attempts.c.mt_id == report.mt_id).limit(1)
    found = connection.execute(named).one_or_none()
    if found is None:
        return False
    message = connection.execute(sa.select(messages).where(messages.c.id == found.message_id).with_for_update()).one()
    # Read under the lock: another worker may have moved it by a report that came later and was worked on sooner.
    attempt = connection.execute(sa.select(attempts).where(attempts.c.id == found.id).with_for_update()).one()
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


def reports_of(connection: sa.Connection, message_ids: Iterable[str]) -> list[KeptReport]:
    """List the reports of these messages in the order they came."""
    names = list(KeptReport.__dataclass_fields__)
    query = (
        sa.select(*[reports.c[name] for name in names])
        .where(reports.c.message_id.in_(list(message_ids)))
        .order_by(reports.c.id)
    )
    return [KeptReport(**row._asdict()) for row in connection.execute(query)]


def count_unmatched_reports(connection: sa.Connection, *, since: datetime) -> tuple[int, int]:
    """Count reports since then whose mtId no attempt has, and their different mtIds: what *unknown* may have come to."""
    query = sa.select(sa.func.count(), sa.func.count(callbacks.c.mt_id.distinct())).where(
        callbacks.c.state == "unmatched", callbacks.c.received_at >= since
    )
    found = connection.execute(query).one()
    return int(found[0]), int(found[1])


def unknown_since(connection: sa.Connection, campaign_id: str) -> tuple[int, datetime] | None:
    """Count the unknown messages of a campaign, with the time at which the first of them was tried; None = there is none."""
    query = (
        sa.select(sa.func.count(), sa.func.min(attempts.c.started_at))
        .join(attempts, attempts.c.id == messages.c.attempt_id)
        .where(messages.c.campaign_id == campaign_id, messages.c.state == MessageState.UNKNOWN.value)
    )
    count, first = connection.execute(query).one()
    return (int(count), first) if count else None
