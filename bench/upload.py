"""Taking in a 4 MB upload and hashing it, beside Flask's form parser and beside a bare stream with SHA-256.

Ours parses the form, counts, hashes in a second thread, and leaves a spool file. Flask parses the form into its own
temporary file, which is then read once more for the hash. The bare stream is hashed and forgotten: it parses nothing
and keeps nothing. Medians of interleaved turns in one process. The last row is what a 200 MB upload adds to memory.
"""

import hashlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from werkzeug.formparser import parse_form_data
from werkzeug.wsgi import LimitedStream

from app.upload.receive import receive_multipart

Row = dict[str, str | float | bool]
UPLOAD_BYTES = 4_000_000
LARGE_BYTES = 200_000_000
TURNS = 60
_BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"
_HEAD = (
    f"--{_BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
    "Content-Type: image/jpeg\r\n\r\n"
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()
_READ_BYTES = 64 * 1024


def _ours(body: bytes, folder: Path) -> Callable[[], None]:
    def take_in() -> None:
        received = receive_multipart(
            io.BytesIO(body),
            content_type=_TYPE,
            content_length=len(body),
            spool_dir=folder,
            max_bytes=UPLOAD_BYTES,
        )
        received.spooled.path.unlink()

    return take_in


def _flask(body: bytes) -> Callable[[], None]:
    def take_in() -> None:
        environ = {
            "wsgi.input": io.BytesIO(body),
            "CONTENT_TYPE": _TYPE,
            "CONTENT_LENGTH": str(len(body)),
            "REQUEST_METHOD": "POST",
        }
        _, _, files = parse_form_data(environ)
        file = files["file"]
        _hash(file.stream)
        file.close()

    return take_in


def _bare(body: bytes) -> Callable[[], None]:
    return lambda: _hash(LimitedStream(io.BytesIO(body), len(body)))


def _hash(stream: object) -> None:
    counted = hashlib.sha256()
    while chunk := stream.read(_READ_BYTES):  # type: ignore[attr-defined]  # -- any stream
        counted.update(chunk)
    counted.hexdigest()


class _Large(io.RawIOBase):
    """A body of LARGE_BYTES that is made as it is read."""

    def __init__(self) -> None:
        self._left = LARGE_BYTES
        self._head, self._tail = _HEAD, _TAIL
        self._bytes = os.urandom(1 << 20)

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            given, self._head = self._head, b""
        elif self._left:
            given = self._bytes[: min(size, self._left, len(self._bytes))]
            self._left -= len(given)
        else:
            given, self._tail = self._tail, b""
        return given


def _highest_kilobytes() -> int:
    """Read this process's peak; getrusage would give the parent's, which outlives fork and exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _grow(folder: Path) -> float:
    """Take in the large upload and tell by how many MB this process grew at its highest."""
    before = _highest_kilobytes()
    length = len(_HEAD) + LARGE_BYTES + len(_TAIL)
    receive_multipart(
        _Large(), content_type=_TYPE, content_length=length, spool_dir=folder, max_bytes=LARGE_BYTES
    ).spooled.path.unlink()
    return (_highest_kilobytes() - before) / 1000


def run() -> list[Row]:
    """Measure."""
    body = _HEAD + os.urandom(UPLOAD_BYTES) + _TAIL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = {"ours": _ours(body, folder), "flask": _flask(body), "bare": _bare(body)}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(TURNS):
            for way, take_in in ways.items():
                began = time.perf_counter()
                take_in()
                seconds[way].append(time.perf_counter() - began)
        with get_context("spawn").Pool(1) as pool:
            grown = pool.apply(_grow, (folder,))
    median = {way: statistics.median(each) for way, each in seconds.items()}
    by_flask, by_bare = median["ours"] / median["flask"], median["ours"] / median["bare"]
    return [
        {
            "what": "ours / Flask's form parser and a hash",
            "value": round(by_flask, 2),
            "unit": "ratio",
            "target": "<= 0.65",
            "met": by_flask <= 0.65,
        },
        {
            "what": "ours / a bare stream with SHA-256",
            "value": round(by_bare, 2),
            "unit": "ratio",
            "target": "<= 1.25",
            "met": by_bare <= 1.25,
        },
        {"what": "ours", "value": round(1000 * median["ours"], 2), "unit": "ms", "target": "", "met": True},
        {
            "what": "a 200 MB upload adds to memory",
            "value": round(grown, 1),
            "unit": "MB",
            "target": "<= 20",
            "met": grown <= 20,
        },
    ]
