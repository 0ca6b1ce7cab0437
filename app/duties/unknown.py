"""What a person should know before unknown messages are sent again: how many, what came since, and what can be done."""

from dataclasses import dataclass
from datetime import datetime

from app.records.database import Connection
from app.records.reports import count_unmatched_reports, unknown_since


@dataclass(frozen=True, slots=True)
class UnknownNote:
    """The unknown messages of one campaign.

    ``since`` is when the first of them was tried; ``unmatched_reports`` came since with an mtId that no attempt has, about
    ``unmatched_mt_ids`` different messages; ``sentence`` and ``advice`` say it in words for a person.
    """

    unknown: int
    since: datetime
    unmatched_reports: int
    unmatched_mt_ids: int
    sentence: str
    advice: str


def note_unknown(connection: Connection, campaign_id: str) -> UnknownNote | None:
    """Tell what is known about the unknown messages of a campaign; None = it has none.

    Reports with a foreign mtId may also belong to another sender of the same account: they are a hint, no proof.
    """
    found = unknown_since(connection, campaign_id)
    if found is None:
        return None
    unknown, since = found
    reports, mt_ids = count_unmatched_reports(connection, since=since)
    return UnknownNote(unknown, since, reports, mt_ids, _sentence(unknown, reports, mt_ids), _advice(unknown, mt_ids))


def _sentence(unknown: int, reports: int, mt_ids: int) -> str:
    told = "1 report" if reports == 1 else f"{reports} reports"
    whose = "an mtId" if mt_ids <= 1 else f"{mt_ids} mtIds"
    return f"{unknown} unknown; {told} with {whose} we never recorded came since."


def _advice(unknown: int, mt_ids: int) -> str:
    likely = (
        "None of them seems to have been accepted, but some operators send no reports."
        if not mt_ids
        else "All of them may well have been accepted."
        if mt_ids >= unknown
        else f"At least some of them, perhaps {mt_ids}, may well have been accepted."
    )
    return (
        f"{likely} Wait for late reports (up to 72 hours), or ask OpenMarket Support with the number, time, endpoint and "
        "request id that each message shows. Sending the unknown ones again is possible once the campaign is finished or "
        "paused; whoever got the first message then gets a second one."
    )
