"""What a handset sent us: kept once, heeded when it says stop, and answered where that is ours to do."""

from app.compose.numbers import parse_number
from app.duties.handsets import learn_from_inbound
from app.duties.postcard import Change, Postcard
from app.duties.replies import answer_inbound
from app.errors import InvalidRecipients
from app.model.messages import Inbound, Recipient
from app.records.callbacks import Callback, add_inbound, last_keyword
from app.records.suppressions import add_suppressions, leave_to_keyword, remove_suppression
from app.report.stopwords import Verdict, judge_inbound
from app.telemetry import log, mask_number


def settle_inbound(post: Postcard, change: Change, callback: Callback, message: Inbound) -> None:
    """Keep an inbound message; STOP suppresses its number, START undoes a keyword stop only.

    A text that merely sounds like a stop suppresses too, and waits for a person. A STOP from a number that is suppressed
    already is not confirmed again.
    """
    learn_from_inbound(post, change, message)
    writer = writer_of(message.source)
    verdict = judge_inbound(message, writer.country if writer else "")
    inbound_id = add_inbound(change.connection, callback.id, message, judged=verdict.value, at=change.at)
    if inbound_id is None:
        return
    log.info("inbound message", number=mask_number(message.source), judged=verdict.value)
    newly_stopped = _heed(change, message, verdict)
    if writer and (newly_stopped or verdict is Verdict.HELP):
        answer_inbound(
            change,
            post.settings.openmarket,
            inbound_id=inbound_id,
            message=message,
            sender_of=writer,
            verdict=verdict,
            arrived_at=callback.received_at,
        )


def _heed(change: Change, message: Inbound, verdict: Verdict) -> bool:
    """Suppress or free the number; tell whether it is suppressed only now.

    A START that was said before a STOP and comes after it, since its POST was repeated, frees nobody.
    """
    if verdict is Verdict.START and last_keyword(change.connection, message.source) == "start":
        remove_suppression(change.connection, message.source, only_reason="keyword")
    if verdict not in {Verdict.STOP, Verdict.STOP_LIKE}:
        return False
    if not (message.source.isdigit() and len(message.source) <= 15):
        log.warning("a stop came from what is no number", judged=verdict.value, alarm=True)
        return False
    added = add_suppressions(
        change.connection,
        [message.source],
        reason="keyword" if verdict is Verdict.STOP else "phrase",
        note=message.text[:200],
        created_by="inbound message",
        at=change.at,
    )
    return added > 0


def lift_phrase(change: Change, number: str) -> None:
    """Let a number be sent to again that only sounded like a stop, as a person decided; its own STOP stands all the same."""
    if last_keyword(change.connection, number) == "stop":
        leave_to_keyword(change.connection, number)
    else:
        remove_suppression(change.connection, number, only_reason="phrase")


def writer_of(number: str) -> Recipient | None:
    """Tell the country of a handset, for its stop words; None = an odd number, which falls back to all of them."""
    try:
        return parse_number(number)
    except InvalidRecipients:
        return None
