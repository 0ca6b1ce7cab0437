"""Delivery reports: which ones follow an accepted message, when, and how one is posted."""

from datetime import UTC, datetime
from typing import Any

from app.sandbox.faults import Fault
from app.sandbox.numbers import CONTENT_REFUSED, REPORTS, ReportPlan, meaning_of
from app.sandbox.options import SandboxOptions

Planned = tuple[float, ReportPlan]


def plan_reports(destination: str, options: SandboxOptions, fault: Fault | None, *, usable: bool) -> list[Planned]:
    """Plan the reports of one accepted message.

    Args:
        destination: may be a test number or a pattern number.
        options: the delays.
        fault: what goes wrong with them, None = nothing.
        usable: False = some content could not be used, so the message is rejected.

    Returns:
        seconds from now and what to report, in the order in which they are to be posted.
    """
    soon, later = options.forwarded_seconds, options.forwarded_seconds + options.retrieved_seconds
    asked = meaning_of(destination)
    if not usable:
        planned = [(soon, CONTENT_REFUSED)]
    elif asked.report is None:
        planned = [(soon, REPORTS[5]), (later, REPORTS[1])]
    elif destination.startswith("1555") and asked.report is not REPORTS[5]:
        planned = [(soon, REPORTS[5]), (later, asked.report)]
    else:
        planned = [(soon, asked.report)]
    return _spoil(planned, fault)


def _spoil(planned: list[Planned], fault: Fault | None) -> list[Planned]:
    match fault.kind if fault else "":
        case "reports_lost":
            return []
        case "reports_late":
            return [(seconds + (fault.seconds if fault else 0.0), plan) for seconds, plan in planned]
        case "reports_twice":
            return [each for each in planned for _ in range(2)]
        case "reports_reordered":
            plans = [plan for _, plan in reversed(planned)]
            return [(seconds, plan) for (seconds, _), plan in zip(planned, plans, strict=True)]
        case "reports_contradicting":
            other = REPORTS[9] if planned[-1][1].status != "Rejected" else REPORTS[1]
            return [*planned, (planned[-1][0] + 0.3, other)]
        case _:
            return planned


def report_body(mt_id: int, plan: ReportPlan) -> dict[str, Any]:
    """Make a report as the documentation shows it: the mtId is a string here, an integer in the send answer."""
    body: dict[str, Any] = {
        "type": "REPORT",
        "mtId": str(mt_id),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": plan.status,
        "outcomeId": plan.outcome_id,
        "outcomeDescription": plan.description,
    }
    if plan.status == "Retrieved":
        body["userAgent"] = "Sandbox Phone 1"
    return body


def early_part(planned: list[Planned], fault: Fault | None) -> tuple[ReportPlan | None, list[Planned]]:
    """Split off the report that is posted before the send is answered, if the fault asks for that."""
    if fault is None or fault.kind != "reports_early" or not planned:
        return None, planned
    return planned[0][1], planned[1:]
