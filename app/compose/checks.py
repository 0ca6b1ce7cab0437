"""What may be in a message, checked before a byte is written.

Rules 8 and 10 of OpenMarket's page and the properties of ``subject``; the length of a text is what carriers take
together with the 4,096 bytes that every message keeps for text and headers.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from app.errors import InvalidMessage
from app.model.messages import EmbeddedPart, LinkPart, SendablePart, TextPart

MAX_SUBJECT_CHARACTERS = 255  # OpenMarket, Send an MMS, property subject
ADVISED_SUBJECT_CHARACTERS = 80  # the same page: "if working with multiple carriers"
MAX_TEXT_CHARACTERS = 5_000  # the longest that any aggregator documents for one MMS
ADVISED_TEXT_CHARACTERS = 1_600  # what handsets and carriers typically take
MAX_PARTS = 20  # more than any handset lays out; a bound on what one request may cost

# C0 and C1 controls, line separators in disguise, half surrogates and noncharacters: none has a place in a message.
_CONTROLS = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\u2028\u2029\\ufffe\\uffff\\ud800-\\udfff"
_BAD_IN_TEXT = re.compile(f"[{_CONTROLS}]")
_BAD_IN_LINE = re.compile(f"[{_CONTROLS}\t\r\n]")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(; ?[A-Za-z0-9-]+=[A-Za-z0-9_.+-]+)*")
_SOURCE = re.compile(r"[0-9]{3,15}")


def check_subject(subject: str) -> None:
    """Refuse a subject that OpenMarket would (15203); an empty one means none.

    Raises:
        InvalidMessage: over 255 characters, only white space, or with a line break or control character.
    """
    if not subject:
        return
    if len(subject) > MAX_SUBJECT_CHARACTERS:
        raise InvalidMessage(
            f"The subject has {len(subject)} characters; {MAX_SUBJECT_CHARACTERS} are possible.", field="subject"
        )
    if not subject.strip():
        raise InvalidMessage("The subject is only white space; leave it out or write something.", field="subject")
    if _BAD_IN_LINE.search(subject):
        raise InvalidMessage("The subject holds a line break or a control character.", field="subject")


def check_parts(parts: Sequence[SendablePart]) -> None:
    """Refuse a list of parts that could not be sent.

    Raises:
        InvalidMessage: no part at all, too many, an empty or overlong text, a control character, a link or media type
            that would not survive in a header.
    """
    if not parts:
        raise InvalidMessage("A message needs at least one text or one piece of media.", field="parts")
    if len(parts) > MAX_PARTS:
        raise InvalidMessage(f"The message has {len(parts)} parts; {MAX_PARTS} are possible.", field="parts")
    for at, part in enumerate(parts):
        if isinstance(part, TextPart):
            check_text(part.text, field=f"parts.{at}.text")
        elif isinstance(part, LinkPart):
            _check_link(part)
        else:
            _check_embedded(part)
    characters = sum(len(part.text) for part in parts if isinstance(part, TextPart))
    if characters > MAX_TEXT_CHARACTERS:
        raise InvalidMessage(
            f"The texts have {characters} characters together; {MAX_TEXT_CHARACTERS} are possible.", field="parts"
        )


def check_text(text: str, *, field: str) -> None:
    """Refuse a text that a handset could not show; ``field`` is its place in what the caller wrote.

    Raises:
        InvalidMessage: only white space, more than 5,000 characters, or a control character.
    """
    if not text.strip():
        raise InvalidMessage("A text part is empty; leave it out or write something.", field=field)
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidMessage(f"The text has {len(text)} characters; {MAX_TEXT_CHARACTERS} are possible.", field=field)
    if _BAD_IN_TEXT.search(text):
        raise InvalidMessage("The text holds a control character or half of a surrogate pair.", field=field)


def check_sender(source: str, mt_config: str) -> None:
    """Refuse a sender that OpenMarket would for every recipient alike (15102, 15105, 15202, 15205).

    Raises:
        InvalidMessage: the source is not 3 to 15 digits, or the MT configuration is empty or not one line.
    """
    if not _SOURCE.fullmatch(source):
        raise InvalidMessage("The source must be digits in international format without +.", field="source")
    if not mt_config.strip() or _BAD_IN_LINE.search(mt_config):
        raise InvalidMessage("The MT configuration must be a name on one line.", field="mt_config")


def advise_message(parts: Sequence[SendablePart], *, subject: str) -> tuple[str, ...]:
    """Tell, in sentences for a person, what is allowed but not wise; empty when all is well."""
    advice = []
    if len(subject) > ADVISED_SUBJECT_CHARACTERS:
        advice.append(
            f"Some carriers cut a subject after {ADVISED_SUBJECT_CHARACTERS} characters; this has {len(subject)}."
        )
    characters = sum(len(part.text) for part in parts if isinstance(part, TextPart))
    if characters > ADVISED_TEXT_CHARACTERS:
        advice.append(f"Handsets typically take {ADVISED_TEXT_CHARACTERS} characters of text; this has {characters}.")
    return tuple(advice)


def _check_link(part: LinkPart) -> None:
    """Guard the bytes of the request: links come from our own store, not from a person.

    Raises:
        InvalidMessage: not an absolute http or https URL in ASCII, or nothing behind it.
    """
    try:
        url = urlsplit(part.url)
    except ValueError as wrong:
        raise InvalidMessage("A link is not a URL.", field="parts") from wrong
    whole = url.scheme in {"http", "https"} and url.netloc and part.url.isascii()
    if not whole or " " in part.url or _BAD_IN_LINE.search(part.url):
        raise InvalidMessage("A link is not an absolute http or https URL in ASCII.", field="parts")
    if part.bytes <= 0:
        raise InvalidMessage("A linked piece of media is empty.", field="parts")


def _check_embedded(part: EmbeddedPart) -> None:
    if not _MEDIA_TYPE.fullmatch(part.content_type):
        raise InvalidMessage("An embedded part has no media type that could stand in a header.", field="parts")
    if not part.content:
        raise InvalidMessage("An embedded part is empty.", field="parts")
