"""HTTP as a client: one GET or POST at a time over http.client, nothing followed, nothing repeated."""

import http.client
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An answer: header names in lower case; ``body`` whole, or cut at the limit with ``too_long``."""

    status: int
    headers: dict[str, str]
    body: bytes
    too_long: bool = False


class WireFailed(Exception):
    """No whole answer came; the text says why, in words that can be shown."""


def _connect(scheme: str, host: str, port: int | None, seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _target(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as wrong:
        raise WireFailed(f"not a usable URL: {wrong}") from wrong
    if parts.scheme not in {"http", "https"} or not host:
        raise WireFailed("not an http or https URL")
    return parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _read(answer: http.client.HTTPResponse, max_bytes: int, deadline: float) -> tuple[bytes, bool]:
    chunks: list[bytes] = []
    length = 0
    while length <= max_bytes:
        if time.monotonic() > deadline:
            raise WireFailed("the answer took too long")
        chunk = answer.read1(65536)
        if not chunk:
            return b"".join(chunks), False
        chunks.append(chunk)
        length += len(chunk)
    return b"".join(chunks)[:max_bytes], True


def get(url: str, *, headers: dict[str, str], seconds: float, max_bytes: int) -> WireAnswer:
    """Fetch ``url`` once on a connection of its own.

    Raises:
        WireFailed: no connection, a broken answer, or longer than ``seconds``.
    """
    scheme, host, port, path = _target(url)
    deadline = time.monotonic() + seconds
    connection = _connect(scheme, host, port, seconds)
    try:
        connection.request("GET", path, headers={**headers, "Connection": "close"})
        answer = connection.getresponse()
        found: dict[str, str] = {}
        for name, value in answer.getheaders():
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
        body, too_long = _read(answer, max_bytes, deadline)
        promised = found.get("content-length", "")
        if promised.isdigit() and not too_long and len(body) < int(promised):
            raise WireFailed(f"the answer ended after {len(body)} of {promised} bytes")
        return WireAnswer(answer.status, found, body, too_long)
    except (OSError, http.client.HTTPException, UnicodeError) as wrong:
        raise WireFailed(f"{type(wrong).__name__}: {wrong}") from wrong
    finally:
        connection.close()


class Poster(threading.local):
    """Posts over a connection that each thread keeps open, as a busy server would."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self._origin: tuple[str, str, int | None] | None = None

    def post(self, url: str, body: bytes, *, headers: dict[str, str], seconds: float) -> WireAnswer:
        """Post ``body`` once.

        Raises:
            WireFailed: no connection or no whole answer; a kept connection that had gone stale is tried anew.
        """
        scheme, host, port, path = _target(url)
        kept = self._connection is not None and self._origin == (scheme, host, port)
        if not kept:
            self._drop()
            self._connection, self._origin = _connect(scheme, host, port, seconds), (scheme, host, port)
        try:
            return self._exchange(path, body, headers)
        except (OSError, http.client.HTTPException, UnicodeError) as wrong:
            self._drop()
            if kept:
                return self.post(url, body, headers=headers, seconds=seconds)
            raise WireFailed(f"{type(wrong).__name__}: {wrong}") from wrong

    def _exchange(self, path: str, body: bytes, headers: dict[str, str]) -> WireAnswer:
        connection = self._connection
        if connection is None:
            raise WireFailed("no connection")
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read(10_000)
        if not answer.isclosed():
            self._drop()
        return WireAnswer(answer.status, found, text)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._origin = None
