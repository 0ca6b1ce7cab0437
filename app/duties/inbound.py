"""What a handset sent us: kept once, and heeded when it says stop."""

from app.compose.numbers import parse_number
from app.duties.postcard import Change
from app.errors import InvalidRecipients
from app.model.messages import Inbound
from app.records.callbacks import add_inbound
from app.records.suppressions import add_suppressions, remove_suppression
from app.report.stopwords import Verdict, judge_inbound
from app.telemetry import REPORTS, log, mask_number


def settle_inbound(change: Change, callback_id: str, message: Inbound) -> None:
    """Keep an inbound message; STOP suppresses its number, START undoes a keyword stop only.

    A text that merely sounds like a stop suppresses too, and waits for a person.
    """
    verdict = judge_inbound(message, _country(message.source))
    if not add_inbound(change.connection, callback_id, message, judged=verdict.value, at=change.at):
        return
    REPORTS.labels(kind="inbound", status=verdict.value).inc()
    log.info("inbound message", number=mask_number(message.source), judged=verdict.value)
    if verdict is Verdict.START:
        remove_suppression(change.connection, message.source, only_reason="keyword")
    elif verdict in {Verdict.STOP, Verdict.STOP_LIKE}:
        add_suppressions(
            change.connection,
            [message.source],
            reason="keyword" if verdict is Verdict.STOP else "phrase",
            note=message.text[:200],
            created_by="inbound message",
            at=change.at,
        )


def _country(number: str) -> str:
    """Tell the country of a handset, for its stop words; an odd number falls back to all of them."""
    try:
        return parse_number(number).country
    except InvalidRecipients:
        return ""
