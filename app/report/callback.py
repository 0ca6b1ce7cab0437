"""What OpenMarket posts, read generously: whatever comes is kept, and nothing raises.

Delivery reports are JSON; inbound messages (MO) are multipart/mixed with the JSON first and the content after it. Both may
share one URL, so ``type`` decides. Fields and statuses that we do not know are kept as they came: OpenMarket adds some
without notice. An mtId is an integer in the send answer and a string in the report: it is text here.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import Message
from email.parser import BytesParser
from typing import Any

from app.model.messages import Inbound, InboundPart, Report

_MAX_WORD_CHARACTERS = 200
_MAX_TEXT_CHARACTERS = 2_000
_MAX_DEPTH = 30
_MAX_PARTS = 100


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A post that is neither a report nor an inbound message; ``raw`` is the whole body, to be looked at by a person."""

    reason: str
    raw: bytes
    request_id: str


class _Wrong(Exception):
    """Why a body cannot be read; never leaves this module."""


def parse_callback(body: bytes, content_type: str, request_id: str) -> Report | Inbound | Unreadable:
    """Read one post.

    Args:
        body: as it came.
        content_type: the header, parameters included; only believed where the body does not say otherwise.
        request_id: OpenMarket's ``X-Request-Id``, free text.
    """
    request_id = _clean(request_id)[:_MAX_WORD_CHARACTERS]
    try:
        return _read(body, content_type, request_id)
    except _Wrong as wrong:
        return Unreadable(str(wrong), body, request_id)
    except Exception as failure:  # noqa: BLE001 -- whatever a parser chokes on, the post must be kept, not lost
        return Unreadable(f"It could not be read ({type(failure).__name__}).", body, request_id)


def _read(body: bytes, content_type: str, request_id: str) -> Report | Inbound:
    details, parts = _split(body, content_type)
    kind = str(details.get("type", "")).strip().upper()
    if kind == "MO":
        return _read_inbound(details, parts)
    if kind == "REPORT" or (not kind and "mtId" in details):
        return _read_report(details, request_id)
    raise _Wrong(f"The type is {kind[:40]!r}, neither REPORT nor MO." if kind else "There is no type.")


def _split(body: bytes, content_type: str) -> tuple[dict[str, Any], list[Message]]:
    """Separate the JSON from the content parts, by what the body looks like.

    Raises:
        _Wrong: no JSON object where one should be.
    """
    start = body.lstrip()[:2]
    if start == b"--":
        return _split_multipart(body, content_type)
    if not start:
        raise _Wrong("The body is empty.")
    return _read_details(body), []


def _split_multipart(body: bytes, content_type: str) -> tuple[dict[str, Any], list[Message]]:
    """Take the boundary from the header, or from the first line of the body where the header's does not fit.

    Raises:
        _Wrong: neither separates any parts, or the first part is no JSON object.
    """
    body = body.lstrip()
    first_line = body.split(b"\n", 1)[0].strip()[2:].decode("latin-1")
    for header in (content_type, f'multipart/mixed; boundary="{first_line}"'):
        line = b"Content-Type: " + " ".join(header.split()).encode("utf-8", "replace") + b"\r\n\r\n"
        message = BytesParser(policy=policy.compat32).parsebytes(line + body)
        leaves = [part for part in message.walk() if not part.is_multipart()]
        if message.is_multipart() and leaves:
            return _read_details(_decode(leaves[0])), leaves[1 : _MAX_PARTS + 1]
    raise _Wrong("The multipart body has no parts.")


def _read_details(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body, parse_float=_finite, parse_constant=str)
    except (ValueError, RecursionError) as wrong:
        raise _Wrong("The JSON is malformed.") from wrong
    if not isinstance(content, dict):
        raise _Wrong("The JSON is not an object.")
    return {_clean(key): _clean_value(value, 1) for key, value in content.items()}


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _clean(text: str) -> str:
    """Replace what no database takes: NUL, and half surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _clean_value(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise _Wrong("The JSON is nested too deeply.")
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_clean_value(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {_clean(key): _clean_value(each, depth + 1) for key, each in value.items()}
    return value


def _read_report(details: dict[str, Any], request_id: str) -> Report:
    mt_id = _id(details.get("mtId"))
    if not mt_id:
        raise _Wrong("The report has no mtId.")
    return Report(
        mt_id=mt_id,
        status=_word(details.get("status")),
        outcome_id=_integer(details.get("outcomeId")),
        description=_text(details.get("outcomeDescription")),
        user_agent=_word(details.get("userAgent")),
        reported_at=_time(details.get("date")),
        request_id=request_id,
        raw=details,
    )


def _read_inbound(details: dict[str, Any], leaves: list[Message]) -> Inbound:
    source = _id(details.get("source")).removeprefix("+")
    if not source:
        raise _Wrong("The inbound message has no source.")
    destinations = details.get("destinations", details.get("destination", []))
    if not isinstance(destinations, list):
        destinations = [destinations]
    parts = tuple(_read_part(leaf) for leaf in leaves)
    texts = [
        _read_text(leaf, part) for leaf, part in zip(leaves, parts, strict=True) if part.content_type == "text/plain"
    ]
    return Inbound(
        mo_id=_id(details.get("moId")),
        source=source,
        destinations=tuple(filter(None, map(_id, destinations))),
        sent_at=_time(details.get("date")),
        operator_id=_integer(details.get("mobileOperatorId")),
        subject=_text(details.get("subject")),
        user_agent=_word(details.get("userAgent")),
        text="\n".join(filter(None, texts)),
        parts=parts,
        raw=details,
    )


def _read_part(leaf: Message) -> InboundPart:
    content_id = _clean(str(leaf.get("Content-Id", ""))).strip().strip("<>")
    return InboundPart(_clean(leaf.get_content_type()), content_id[:_MAX_WORD_CHARACTERS], _decode(leaf))


def _read_text(leaf: Message, part: InboundPart) -> str:
    charset = leaf.get_param("charset", "utf-8")
    try:
        text = part.content.decode(charset if isinstance(charset, str) else "utf-8", "replace")
    except (LookupError, ValueError):  # a charset that does not exist
        text = part.content.decode("utf-8", "replace")
    return _clean(text).strip()


def _decode(leaf: Message) -> bytes:
    """Undo the part's own transfer encoding; a part without one is taken as it is."""
    content = leaf.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _id(value: Any) -> str:
    """An id or number as text: a string, or an integer of any size; never a float, which has lost digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:_MAX_WORD_CHARACTERS]
    return _word(value)


def _word(value: Any) -> str:
    return value.strip()[:_MAX_WORD_CHARACTERS] if isinstance(value, str) else ""


def _text(value: Any) -> str:
    return value.strip()[:_MAX_TEXT_CHARACTERS] if isinstance(value, str) else ""


def _integer(value: Any) -> int | None:
    """An integer that a database column holds, also when it came in quotes."""
    text = _id(value)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        return None
    number = int(text)
    return number if -(2**31) <= number < 2**31 else None


def _time(value: Any) -> datetime | None:
    """A time in UTC; one without a zone is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
