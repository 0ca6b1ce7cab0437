"""Multipart bodies, byte by byte, by RFC 2046 and nothing else: no e-mail library, whose leniency would hide mistakes.

A boundary line is CRLF "--" boundary, then only blanks, then CRLF; the CRLF before it belongs to it. Bare LF is seen and
reported as a defect, since a strict server need not take it.
"""

import itertools
import re
from dataclasses import dataclass, field

MOST_PARTS = 100  # a phone shows a few; this bounds what one request may cost
_MOST_HEADER_BYTES = 8192
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_PARAMETER = re.compile(
    r""";\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*("(?:[^"\\]|\\.)*"|[!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*"""
)


@dataclass(frozen=True, slots=True)
class Delimiter:
    """A boundary line: ``offset`` is where its hyphens begin in the body, ``end`` where the next content begins."""

    offset: int
    end: int
    closing: bool
    blank_line_above: bool
    bare_line_feed: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One part: header fields in order, the ``content`` bytes as they stand, and what is wrong with its form."""

    headers: tuple[tuple[str, str], ...]
    content: bytes
    defects: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """Give the first header of that name, empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Multipart:
    """A whole body: its boundary lines, its parts, and the bytes before and after."""

    delimiters: tuple[Delimiter, ...]
    parts: tuple[Part, ...]
    preamble: bytes
    epilogue: bytes
    closed: bool


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type: ``type`` in lower case such as "text/plain", empty when it cannot be read."""

    type: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_media_type(value: str) -> MediaType:
    """Read ``type/subtype; name=value; name="quoted"``; anything else gives an empty type."""
    head, semicolon, rest = value.partition(";")
    kind = head.strip().lower()
    if not re.fullmatch(r"[!#$&\-^_.+0-9a-z]+/[!#$&\-^_.+0-9a-z]+", kind):
        return MediaType("")
    parameters: dict[str, str] = {}
    rest = (semicolon + rest).rstrip("; \t")
    position = 0
    while position < len(rest):
        found = _PARAMETER.match(rest, position)
        if found is None:
            return MediaType("")
        text = found[2]
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        parameters.setdefault(found[1].lower(), text)
        position = found.end()
    return MediaType(kind, parameters)


def is_boundary(value: str) -> bool:
    """Tell whether RFC 2046 allows this boundary: 1 to 70 characters of a small set, no blank at the end."""
    return _BOUNDARY.fullmatch(value) is not None


def _delimiter_at(body: bytes, offset: int, length: int) -> Delimiter | None:
    """Read the boundary line whose hyphens stand at ``offset``; None when it is not one (a longer word, other text)."""
    end = offset + length
    closing = body[end : end + 2] == b"--"
    end += 2 if closing else 0
    while body[end : end + 1] in {b" ", b"\t"}:
        end += 1
    bare = False
    if body[end : end + 2] == b"\r\n":
        end += 2
    elif body[end : end + 1] == b"\n":
        end, bare = end + 1, True
    elif end < len(body) or not closing:
        return None
    if offset == 0:
        return Delimiter(offset, end, closing, blank_line_above=True, bare_line_feed=bare)
    bare = bare or body[offset - 2 : offset] != b"\r\n"
    above = body[max(0, offset - 4) : offset]
    blank = above in {b"\r\n\r\n", b"\r\n"} if offset <= 4 else above == b"\r\n\r\n"
    return Delimiter(offset, end, closing, blank_line_above=blank, bare_line_feed=bare)


def _delimiters(body: bytes, boundary: bytes) -> list[Delimiter]:
    """Find the boundary lines up to the closing one, or one more than enough for :data:`MOST_PARTS`."""
    found: list[Delimiter] = []
    line = b"--" + boundary
    offset = body.find(line)
    while offset >= 0 and len(found) <= MOST_PARTS + 1:
        if offset == 0 or body[offset - 1 : offset] == b"\n":
            delimiter = _delimiter_at(body, offset, len(line))
            if delimiter is not None:
                found.append(delimiter)
                if delimiter.closing:
                    break
        offset = body.find(line, offset + 1)
    return found


def _parse_headers(block: bytes) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    headers: list[tuple[str, str]] = []
    defects: list[str] = []
    for line in block.split(b"\r\n"):
        if b"\n" in line or b"\r" in line:
            defects.append("a header line ends in a bare CR or LF; MIME wants CRLF")
        if line[:1] in {b" ", b"\t"} and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip().decode('utf-8', 'replace')}")
            continue
        name_bytes, colon, value_bytes = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name_bytes):
            defects.append(f"this line is not a header: {line[:60].decode('utf-8', 'replace')!r}")
            continue
        headers.append((name_bytes.decode("ascii"), value_bytes.strip().decode("utf-8", "replace")))
    return tuple(headers), defects


def _parse_part(region: bytes) -> Part:
    if region.startswith(b"\r\n"):
        return Part((), region[2:])
    if not region:
        return Part((), b"", ("the part is empty: neither headers nor a body",))
    block, blank, content = region.partition(b"\r\n\r\n")
    if len(block) > _MOST_HEADER_BYTES:
        return Part((), b"", (f"no blank line within the first {_MOST_HEADER_BYTES} bytes, so no end of the headers",))
    headers, defects = _parse_headers(block)
    if not blank:
        defects.insert(0, "no blank line between the part's headers and its body")
    return Part(headers, content, tuple(defects))


def split_multipart(body: bytes, boundary: str) -> Multipart:
    """Cut ``body`` at its boundary lines.

    Each part's content is what stands between the blank line under its headers and the CRLF before the next boundary line;
    a blank line above that boundary is therefore the last CRLF of the content.

    Cost: one pass of ``bytes.find``, one copy of the contents.
    """
    delimiters = _delimiters(body, boundary.encode("ascii"))
    parts: list[Part] = []
    for here, after in itertools.zip_longest(delimiters, delimiters[1:]):
        if here.closing:
            break
        end = len(body) if after is None else after.offset
        line_end = 0 if after is None else 2 if body[end - 2 : end] == b"\r\n" else 1
        parts.append(_parse_part(body[here.end : max(here.end, end - line_end)]))
    last = delimiters[-1] if delimiters else None
    closed = last is not None and last.closing
    return Multipart(
        delimiters=tuple(delimiters),
        parts=tuple(parts),
        preamble=body[: delimiters[0].offset] if delimiters else body,
        epilogue=body[last.end :] if last is not None and last.closing else b"",
        closed=closed,
    )
