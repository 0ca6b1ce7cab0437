"""Destinations that mean something: OpenMarket's test numbers, and patterns of ours that give each code and status.

A pattern number is 1 555 CC DDDDD, eleven digits: area code 555 belongs to nobody, CC says what kind of thing is to
happen, DDDDD which. docs/sandbox.md lists them; a test compares.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.sandbox.codes import CODES

_PATTERN = re.compile(r"1555(9[0-6])(\d{5})")


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """One report that will be sent: status word, outcome number, description, as delivery reports hold them."""

    status: str
    outcome_id: int
    description: str


# 1, 4, 5 and 9 are documented. The others are words of the MM7 family; their numbers and all but one description are ours.
REPORTS: dict[int, ReportPlan] = {
    1: ReportPlan("Retrieved", 1, "Message was retrieved by the recipient"),
    2: ReportPlan("Expired", 2, "Message expired before it was retrieved"),
    3: ReportPlan("Indeterminate", 3, "The outcome cannot be determined"),
    4: ReportPlan("Deferred", 4, "Recipient was notified, message not retrieved yet"),
    5: ReportPlan("Forwarded", 5, "Message was forwarded to the mobile operator"),
    6: ReportPlan("Unrecognized", 6, "The message was not recognized"),
    7: ReportPlan("Unreachable", 7, "Recipient is not reachable"),
    8: ReportPlan("NotSupported", 8, "Recipient's handset or operator does not support MMS"),
    9: ReportPlan("Rejected", 9, "Recipient not found on mobile operator"),
    99: ReportPlan("Teleported", 99, "A status that nobody has documented"),
}
CONTENT_REFUSED = ReportPlan("Rejected", 9, "Content could not be used")

# OpenMarket's documented test numbers: each gives this report alone.
TEST_NUMBERS: dict[str, ReportPlan] = {
    "10000871000": REPORTS[1],
    "10360871000": REPORTS[4],
    "10340871000": REPORTS[5],
}

CONNECTION_FAULTS: dict[int, str] = {
    1: "cut_before",
    2: "cut_after",
    3: "error_after",
    4: "proxy_error_after",
    5: "garbage",
    6: "accepted_without_id",
    7: "redirect",
    8: "slow",
    9: "garbage_bytes",
}
REPORT_FAULTS: dict[int, str] = {
    1: "reports_lost",
    2: "reports_late",
    3: "reports_twice",
    4: "reports_reordered",
    5: "reports_early",
    6: "reports_contradicting",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a destination asks for; everything empty for an ordinary number.

    ``code`` with ``status`` (0 = the code's own) refuse; ``status`` alone is a bare answer without a body of ours.
    """

    code: int = 0
    status: int = 0
    connection: str = ""
    report_fault: str = ""
    report: ReportPlan | None = None


def meaning_of(destination: str) -> Meaning:
    """Say what a destination asks for."""
    if destination in TEST_NUMBERS:
        return Meaning(report=TEST_NUMBERS[destination])
    found = _PATTERN.fullmatch(destination)
    return _MEANINGS[found[1]](int(found[2])) if found else Meaning()


def _refusing(status: int) -> Callable[[int], Meaning]:
    return lambda value: Meaning(code=value, status=status) if value in CODES else Meaning()


_MEANINGS: dict[str, Callable[[int], Meaning]] = {
    "90": _refusing(0),
    "91": _refusing(500),
    "92": _refusing(400),
    "93": lambda value: Meaning(status=value if 200 <= value <= 599 else 0),
    "94": lambda value: Meaning(connection=CONNECTION_FAULTS.get(value, "")),
    "95": lambda value: Meaning(report=REPORTS.get(value)),
    "96": lambda value: Meaning(report_fault=REPORT_FAULTS.get(value, "")),
}
