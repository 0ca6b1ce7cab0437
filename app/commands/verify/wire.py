"""One request, byte by byte, and what came back. One connection each, closed after; nothing is ever sent again."""

import base64
import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from app.commands.verify.cases import Case
from app.settings import OpenMarket

KEPT_BYTES = 20_000
HIDDEN = b"Authorization: Basic ********"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What left and what came; ``sent`` has its Authorization header hidden. ``failure`` in words when no answer came."""

    case: Case
    started_at: datetime
    sent: bytes
    seconds: float
    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    answer: bytes = b""
    tls: str = ""
    failure: str = ""

    @property
    def request_id(self) -> str:
        """OpenMarket's name for the request."""
        return next((value for name, value in self.headers if name.lower() == "x-request-id"), "")


def exchange(case: Case, endpoint: str, account: OpenMarket) -> Exchange:
    """Send one request and read its answer; a failure is told, not raised."""
    parts = urlsplit(endpoint)
    target = parts.path + (f"?{case.query}" if case.query else "")
    head = [f"{case.method} {target} HTTP/1.1", f"Host: {parts.netloc}", "User-Agent: postcard verify-account"]
    head += ["Accept: application/json", "Connection: close"]
    head += [f"{name}: {value}" for name, value in case.headers.items()]
    if case.method == "POST":
        head.append(f"Content-Length: {len(case.body)}")
    credentials = _credentials(case, account)
    secret = [f"Authorization: Basic {credentials}".encode()] if credentials else []
    lines = [line.encode("latin-1") for line in head]
    real = b"\r\n".join([*lines, *secret, b"", case.body])
    shown = b"\r\n".join([*lines, *([HIDDEN] if secret else []), b"", case.body])
    started_at, began = datetime.now(UTC), time.monotonic()
    try:
        with _connect(parts.scheme, parts.hostname or "", parts.port, account) as connection:
            tls = connection.version() or "" if isinstance(connection, ssl.SSLSocket) else ""
            connection.settimeout(account.answer_seconds)
            connection.sendall(real)
            with http.client.HTTPResponse(connection, method=case.method) as answer:
                answer.begin()
                body = answer.read(KEPT_BYTES)
                told = (answer.status, answer.reason, tuple(answer.getheaders()))
            return Exchange(case, started_at, shown, time.monotonic() - began, *told, body, tls)
    except (OSError, http.client.HTTPException) as failure:
        words = f"{type(failure).__name__}: {failure}"
        return Exchange(case, started_at, shown, time.monotonic() - began, failure=words)


def _credentials(case: Case, account: OpenMarket) -> str:
    if case.authorization == "none":
        return ""
    password = account.password if case.authorization == "right" else "wrong-on-purpose"
    return base64.b64encode(f"{account.account_id}:{password}".encode()).decode()


def _connect(scheme: str, host: str, port: int | None, account: OpenMarket) -> socket.socket:
    plain = socket.create_connection((host, port or (443 if scheme == "https" else 80)), account.connect_seconds)
    if scheme != "https":
        return plain
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except (OSError, ValueError):
        plain.close()
        raise
