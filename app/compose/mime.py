"""The bytes of one request: compiled once per campaign and set of renditions, filled per recipient.

Source of the layout: OpenMarket, "Send an MMS", with the blank lines that MIME needs between part headers and part body.
A line break before a boundary belongs to the boundary in MIME; OpenMarket asks for a blank line above each one, so two
line breaks stand there, and the first of them becomes part of the part before. That harms no JSON, URL, text or base64,
and would lengthen a binary part by two bytes: media is therefore never embedded as it is.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.compose.checks import check_parts, check_sender, check_subject
from app.errors import InvalidMessage, MessageTooLarge
from app.model.media import Profile
from app.model.messages import EmbeddedPart, LinkPart, SendablePart, TextPart

REMOTE_CONTENT = "application/vnd.openmarket.remoteContent"
_BLANK_LINE = b"\r\n\r\n"
_BASE64_LINE_BYTES = 57  # 76 characters, the longest line of base64 in MIME (RFC 2045, 6.8)
_LONGEST_NUMBER = "9" * 15  # E.164
_LONGEST_OPERATOR = 2**31 - 1
_CONTENT_NAMES = {"image": "image", "video": "video", "audio": "audio"}
_VCARD_TYPES = frozenset({"text/x-vcard", "text/vcard"})


@dataclass(frozen=True, slots=True)
class Composed:
    """A request without its recipient.

    ``content_type`` is the header of the whole request, boundary included. ``message_bytes`` is the size that operators'
    limits are about, for the longest possible number: every byte that is sent, with each link replaced by what is fetched
    from it and embedded media counted before base64.
    """

    content_type: str
    message_bytes: int
    before: bytes
    between: bytes
    after: bytes

    def body_for(self, destination: str, operator_id: int | None) -> bytes:
        """Make the whole body for one recipient; only the JSON part differs between recipients.

        Args:
            destination: digits in international format without +, as ``parse_number`` gives them.
            operator_id: OpenMarket's mobileOperatorId if the caller gave one; None = OpenMarket looks it up.

        Raises:
            InvalidMessage: the destination is not digits, which would break the JSON.

        Cost: about 1 microsecond, and one copy of the embedded media.
        """
        if not (destination.isascii() and destination.isdigit()):
            raise InvalidMessage("A destination is digits only.", field="destination")
        number = destination.encode()
        if operator_id is None:
            return b"".join((self.before, number, self.between, self.after))
        return b"".join((self.before, number, self.between, b',"mobileOperatorId":%d' % operator_id, self.after))


def compose_message(parts: Sequence[SendablePart], *, subject: str, source: str, mt_config: str) -> Composed:
    """Compile the request for all recipients who get these parts from this sender.

    Args:
        parts: in the order in which a handset shows them.
        subject: empty = none.
        source: the sender's number, digits in international format without +.
        mt_config: name of the MT configuration of the account.

    Raises:
        InvalidMessage: a part, the subject or the sender could not be sent like this.
    """
    check_sender(source, mt_config)
    check_subject(subject)
    check_parts(parts)
    blocks = [_write_part(part, number) for number, part in enumerate(parts, start=1)]
    head = f'{{"type":"MT","source":"{source}","destination":"'.encode()
    between = f'","mtConfig":{json.dumps(mt_config)}{_subject_field(subject)}'.encode()
    boundary = _choose_boundary([head, between, *blocks])
    line = b"--" + boundary.encode()
    before = line + b"\r\nContent-Type: application/json\r\nContent-Id: main" + _BLANK_LINE + head
    content = b"".join(_BLANK_LINE + line + b"\r\n" + block for block in blocks)
    composed = Composed(
        content_type=f"multipart/mixed; boundary={boundary}",
        message_bytes=0,
        before=before,
        between=between,
        after=b"}" + content + _BLANK_LINE + line + b"--\r\n",
    )
    sent = len(composed.body_for(_LONGEST_NUMBER, _LONGEST_OPERATOR))
    return Composed(
        composed.content_type,
        sent + sum(_growth(part) for part in parts),
        composed.before,
        composed.between,
        composed.after,
    )


def check_fits(composed: Composed, profile: Profile) -> None:
    """Refuse a message that is over its profile, whole.

    Raises:
        MessageTooLarge: carries ``limit_bytes``, ``message_bytes`` and ``profile``.
    """
    if composed.message_bytes > profile.max_bytes:
        raise MessageTooLarge(
            f"The message has {composed.message_bytes:,} bytes; {profile.name} allows {profile.max_bytes:,}.",
            limit_bytes=profile.max_bytes,
            message_bytes=composed.message_bytes,
            profile=profile.name,
        )


def _subject_field(subject: str) -> str:
    return f',"subject":{json.dumps(subject)}' if subject else ""


def _write_part(part: SendablePart, number: int) -> bytes:
    """Write headers, blank line and content of one part.

    The Content-Id is letters and digits under 20 characters, as OpenMarket advises; a contact keeps its extension,
    without which handsets do not open it.
    """
    if isinstance(part, TextPart):
        return _block("text/plain; charset=utf-8", f"text{number}", _with_crlf(part.text).encode())
    if isinstance(part, LinkPart):
        return _block(REMOTE_CONTENT, _name_content(part.content_type, number), part.url.encode())
    return _block(part.content_type, _name_content(part.content_type, number), _encode(part.content), encoding="base64")


def _block(content_type: str, content_id: str, content: bytes, *, encoding: str = "") -> bytes:
    headers = f"Content-Type: {content_type}\r\nContent-Id: {content_id}"
    if encoding:
        headers += f"\r\nContent-Transfer-Encoding: {encoding}"
    return headers.encode() + _BLANK_LINE + content


def _name_content(content_type: str, number: int) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _VCARD_TYPES:
        return f"contact{number}.vcf"
    return f"{_CONTENT_NAMES.get(kind.partition('/')[0], 'part')}{number}"


def _with_crlf(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def _encode(content: bytes) -> bytes:
    return b"\r\n".join(
        base64.b64encode(content[start : start + _BASE64_LINE_BYTES])
        for start in range(0, len(content), _BASE64_LINE_BYTES)
    )


def _growth(part: SendablePart) -> int:
    """How much longer a part is as a handset receives it than as it stands in the request."""
    if isinstance(part, LinkPart):
        return part.bytes - len(part.url)
    if isinstance(part, EmbeddedPart):
        return len(part.content) - len(_encode(part.content))
    return 0


def _choose_boundary(pieces: Sequence[bytes]) -> str:
    """Choose a boundary that stands in none of the pieces.

    It is made of their hash, so the same message has the same bytes each time, and nobody can write a text that holds
    its own boundary; the loop is there for the proof. A number cannot hold it, since it begins with letters.
    """
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "big") + piece)
    while True:
        boundary = "postcard" + digest.hexdigest()[:32]
        if not any(boundary.encode() in piece for piece in pieces):
            return boundary
        digest.update(b"again")
