"""The lines of a vCard (2.1, 3.0, 4.0): pure, so that probe (what is in it) and fit (what to leave out) agree.

A line is written as it came, byte for byte, unless something in it had to change.
"""

import base64
import binascii
import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

_PHYSICAL_LINE = re.compile(rb"[^\r\n]*(?:\r{0,2}\n|\r|$)")
_VERSION = re.compile(rb"VERSION:\s*(2\.1|3\.0|4\.0)\s*", re.IGNORECASE)
_WHOLE = re.compile(rb"(?:BEGIN|VERSION|END)\s*:", re.IGNORECASE)
_HEAD = re.compile(r'((?:[^":]++|"[^"]*+")*+):')
_CHARSET = re.compile(r';\s*CHARSET\s*=\s*"?([^;:,"]*)"?', re.IGNORECASE)
_QUOTED_PRINTABLE = re.compile(rb'[^:]*[;=]\s*"?QUOTED-PRINTABLE', re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]+")
_DATA_URI = re.compile(r"\s*data:[^,]*,", re.IGNORECASE)
_LINK = re.compile(r"\s*https?://\S+\s*", re.IGNORECASE)
# How JPEG, PNG, GIF, TIFF, WebP and HEIC begin, in base64.
_PICTURE = re.compile(
    r"(?<![A-Za-z0-9+/])(?:/9j/|iVBORw0KGgo|R0lGOD|SUkqA|TU0AK|UklGR.{7}RUJQ|AAAA.GZ0eXB)[A-Za-z0-9+/]{60}"
)
_PICTURED = frozenset({"PHOTO", "LOGO"})
_LINE_OCTETS = 75
_OLD = "2.1"
# By their names in Python; the rest of its codecs are no letters, or slow on purpose.
_LETTERS = ("iso8859", "cp", "shift_jis", "euc", "gb", "big5", "koi8", "mac-", "utf-8")
_WIDER = {"shift_jis": "cp932", "gb2312": "gb18030"}  # what phones write under the narrower name


@dataclass(frozen=True, slots=True)
class Line:
    """One unfolded content line: ``name`` in capitals, ``written`` as it goes out, with its folds and its end.

    ``photo`` are the bytes of a picture that is inside it, empty where they cannot be read. ``is_link`` says that in place of a
    picture there is the address of one.
    """

    text: str
    name: str
    version: str
    written: bytes
    photo: bytes | None = None
    is_link: bool = False


def parse_vcard(data: bytes) -> list[Line]:
    """Split one or more vCards into unfolded lines: UTF-8, UTF-16 by its mark, a CHARSET, or Latin-1 as old phones write it.

    Raises:
        ValueError: cut off, without a version or a name, or of a version that nobody knows.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        data = data.decode("utf-16").encode()
    gathered = _gather(data.removeprefix(codecs.BOM_UTF8))
    versions = [found[1].decode() if (found := _VERSION.fullmatch(each[0])) else "" for each in gathered]
    declared = [version for version in versions if version]
    version, lines = next(iter(declared), ""), list[Line]()
    for pieces, own in zip(gathered, versions, strict=True):
        version = own or version
        lines.append(_line(pieces, version))
    names = [line.name for line in lines]
    cards = names.count("BEGIN")
    if not cards or cards != names.count("END"):
        raise ValueError("it has no end")
    if len(declared) != cards:
        raise ValueError("its version is not 2.1, 3.0 or 4.0")
    if not {"FN", "N", "ORG"} & set(names):
        raise ValueError("it has no name")
    return lines


def _gather(data: bytes) -> list[list[bytes]]:
    """Put the physical lines together that are one line: folded, quoted-printable, or base64 as 2.1 writes it, unindented.

    A property has a colon, or a semicolon before it: what has neither belongs to the one before, as the empty line behind base64.
    """
    lines: list[list[bytes]] = []
    is_quoted = is_whole = False
    for piece in _PHYSICAL_LINE.findall(data):
        is_more = piece[:1] in {b" ", b"\t"} or not (is_whole or b":" in piece or b";" in piece)
        if lines and (is_more or (is_quoted and lines[-1][-1].rstrip().endswith(b"="))):
            lines[-1].append(piece)
        elif piece:
            lines.append([piece])
            is_quoted, is_whole = bool(_QUOTED_PRINTABLE.match(piece)), bool(_WHOLE.match(piece))
    return lines


def _unfold(pieces: list[bytes], version: str) -> bytes:
    """Join the pieces of a line; the white space at a fold belongs to the value in version 2.1, and to the fold later."""
    first, *others = (piece.rstrip(b"\r\n") for piece in pieces)
    if version != _OLD:
        others = [each[1:] if each[:1] in {b" ", b"\t"} else each for each in others]
    return first + b"".join(others)


def _line(pieces: list[bytes], version: str) -> Line:
    text, written = _in_utf8(_unfold(pieces, version), b"".join(pieces), version)
    head, value = split_head(text)
    name = head.partition(";")[0].rpartition(".")[2].strip().upper() if ":" in text else ""
    is_link = name in _PICTURED and bool(_LINK.fullmatch(value))
    return Line(text, name, version, written, None if is_link else _picture(name, text), is_link)


def _in_utf8(line: bytes, written: bytes, version: str) -> tuple[str, bytes]:
    """Decode a line; returns the text, and how it is written in UTF-8, which is as it came where it can be.

    In quoted-printable the letters keep their charset: those that were not quoted are.
    """
    with suppress(UnicodeDecodeError):
        written.decode()
        return line.decode(), written
    if _QUOTED_PRINTABLE.match(line):
        quoted = re.sub(rb"[\x80-\xff]", lambda found: b"=%02X" % found[0][0], written)
        return quoted.decode("ascii"), quoted
    text = _decode(line)
    return text, (text if version == _OLD else _fold(text)).encode() + b"\r\n"


def _decode(line: bytes) -> str:
    """Decode what is no UTF-8, unless a fold cut a letter in two: by its CHARSET, which goes, or as Latin-1."""
    with suppress(UnicodeDecodeError):
        return line.decode()
    latin = line.decode("latin-1")
    found = _CHARSET.search(split_head(latin)[0])
    if found:
        with suppress(LookupError, UnicodeDecodeError):
            codec = codecs.lookup(found[1].strip()).name
            if codec.startswith(_LETTERS):
                latin = line.decode(_WIDER.get(codec, codec))
        return latin.replace(found[0], "", 1)
    return latin


def split_head(text: str) -> tuple[str, str]:
    """Split a line at its colon, not at one between quotes: name and parameters, value."""
    found = _HEAD.match(text)
    if found:
        return found[1], text[found.end() :]
    head, _, value = text.partition(":")
    return head, value


def _picture(name: str, text: str) -> bytes | None:
    """Find the picture in a line: whatever stands in a photo or a logo, and in others what begins like one."""
    _, value = split_head(text)
    code = value[_begin_of_code(value) :]
    if name in _PICTURED:
        return _bytes_of(code) if value.strip() else None
    if _PICTURE.match("".join(code[:200].split())):
        return _bytes_of(code)
    return b"" if _PICTURE.search("".join(text.split())) else None


def _begin_of_code(value: str) -> int:
    uri = _DATA_URI.match(value)
    return uri.end() if uri else 0


def _bytes_of(code: str) -> bytes:
    """Decode base64, of either alphabet, with its padding or without; empty where it is none."""
    try:
        code = _compact(code)
        return base64.b64decode(code + "=" * (-len(code) % 4))
    except binascii.Error:
        return b""


def _compact(code: str) -> str:
    return _NOT_BASE64.sub("", unquote(code).translate({ord("-"): "+", ord("_"): "/"})).rstrip("=")


def write_vcard(lines: list[Line]) -> bytes:
    """Put the lines together."""
    return b"".join(line.written for line in lines)


def _fold(text: str) -> str:
    folded: list[str] = []
    current, octets = "", 0
    for letter in text:
        width = len(letter.encode())
        if octets + width > _LINE_OCTETS:
            folded.append(current)
            current, octets = " ", 1
        current += letter
        octets += width
    return "\r\n".join([*folded, current])


def photo_line(name: str, version: str, jpeg: bytes) -> Line:
    """Write a JPEG into a property as the version wants it."""
    head = {
        _OLD: f"{name};ENCODING=BASE64;JPEG:",
        "3.0": f"{name};ENCODING=b;TYPE=JPEG:",
    }.get(version, f"{name}:data:image/jpeg;base64,")
    return _with_code(head, name, version, jpeg)


def with_picture(line: Line, content: bytes) -> Line:
    """Put other bytes of the same format into a line that has a picture, and leave its head as it is."""
    head, value = split_head(line.text)
    return _with_code(f"{head}:{value[: _begin_of_code(value)]}", line.name, line.version, content)


def holds_picture_alone(line: Line) -> bool:
    """Tell whether the value of a line is the base64 of its picture, and nothing behind it or between."""
    _, value = split_head(line.text)
    code = "".join(value[_begin_of_code(value) :].split())
    return line.photo is not None and code.rstrip("=") == base64.b64encode(line.photo).decode().rstrip("=")


def _with_code(head: str, name: str, version: str, content: bytes) -> Line:
    """Write base64 folded at 75 octets, and behind it the empty line that ends it in version 2.1."""
    code = base64.b64encode(content).decode()
    first, width = max(0, _LINE_OCTETS - len(head.encode())), _LINE_OCTETS - 1
    pieces = [head + code[:first], *(code[at : at + width] for at in range(first, len(code), width))]
    written = "\r\n ".join(pieces) + ("\r\n\r\n" if version == _OLD else "\r\n")
    return Line(head + code, name, version, written.encode(), content)
