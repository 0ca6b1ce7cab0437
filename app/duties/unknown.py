"""What a person should know before unknown messages are sent again: how many, what came since, and what can be done."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.records.database import Connection
from app.records.reports import count_unknown_elsewhere, count_unmatched_reports, unknowns_of

REPORTED_WITHIN = timedelta(hours=72)
"""So long a message waits for a report; what comes later hardly belongs to it."""
CLOCKS_DIFFER = timedelta(seconds=5)
"""An attempt has the time of the worker's clock, a report that of the database's."""


@dataclass(frozen=True, slots=True)
class UnknownNote:
    """The unknown messages of one campaign.

    Attributes:
        unknown: how many there are.
        since: when the first of them was tried.
        unmatched_reports: those that came since, in the time that a message waits for one, with an mtId that no attempt has.
        unmatched_mt_ids: how many different mtIds those have.
        reported_at_most: how many of the unknown ones those can be about.
        unknown_elsewhere: how many unknown messages of other campaigns they may be about as well.
        sentence: the figures in words.
        advice: what they mean, and what a person can do.
    """

    unknown: int
    since: datetime
    unmatched_reports: int
    unmatched_mt_ids: int
    reported_at_most: int
    unknown_elsewhere: int
    sentence: str
    advice: str


def note_unknown(connection: Connection, campaign_id: str) -> UnknownNote | None:
    """Tell what is known about the unknown messages of a campaign; None = it has none.

    A report holds no number, no sender and no campaign: its time is all that tells whether it can belong here. It may as well
    belong to another campaign's unknown message, or to another application of the account.
    """
    found = unknowns_of(connection, campaign_id)
    if found is None:
        return None
    until = found.last_at + REPORTED_WITHIN
    reports, mt_ids = count_unmatched_reports(connection, since=found.first_at - CLOCKS_DIFFER, until=until)
    elsewhere = count_unknown_elsewhere(
        connection, campaign_id, since=found.first_at - REPORTED_WITHIN, until=until + CLOCKS_DIFFER
    )
    at_most = min(found.count, mt_ids)
    return UnknownNote(
        unknown=found.count,
        since=found.first_at,
        unmatched_reports=reports,
        unmatched_mt_ids=mt_ids,
        reported_at_most=at_most,
        unknown_elsewhere=elsewhere,
        sentence=_sentence(found.count, reports, mt_ids),
        advice=f"{_meaning(at_most, elsewhere)} {_CHOICES}",
    )


def _sentence(unknown: int, reports: int, mt_ids: int) -> str:
    told = "1 report" if reports == 1 else f"{reports} reports"
    whose = "an mtId" if mt_ids <= 1 else f"{mt_ids} mtIds"
    return f"{unknown} unknown; {told} with {whose} we never recorded came since."


def _meaning(at_most: int, elsewhere: int) -> str:
    if not at_most:
        return "No report says that any of them was accepted; some operators send no reports, so that proves nothing."
    others = (
        f"{elsewhere} unknown message{'' if elsewhere == 1 else 's'} of other campaigns, or to another application"
        if elsewhere
        else "another application"
    )
    return (
        f"At most {at_most} of them {'is' if at_most == 1 else 'are'} shown to be accepted by that, perhaps none: a report "
        f"names no number, so it may belong to {others} of the account. Of the others no report tells anything."
    )


_CHOICES = (
    "Wait for late reports (up to 72 hours), or ask OpenMarket Support with the number, time, endpoint and request id that "
    "each message shows. Sending the unknown ones again is possible once the campaign is finished or paused; whoever got "
    "the first message then gets a second one."
)
