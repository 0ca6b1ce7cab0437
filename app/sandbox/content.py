"""The content parts: their headers, encodings, links and texts, each judged and decoded."""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from app.sandbox.mime import MediaType, Part, parse_media_type
from app.sandbox.rules import Result, Source, Verdict

REMOTE = "application/vnd.openmarket.remotecontent"
_ENCODINGS = ("binary", "8bit", "7bit", "base64", "quoted-printable")


@dataclass(frozen=True, slots=True)
class Content:
    """One piece of content in its place: ``data`` are decoded bytes; a link has ``url`` and no data."""

    kind: Literal["text", "link", "media"]
    content_type: str
    content_id: str
    data: bytes = b""
    url: str = ""

    @property
    def text(self) -> str:
        """Give a text part as text, without the line break that the blank line above a boundary leaves."""
        charset = parse_media_type(self.content_type).parameters.get("charset", "utf-8")
        try:
            return self.data.decode(charset, "replace").removesuffix("\r\n")
        except (LookupError, UnicodeError):
            return self.data.decode("utf-8", "replace").removesuffix("\r\n")


def decode_part(part: Part) -> bytes:
    """Decode a part's body by its Content-Transfer-Encoding; binary when it names none.

    Raises:
        ValueError: in words, an unknown encoding or broken base64.
    """
    encoding = part.header("Content-Transfer-Encoding").lower() or "binary"
    if encoding not in _ENCODINGS:
        raise ValueError(f"Content-Transfer-Encoding {encoding[:40]!r} is not one of {', '.join(_ENCODINGS)}")
    if encoding == "base64":
        packed = re.sub(rb"[\r\n\t ]", b"", part.content)
        try:
            return base64.b64decode(packed, validate=True)
        except binascii.Error as wrong:
            raise ValueError(f"the body is not base64: {wrong}") from wrong
    return quopri.decodestring(part.content) if encoding == "quoted-printable" else part.content


def judge_form(part: Part, topic: str) -> Iterator[Verdict]:
    """Judge a part's headers: broken form and broken encodings fail, a missing header is a warning."""
    for defect in part.defects:
        yield Verdict(9, topic, Result.FAIL, Source.MIME, defect)
    for name in ("Content-Type", "Content-Id"):
        if not part.header(name):
            yield Verdict(9, topic, Result.WARNING, Source.PAGE, f"no {name}; the page asks for it in most parts")
        if sum(key.lower() == name.lower() for key, _ in part.headers) > 1:
            yield Verdict(9, topic, Result.FAIL, Source.MIME, f"{name} stands twice")
    named = part.header("Content-Type")
    if named and not parse_media_type(named).type:
        yield Verdict(
            9, topic, Result.FAIL, Source.MIME, f"Content-Type {named[:60]!r} is not of the form type/subtype"
        )
    try:
        data = decode_part(part)
    except ValueError as wrong:
        yield Verdict(9, topic, Result.FAIL, Source.PAGE, str(wrong))
        return
    encoding = part.header("Content-Transfer-Encoding").lower()
    if encoding == "7bit" and not part.content.isascii():
        yield Verdict(9, topic, Result.WARNING, Source.MIME, "encoding 7bit, but the body holds bytes above 127")
    words = f"encoding {encoding}" if encoding else "no encoding named, so binary"
    yield Verdict(9, topic, Result.PASS, Source.PAGE, f"{words}; {len(data)} bytes")


def judge_content_id(part: Part, topic: str, earlier: set[str]) -> Verdict:
    """Judge the advice about Content-Id: a warning at most, never a refusal."""
    name = part.header("Content-Id")
    said = [
        words
        for wrong, words in (
            ("<" in name or ">" in name, "has angle brackets"),
            (" " in name or "\t" in name, "has spaces"),
            (not re.fullmatch(r"[A-Za-z0-9.\-<> \t]*", name), "has more than basic letters and numbers"),
            (len(name) >= 20, f"has {len(name)} characters, advised are fewer than 20"),
            (bool(name) and name in earlier, "stands on another part too; the page calls it a unique identifier"),
        )
        if wrong
    ]
    earlier.add(name)
    if said:
        return Verdict(10, topic, Result.WARNING, Source.PAGE, f"{name[:60]!r} {'; '.join(said)}")
    return Verdict(10, topic, Result.PASS, Source.PAGE, repr(name) if name else "no Content-Id to judge")


def judge_content(part: Part, topic: str) -> tuple[Content | None, list[Verdict]]:
    """Judge one content part by its kind; None when there is nothing usable in it."""
    try:
        data = decode_part(part)
    except ValueError:
        return None, []  # judge_form has said so
    kind = parse_media_type(part.header("Content-Type"))
    name = part.header("Content-Id")
    if kind.type == REMOTE:
        verdict, url = _judge_link(data, topic)
        return (Content("link", REMOTE, name, url=url) if url else None), [verdict]
    if not data.strip():
        return None, [Verdict(8, topic, Result.WARNING, Source.PAGE, "this part holds nothing")]
    if kind.type.startswith("text/plain"):
        return Content("text", part.header("Content-Type"), name, data), [_judge_text(kind, data, topic)]
    return Content("media", kind.type or "application/octet-stream", name, data), list(_judge_media(part, data, topic))


def _judge_link(data: bytes, topic: str) -> tuple[Verdict, str]:
    try:
        url = data.strip(b"\r\n\t ").decode("ascii")
        parts = urlsplit(url)
        usable = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        url, usable = data[:80].decode("utf-8", "replace"), False
    if not usable or re.search(r"[\x00-\x20<>\"{}|\\^`\x7f]", url):
        words = f"the body must be one absolute http or https URL, is {url[:80]!r}"
        return Verdict(11, topic, Result.FAIL, Source.PAGE, words), ""
    if parts.username is not None or parts.fragment:
        words = "the URL holds a user name or a fragment; nobody says what becomes of it"
        return Verdict(11, topic, Result.WARNING, Source.OURS, words), url
    return Verdict(11, topic, Result.PASS, Source.PAGE, url[:200]), url


def _judge_text(kind: MediaType, data: bytes, topic: str) -> Verdict:
    charset = kind.parameters.get("charset", "").lower()
    if charset != "utf-8":
        named = f"charset {charset[:40]}" if charset else "no charset"
        return Verdict(12, topic, Result.WARNING, Source.EXAMPLE, f"{named}; the example names utf-8")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return Verdict(12, topic, Result.WARNING, Source.EXAMPLE, "the text is not UTF-8, though its charset says so")
    return Verdict(12, topic, Result.PASS, Source.EXAMPLE, "text/plain; charset=utf-8")


def _judge_media(part: Part, data: bytes, topic: str) -> Iterator[Verdict]:
    encoding = part.header("Content-Transfer-Encoding").lower() or "binary"
    if encoding in {"binary", "8bit", "7bit"} and data.endswith(b"\r\n"):
        words = "nobody says whether the blank line above the boundary stays in a binary body; base64 is safe"
        yield Verdict(9, topic, Result.WARNING, Source.INFERRED, words)
