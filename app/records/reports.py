"""Delivery reports: put with the attempt they are about; rank decides whether they move the message."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


def settle_reports(connection: sa.Connection, told: Sequence[tuple[str, Report]], *, at: datetime) -> dict[str, str]:
    """Put reports with the attempts they are about, and move the messages whose rank says so.

    Args:
        connection: of a write transaction.
        told: each with the id of the POST that it came in, in the order in which they are to count.
        at: now.

    Returns:
        the number behind each mtId that an attempt has; for the others the sweep tries again later.
    """
    attempt_of = _attempts_named(connection, {report.mt_id for _, report in told})
    if not attempt_of:
        return {}
    # Messages first, then attempts, each by id: whoever locks them in this order waits for nobody in a circle. What is read
    # is read under the lock: another worker may have moved it by a report that came later and was worked on sooner.
    attempt_ids = sorted(attempt_of.values())
    theirs = sa.select(attempts.c.message_id).where(attempts.c.id.in_(attempt_ids))
    locked = sa.select(messages).where(messages.c.id.in_(theirs)).order_by(messages.c.id).with_for_update()
    message_of = {row.id: row for row in connection.execute(locked)}
    locked = sa.select(attempts).where(attempts.c.id.in_(attempt_ids)).order_by(attempts.c.id).with_for_update()
    attempt_rows = {row.id: row for row in connection.execute(locked)}
    states = {row.id: MessageState(row.state) for row in attempt_rows.values()}
    kept: list[dict[str, Any]] = []
    moved: dict[str, dict[str, Any]] = {}
    for callback_id, report in told:
        attempt = attempt_rows.get(attempt_of.get(report.mt_id, ""))
        if attempt is None:
            continue
        before = states[attempt.id]
        then = after_report(before, report.status)
        kept.append(_report_row(callback_id, report, attempt, before, then, at))
        if then is not None:
            states[attempt.id] = then
            moved[attempt.id] = {"this": attempt.id, "then": then.value, "why": _told(then, report), "at": at}
    connection.execute(_KEEP, kept)
    if moved:
        connection.execute(_MOVE_ATTEMPT, list(moved.values()))
        # A message shows its latest attempt: a report about an earlier one moves that one alone.
        connection.execute(_MOVE_MESSAGE, list(moved.values()))
    return {mt_id: message_of[attempt_rows[attempt_id].message_id].number for mt_id, attempt_id in attempt_of.items()}


_KEEP = sa.insert(reports)
_MOVE_ATTEMPT = sa.update(attempts).where(attempts.c.id == sa.bindparam("this")).values(state=sa.bindparam("then"))
_MOVE_MESSAGE = (
    sa.update(messages)
    .where(
        messages.c.id
        == sa.select(attempts.c.message_id).where(attempts.c.id == sa.bindparam("this")).scalar_subquery(),
        messages.c.attempt_id == sa.bindparam("this"),
    )
    .values(state=sa.bindparam("then"), problem=sa.bindparam("why"), updated_at=sa.bindparam("at"))
)


def _attempts_named(connection: sa.Connection, mt_ids: Collection[str]) -> dict[str, str]:
    """Map mtIds to the attempts that have them; the first one, should OpenMarket have given one twice."""
    query = (
        sa.select(attempts.c.mt_id, attempts.c.id).where(attempts.c.mt_id.in_(mt_ids)).order_by(attempts.c.id.desc())
    )
    return {row.mt_id: row.id for row in connection.execute(query)}


def _report_row(
    callback_id: str,
    report: Report,
    attempt: sa.Row[Any],
    before: MessageState,
    then: MessageState | None,
    at: datetime,
) -> dict[str, Any]:
    told = REPORT_STATES.get(report.status)
    return {
        "id": new_id("rpt"),
        "callback_id": callback_id,
        "attempt_id": attempt.id,
        "message_id": attempt.message_id,
        "received_at": at,
        "reported_at": report.reported_at,
        "status": report.status[:100],
        "outcome_id": report.outcome_id,
        "description": report.description,
        "user_agent": report.user_agent[:300],
        "request_id": report.request_id[:200],
        "moved": then is not None,
        "contradicts": before in FINAL_BY_REPORT and told in FINAL_BY_REPORT and told is not before,
    }


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


def count_unmatched_reports(connection: sa.Connection, *, since: datetime, until: datetime) -> tuple[int, int]:
    """Count reports of that time whose mtId no attempt has, and their different mtIds: what *unknown* may have come to.

    An mtId that was reported on before ``since`` belongs to something older and is left out.
    """
    before = callbacks.alias()
    query = sa.select(sa.func.count(), sa.func.count(callbacks.c.mt_id.distinct())).where(
        callbacks.c.state == "unmatched",
        callbacks.c.received_at.between(since, until),
        ~sa.exists().where(before.c.mt_id == callbacks.c.mt_id, before.c.received_at < since),
    )
    found = connection.execute(query).one()
    return int(found[0]), int(found[1])


@dataclass(frozen=True, slots=True)
class Unknowns:
    """How many messages of a campaign are unknown, and when the first and the last of them was tried."""

    count: int
    first_at: datetime
    last_at: datetime


_UNKNOWN = messages.c.state == MessageState.UNKNOWN.value


def unknowns_of(connection: sa.Connection, campaign_id: str) -> Unknowns | None:
    """Count the unknown messages of a campaign; None = it has none."""
    query = (
        sa.select(sa.func.count(), sa.func.min(attempts.c.started_at), sa.func.max(attempts.c.started_at))
        .join(attempts, attempts.c.id == messages.c.attempt_id)
        .where(messages.c.campaign_id == campaign_id, _UNKNOWN)
    )
    count, first_at, last_at = connection.execute(query).one()
    return Unknowns(int(count), first_at, last_at) if count else None


def count_unknown_elsewhere(connection: sa.Connection, campaign_id: str, *, since: datetime, until: datetime) -> int:
    """Count the unknown messages of all other campaigns that were tried in that time."""
    query = (
        sa.select(sa.func.count())
        .select_from(messages)
        .join(attempts, attempts.c.id == messages.c.attempt_id)
        .where(messages.c.campaign_id != campaign_id, _UNKNOWN, attempts.c.started_at.between(since, until))
    )
    return int(connection.scalar(query) or 0)
