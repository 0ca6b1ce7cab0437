"""OpenMarket's refusal codes: what each means for this message and for all others of the campaign.

Codes and meanings: OpenMarket, "Send an MMS", response error codes. That page calls 15406 alone retryable; what we do on
the others is our conclusion from the meaning, and stands here so that it can be seen and changed in one place.
"""

from dataclasses import dataclass

from app.model.status import OutcomeKind

_SAME_FOR_ALL = "Every other message of this campaign would be refused the same way."


@dataclass(frozen=True, slots=True)
class Code:
    """One refusal code.

    ``kind`` is what a refusal with a 4xx status proves; *not_sent* may be tried again. ``pause`` is a sentence for a person
    when the same would happen to every recipient, else empty. ``slow_down``: the pacing was too fast.
    ``drop_operator``: try once more without mobileOperatorId.
    """

    number: int
    meaning: str
    kind: OutcomeKind = OutcomeKind.REFUSED
    pause: str = ""
    slow_down: bool = False
    drop_operator: bool = False


def _same_for_all(number: int, meaning: str, do: str) -> Code:
    return Code(number, meaning, pause=f"OpenMarket: {meaning} ({number}). {do} {_SAME_FOR_ALL}")


def _account(number: int, meaning: str, do: str) -> Code:
    return Code(
        number, meaning, OutcomeKind.NOT_SENT, pause=f"OpenMarket: {meaning} ({number}). {do} The rest is kept pending."
    )


INTERNAL_ERROR = 15000

CODES: dict[int, Code] = {
    code.number: code
    for code in (
        _same_for_all(INTERNAL_ERROR, "internal error", "Give the request ids to OpenMarket Support."),
        _same_for_all(15100, "the message type is missing", "This is a fault of Postcard."),
        _same_for_all(15101, "the destination is missing", "This is a fault of Postcard."),
        _same_for_all(15102, "the source is missing", "Check the sender."),
        _same_for_all(15105, "the mtConfig is missing", "Check the sender's MT configuration."),
        _same_for_all(15200, "the message type is invalid", "This is a fault of Postcard."),
        Code(15201, "the destination is invalid"),
        _same_for_all(15202, "the source is invalid", "Check the sender."),
        _same_for_all(15203, "the subject is invalid", "Change the subject."),
        Code(15204, "the mobile operator id is invalid", OutcomeKind.NOT_SENT, drop_operator=True),
        _same_for_all(15205, "the mtConfig is invalid", "Check the sender's MT configuration."),
        _account(15206, "account id or password is wrong", "Check both; they are case-sensitive."),
        _account(15300, "requests from this address are not allowed", "Ask OpenMarket Support to allow it."),
        _account(15301, "the day's number of requests is used up", "Resume tomorrow, or have it raised."),
        _account(15302, "the month's number of requests is used up", "Have it raised, or resume next month."),
        _account(15303, "the prepaid credit is used up", "Top up the account and resume."),
        _account(15305, "the account is closed", "Ask OpenMarket Support."),
        Code(15406, "too many messages per second", OutcomeKind.NOT_SENT, slow_down=True),
    )
}
