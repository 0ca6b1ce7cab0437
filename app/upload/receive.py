"""Receive a request body: the file goes to disk as it comes, never into memory as a whole.

``stream`` is anything with ``read(size)`` that returns no bytes only at its end, such as ``wsgi.input``.
With ``content_length`` None the stream itself must end (chunked transfer encoding).
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.errors import UploadBroken, UploadEmpty
from app.model.media import Spooled
from app.upload.spool import Spool, check_length

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

CHUNK_BYTES = 256 * 1024  # stays in a core's cache from the socket to the hash and the file
# What boundaries, part headers and the other fields may add to the file.
FORM_BYTES = 64 * 1024
MAX_FIELDS = 20
MAX_FIELD_BYTES = 10_000
FILE_FIELD = "file"


class Stream(Protocol):
    """A request body."""

    def read(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes; none = the end."""


@dataclass(frozen=True, slots=True)
class Received:
    """The spooled file, owned by the caller, and the small text fields that came with it."""

    spooled: Spooled
    fields: dict[str, str]


def _chunks(stream: Stream, content_length: int | None) -> Iterator[bytes]:
    """Yield the body, exactly ``content_length`` bytes of it.

    Raises:
        UploadBroken: the client went away.
    """
    left = content_length
    while left is None or left > 0:
        try:
            chunk = stream.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
        except OSError as error:
            raise UploadBroken("The connection was lost before the upload was complete.") from error
        if not chunk:
            break
        if left is not None:
            left -= len(chunk)
        yield chunk
    if left:
        raise UploadBroken(f"The upload ended {left:,} bytes before its announced end.", missing_bytes=left)


def receive_raw(
    stream: Stream,
    *,
    filename: str,
    content_type: str,
    content_length: int | None,
    spool_dir: Path,
    max_bytes: int,
) -> Spooled:
    """Spool a body that is the file itself.

    Raises:
        UploadEmpty: there are no bytes.
        UploadTooLarge: longer than ``max_bytes``; known from ``content_length`` before a byte is read.
        UploadBroken: the client went away.
        DiskFull: no room for it.
    """
    check_length(content_length or 0, max_bytes)
    with Spool(spool_dir, max_bytes=max_bytes) as spool:
        for chunk in _chunks(stream, content_length):
            spool.write(chunk)
        return spool.finish(filename=filename, declared_type=content_type)


def receive_multipart(
    stream: Stream, *, content_type: str, content_length: int | None, spool_dir: Path, max_bytes: int
) -> Received:
    """Spool the part ``file`` of a multipart/form-data body and collect the text fields beside it.

    Args:
        stream: the body.
        content_type: the request's header, with the boundary.
        content_length: the request's header in bytes; None = until the stream ends.
        spool_dir: made if it is not there; the file in it has mode 0600.
        max_bytes: inclusive limit of the file.

    Raises:
        UploadEmpty: no part ``file``, or no bytes in it.
        UploadTooLarge: the file, or the announced body, is longer than ``max_bytes``; reading stopped there.
        UploadBroken: not multipart/form-data, no boundary, ended early, two files, too many or too long fields.
        DiskFull: no room for it.

    Cost: one pass; one buffer of 256 KiB.
    """
    boundary = _boundary(content_type)
    check_length((content_length or 0) - FORM_BYTES, max_bytes)
    with Spool(spool_dir, max_bytes=max_bytes) as spool:
        form = _Form(spool)
        try:
            parser = MultipartParser(boundary, form.callbacks())
            received = 0
            for chunk in _chunks(stream, content_length):
                received += len(chunk)
                check_length(received - FORM_BYTES, max_bytes)
                parser.write(chunk)
        except FormParserError as error:
            raise UploadBroken("The upload is not valid multipart/form-data.") from error
        return form.finish()


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise UploadBroken("The request must be multipart/form-data with a boundary.")
    return boundary


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@dataclass
class _Part:
    """One part of the form; ``name`` is empty until its headers are read."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    text: bytearray = field(default_factory=bytearray)


class _Form:
    """Listens to the parser and sends each part where it belongs."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._part = _Part()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._fields: dict[str, str] = {}
        self._parts = 0
        self._filename: str | None = None
        self._declared_type = ""
        self._misnamed = ""  # the last field that brought a file and is not ours; its bytes are let go
        self._ended = False

    def callbacks(self) -> "MultipartCallbacks":
        """Name the listeners as the parser wants them."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header_name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._close,
            "on_end": self._end,
        }

    def finish(self) -> Received:
        """Hand over what came.

        Raises:
            UploadBroken: the last boundary did not come.
            UploadEmpty: no part ``file``, or no byte in it.
        """
        if not self._ended:
            raise UploadBroken("The upload ended before its last boundary.")
        if self._filename is None:
            came = f"; a file came in the field `{self._misnamed[:40]}`" if self._misnamed else ""
            raise UploadEmpty(f"There is no file in the field `{FILE_FIELD}`{came}.")
        spooled = self._spool.finish(filename=self._filename, declared_type=self._declared_type)
        return Received(spooled, self._fields)

    def _begin(self) -> None:
        self._part = _Part()
        self._parts += 1
        if self._parts > MAX_FIELDS:
            raise UploadBroken(f"The form has more than {MAX_FIELDS} fields.")

    def _header(self) -> None:
        self._part.headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _open(self) -> None:
        headers = self._part.headers
        kind, options = parse_options_header(headers.get(b"content-disposition", b""))
        self._part.name = _text(options.get(b"name", b""))
        if kind != b"form-data" or not self._part.name:
            raise UploadBroken("A part of the form has no name.")
        if headers.get(b"content-transfer-encoding", b"binary").strip().lower() not in {b"binary", b"8bit", b"7bit"}:
            raise UploadBroken("A part of the form has a Content-Transfer-Encoding; send the bytes as they are.")
        if self._part.name != FILE_FIELD:
            self._misnamed = self._part.name if b"filename" in options else self._misnamed
            return
        if self._filename is not None:
            raise UploadBroken(f"The form has more than one field `{FILE_FIELD}`; send one file a request.")
        self._filename = _text(options.get(b"filename", b""))
        self._declared_type = parse_options_header(headers.get(b"content-type", b""))[0].decode("latin-1")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == FILE_FIELD:
            self._spool.write(memoryview(data)[start:end])
            return
        if self._part.name == self._misnamed:
            return
        if len(self._part.text) + end - start > MAX_FIELD_BYTES:
            raise UploadBroken(f"The field `{self._part.name[:40]}` is longer than {MAX_FIELD_BYTES:,} bytes.")
        self._part.text += data[start:end]

    def _close(self) -> None:
        if self._part.name not in {FILE_FIELD, self._misnamed}:
            self._fields[self._part.name] = _text(bytes(self._part.text))

    def _end(self) -> None:
        self._ended = True


def discard_rest(stream: Stream, *, max_bytes: int, seconds: float = math.inf) -> None:
    """Read and forget at most ``max_bytes``: a browser shows an answer only after its upload was taken in.

    Args:
        stream: the body, or what is left of it.
        max_bytes: how much at most.
        seconds: for how long at most, the last read apart.
    """
    left, until = max_bytes, time.monotonic() + seconds
    try:
        while left > 0 and time.monotonic() < until and (chunk := stream.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
    except OSError:
        return
