"""The lines of a vCard (2.1, 3.0, 4.0): pure, so that probe (what is in it) and fit (what to leave out) agree."""

import base64
import binascii
import re
from dataclasses import dataclass

_FOLD = re.compile(r"\r?\n[ \t]")
_VERSION = re.compile(r"^VERSION:\s*(2\.1|3\.0|4\.0)\s*$", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"^(?:[\w-]+\.)?([A-Za-z-]+)(?=[;:])")
_BASE64 = re.compile(r";(?:ENCODING=)?(?:B|BASE64)(?=[;:])", re.IGNORECASE)
_DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
_LINE_OCTETS = 75


@dataclass(frozen=True, slots=True)
class Line:
    """One unfolded content line: ``name`` in capitals; ``photo`` are the bytes of a picture that is inside it."""

    text: str
    name: str
    photo: bytes | None = None


def read_text(data: bytes) -> str:
    """Decode a vCard: UTF-8, UTF-16 by its mark, or Latin-1 as old phones write it."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse_vcard(text: str) -> list[Line]:
    """Split one or more vCards into unfolded lines.

    Raises:
        ValueError: cut off, without a version or a name, or of a version that nobody knows.
    """
    texts = _FOLD.sub("", text).replace("\r\n", "\n").split("\n")
    lines = [_line(each) for each in _join_old_base64(texts)]
    names = [line.name for line in lines]
    cards = names.count("BEGIN")
    if not cards or cards != names.count("END"):
        raise ValueError("it has no end")
    if len(_VERSION.findall(text)) != cards:
        raise ValueError("its version is not 2.1, 3.0 or 4.0")
    if not {"FN", "N", "ORG"} & set(names):
        raise ValueError("it has no name")
    return lines


def _join_old_base64(texts: list[str]) -> list[str]:
    """Join the unindented base64 lines that follow a property in version 2.1, up to the empty line."""
    joined: list[str] = []
    for text in texts:
        if joined and text and not _NAME.match(text) and _BASE64.search(joined[-1].partition(":")[0] + ":"):
            joined[-1] += text.strip()
        elif text.strip():
            joined.append(text.rstrip("\r"))
    return joined


def _line(text: str) -> Line:
    found = _NAME.match(text)
    name = found.group(1).upper() if found else ""
    return Line(text, name, _picture(text) if name in {"PHOTO", "LOGO"} else None)


def _picture(text: str) -> bytes | None:
    head, _, value = text.partition(":")
    uri = _DATA_URI.match(value)
    if uri:
        value = value[uri.end() :]
    elif not _BASE64.search(head + ":"):
        return None
    try:
        return base64.b64decode("".join(value.split()))
    except (binascii.Error, ValueError):
        return None


def write_vcard(lines: list[Line]) -> bytes:
    """Write lines folded at 75 octets, CRLF, UTF-8; a base64 value of version 2.1 ends with an empty line."""
    is_old = any(line.text.strip().upper() == "VERSION:2.1" for line in lines)
    pieces: list[bytes] = []
    for line in lines:
        pieces.extend((_fold(line.text), b"\r\n"))
        if is_old and line.photo is not None:
            pieces.append(b"\r\n")
    return b"".join(pieces)


def _fold(text: str) -> bytes:
    folded: list[str] = []
    current, octets = "", 0
    for letter in text:
        width = len(letter.encode())
        if octets + width > _LINE_OCTETS:
            folded.append(current)
            current, octets = " ", 1
        current += letter
        octets += width
    return "\r\n".join([*folded, current]).encode()


def photo_line(name: str, version: str, jpeg: bytes) -> Line:
    """Write a JPEG into a property as the version wants it."""
    head = {
        "2.1": f"{name};ENCODING=BASE64;JPEG:",
        "3.0": f"{name};ENCODING=b;TYPE=JPEG:",
    }.get(version, f"{name}:data:image/jpeg;base64,")
    return Line(head + base64.b64encode(jpeg).decode(), name, jpeg)


def with_picture(line: Line, content: bytes) -> Line:
    """Put other bytes of the same format into a line that has a picture, and leave its head as it is."""
    head, _, value = line.text.partition(":")
    uri = _DATA_URI.match(value)
    start = f"{head}:{uri.group() if uri else ''}"
    return Line(start + base64.b64encode(content).decode(), line.name, content)


def version_of(text: str) -> str:
    """Tell the version of the first card, 3.0 where there is none."""
    found = _VERSION.search(text)
    return found.group(1) if found else "3.0"
