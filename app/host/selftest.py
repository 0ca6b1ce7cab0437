"""The self-test: fetch a hosted object over its public URL as OpenMarket will, and say what would go wrong."""

import hashlib
import re
import time
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import urllib3

from app.errors import MediaUnreachable

CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so: what was found and what was expected, as text for a person."""

    name: str
    passed: bool
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    received: int
    sha256: str


_ADVICE = {
    "connection": "Check POSTCARD_PUBLIC_BASE_URL, DNS, the certificate and the firewall; then fetch the URL from outside.",
    "status": "Check that the bucket policy or the CDN lets everybody read the media prefix: `postcard bucket show`.",
    "no_redirect": "Set POSTCARD_PUBLIC_BASE_URL to the address that answers by itself, such as https:// instead of http://.",
    "content_type": "Let the CDN pass on Content-Type as the store gives it.",
    "content_length": "Turn off compression and rewriting of media in the CDN or proxy: it takes Content-Length away.",
    "not_chunked": "Turn off compression and rewriting of media in the CDN or proxy.",
    "not_encoded": "Turn off compression of media in the CDN or proxy.",
    "cache_age": "Let the CDN pass on Cache-Control as the store gives it, or raise its own to three days at least.",
    "bytes": "Something between the store and the world changes media: turn off image optimisation in the CDN.",
    "sha256": "Something between the store and the world changes media: turn off image optimisation in the CDN.",
}


def verify_public(
    url: str,
    *,
    sha256: str,
    content_type: str,
    bytes: int,  # noqa: A002 -- the noun of the records
    minimum_cache_seconds: int,
    connect_seconds: float,
    read_seconds: float,
) -> dict[str, Any]:
    """Fetch ``url`` once, directly and without following redirects, and check all that OpenMarket relies on.

    Args:
        url: the public URL, http or https.
        sha256: 64 hex digits that the bytes must hash to.
        content_type: what Content-Type must be; parameters are ignored.
        bytes: what Content-Length must be.
        minimum_cache_seconds: least ``max-age``; three days are 259,200.
        connect_seconds: limit for the connection, TLS included.
        read_seconds: limit for the whole answer.

    Returns:
        ``{"url", "ok": True, "milliseconds", "bytes", "checks": [{"name", "passed", "found", "expected"}, ...]}``,
        fit for JSON. Names: connection, no_redirect, status, content_type, not_chunked, not_encoded, content_length, cache_age,
        bytes, sha256.

    Raises:
        MediaUnreachable: a check failed; facts ``url``, ``checks``, ``milliseconds``, ``cause``, ``advice``.

    Cost: one GET; memory for one chunk, and never more than a chunk past ``bytes`` is read.
    """
    started = time.monotonic()
    try:
        answer = _fetch(url, bytes, connect_seconds=connect_seconds, read_seconds=read_seconds)
    except (urllib3.exceptions.HTTPError, TimeoutError, OSError) as error:
        checks = [Check("connection", passed=False, found=_in_words(error), expected="an answer")]
        _refuse(url, checks, started, error)
    checks = _judge(answer, sha256, content_type, bytes, minimum_cache_seconds)
    if not all(check.passed for check in checks):
        _refuse(url, checks, started)
    return {
        "url": url,
        "ok": True,
        "milliseconds": _milliseconds(started),
        "bytes": answer.received,
        "checks": [asdict(check) for check in checks],
    }


def _fetch(url: str, size: int, *, connect_seconds: float, read_seconds: float) -> _Answer:
    deadline = time.monotonic() + connect_seconds + read_seconds
    digest = hashlib.sha256()
    received = 0
    timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
    with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
        response = pool.request(
            "GET", url, redirect=False, preload_content=False, headers={"Accept": "*/*", "Accept-Encoding": "identity"}
        )
        try:
            # read1 returns with what has come: a server that drips one byte a second cannot hold us past the deadline.
            while received <= size and (chunk := response.read1(CHUNK_BYTES, decode_content=False)):
                digest.update(chunk)
                received += len(chunk)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{received} of {size} bytes came in {connect_seconds + read_seconds:g} s")
        finally:
            response.close()
        return _Answer(response.status, response.headers, received, digest.hexdigest())


def _judge(answer: _Answer, sha256: str, content_type: str, size: int, cache_seconds: int) -> list[Check]:
    headers = answer.headers
    length = headers.get("Content-Length", "")
    coding = headers.get("Transfer-Encoding", "")
    encoding = headers.get("Content-Encoding", "")
    found_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    age = _max_age(headers.get("Cache-Control", ""))
    redirected = 300 <= answer.status < 400
    return [
        Check("connection", passed=True, found="an answer", expected="an answer"),
        Check("no_redirect", not redirected, headers.get("Location", "none") if redirected else "none", "none"),
        Check("status", answer.status == 200, str(answer.status), "200"),
        Check("content_type", found_type == content_type.partition(";")[0], found_type or "none", content_type),
        Check("not_chunked", not coding, coding or "none", "none"),
        Check("not_encoded", encoding in {"", "identity"}, encoding or "none", "none"),
        Check("content_length", length == str(size), length or "none", str(size)),
        Check("cache_age", age >= cache_seconds, f"{age} s", f"{cache_seconds} s at least"),
        Check("bytes", answer.received == size, str(answer.received), str(size)),
        Check("sha256", answer.sha256 == sha256, answer.sha256, sha256),
    ]


def _max_age(cache_control: str) -> int:
    """Tell for how many seconds a shared cache may keep the answer; s-maxage counts before max-age (RFC 9111, 5.2.2.10)."""
    directives = cache_control.lower()
    if re.search(r"\b(no-store|no-cache|private)\b", directives):
        return 0
    found = re.search(r"\bs-maxage=\"?(\d+)", directives) or re.search(r"\bmax-age=\"?(\d+)", directives)
    return int(found[1]) if found else 0


def _refuse(url: str, checks: list[Check], started: float, error: Exception | None = None) -> NoReturn:
    first = next(check for check in checks if not check.passed)
    cause = f"{first.name.replace('_', ' ')}: found {first.found}, expected {first.expected}"
    raise MediaUnreachable(
        f"The hosted media cannot be fetched as OpenMarket needs it. {cause}. {_ADVICE[first.name]}",
        url=url,
        cause=cause,
        advice=_ADVICE[first.name],
        milliseconds=_milliseconds(started),
        checks=[asdict(check) for check in checks],
    ) from error


# The first class that fits counts.
_IN_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.NameResolutionError, "the host name does not resolve"),
    (urllib3.exceptions.NewConnectionError, "a refused connection"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection in time"),
    (urllib3.exceptions.ReadTimeoutError, "no whole answer in time"),
    (TimeoutError, "no whole answer in time"),
    (urllib3.exceptions.SSLError, "a certificate that is not valid"),
    (urllib3.exceptions.ProtocolError, "a connection that broke off"),
)


def _in_words(error: Exception) -> str:
    return next((words for kind, words in _IN_WORDS if isinstance(error, kind)), type(error).__name__)


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
