"""Fetch media by URL, without becoming a door into our own network.

Whatever a name resolves to, now or after a redirect, the address is judged where the socket is opened: what was checked
is what is connected to. Redirects are followed here, one by one, so that every hop passes the same gate.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import pycurl
from python_multipart.multipart import parse_options_header

from app.errors import FetchRefused
from app.model.media import Spooled
from app.upload.addresses import is_public
from app.upload.spool import Spool, check_length

MAX_REDIRECTS = 5
MAX_URL_CHARACTERS = 2048
CONNECT_SECONDS = 10.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")

_REASONS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "The name of the server is not known.",
    pycurl.E_COULDNT_CONNECT: "The server does not take a connection.",
    pycurl.E_OPERATION_TIMEDOUT: "The server took longer than {seconds:g} seconds.",
    pycurl.E_PARTIAL_FILE: "The server ended the answer before its announced length.",
    pycurl.E_GOT_NOTHING: "The server closed the connection without an answer.",
    pycurl.E_RECV_ERROR: "The connection was lost.",
    pycurl.E_PEER_FAILED_VERIFICATION: "The server's certificate is not valid for this address.",
    pycurl.E_SSL_CONNECT_ERROR: "No secure connection came about.",
}


def fetch_url(
    url: str,
    *,
    spool_dir: Path,
    max_bytes: int,
    seconds: float,
    allow_http: bool,
    allow_private: bool,
    may_reach: Callable[[str], bool] = is_public,
) -> Spooled:
    """Fetch ``url`` into a spool file.

    Args:
        url: absolute; https, or http where ``allow_http``; no user name or password in it.
        spool_dir: made if it is not there.
        max_bytes: inclusive limit of the file.
        seconds: for everything together, redirects included.
        allow_http: also plain http, in redirects too.
        allow_private: connect to any address. For tests on one machine.
        may_reach: judges each address that is about to be connected to.

    Raises:
        FetchRefused: with the reason in words, and ``url`` (of the hop that failed) and ``http_status`` as facts.
        UploadTooLarge: announced or sent more than ``max_bytes``.
        UploadEmpty: answered without a byte.
        DiskFull: no room for it.
    """
    gate = _Gate(may_reach=(lambda _address: True) if allow_private else may_reach, allow_http=allow_http)
    deadline = time.monotonic() + seconds
    for _ in range(MAX_REDIRECTS + 1):
        url = _check_url(url, allow_http=allow_http)
        with Spool(spool_dir, max_bytes=max_bytes) as spool:
            answer = _Answer(spool)
            _perform(url, answer, gate, deadline=deadline, seconds=seconds)
            if answer.status == 200:
                declared = parse_options_header(answer.headers.get("content-type", ""))[0]
                return spool.finish(filename=_filename(url, answer), declared_type=declared.decode("latin-1"))
        if answer.status not in _REDIRECTS or "location" not in answer.headers:
            raise FetchRefused(f"The server answers {answer.status}, not 200.", url=url, http_status=answer.status)
        url = urljoin(url, answer.headers["location"].encode("latin-1").decode("utf-8", "replace"))
    raise FetchRefused(f"The server redirects more than {MAX_REDIRECTS} times.", url=url)


def _check_url(url: str, *, allow_http: bool) -> str:
    """Give back ``url`` in ASCII: the host by IDNA, the rest percent-encoded.

    Raises:
        FetchRefused: it is not a URL that we fetch.
    """
    shown = url[:200]
    if len(url) > MAX_URL_CHARACTERS or _UNSAFE.search(url):
        raise FetchRefused("The URL is too long, or has spaces, control characters or backslashes in it.", url=shown)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise FetchRefused("This is not a URL.", url=shown) from error
    schemes = ("https", "http") if allow_http else ("https",)
    if parts.scheme not in schemes:
        raise FetchRefused(f"The URL must start with {' or '.join(each + '://' for each in schemes)}.", url=shown)
    if "@" in parts.netloc:
        raise FetchRefused("The URL has a user name or password in it.", url=f"{parts.scheme}://{host}")
    if not host:
        raise FetchRefused("The URL names no server.", url=shown)
    if url.isascii():
        return url
    try:
        netloc = parts.netloc.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise FetchRefused("The URL names a server that cannot be.", url=shown) from error
    return quote(parts._replace(netloc=netloc).geturl(), safe="".join(map(chr, range(0x21, 0x7F))))


@dataclass
class _Gate:
    """Opens sockets to addresses that may be reached, and remembers those that may not."""

    may_reach: Callable[[str], bool]
    allow_http: bool
    refused: list[str] = field(default_factory=list)
    opened: list[socket.socket] = field(default_factory=list)

    def open(self, _purpose: int, address: Any) -> Any:
        family, kind, protocol, target = address
        if family not in {socket.AF_INET, socket.AF_INET6} or not self.may_reach(str(target[0])):
            self.refused.append(str(target[0]) if isinstance(target, tuple) else "")
            return pycurl.SOCKET_BAD
        self.opened.append(socket.socket(family, kind, protocol))
        return self.opened[-1]

    def close(self) -> None:
        """Close our ends: libcurl works on a duplicate of each."""
        while self.opened:
            self.opened.pop().close()


@dataclass
class _Answer:
    """One hop's answer; the body is spooled only when the status is 200."""

    spool: Spool
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    failure: BaseException | None = None

    def on_header(self, line: bytes) -> None:
        text = line.decode("latin-1").strip()
        if text.startswith("HTTP/"):
            self.headers.clear()
            self.status = int(text.split()[1])
        elif ":" in text:
            name, _, value = text.partition(":")
            self.headers[name.strip().lower()] = value.strip()

    def on_body(self, chunk: bytes) -> int:
        if self.status != 200:
            return 0  # ends the transfer: nobody needs the body
        try:
            self.spool.write(chunk)
        except Exception as error:  # noqa: BLE001 -- libcurl swallows what a callback raises; it is raised again after it
            self.failure = error
            return 0
        return len(chunk)


def _perform(url: str, answer: _Answer, gate: _Gate, *, deadline: float, seconds: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise FetchRefused(_REASONS[pycurl.E_OPERATION_TIMEDOUT].format(seconds=seconds), url=url)
    gate.refused.clear()
    curl = pycurl.Curl()
    try:
        _set_up(curl, url, answer, gate, seconds=left)
        curl.perform()
    except pycurl.error as error:
        if answer.failure is not None:
            raise answer.failure from error
        if error.args[0] == pycurl.E_FILESIZE_EXCEEDED:
            check_length(answer.spool.max_bytes + 1, answer.spool.max_bytes)
        if answer.status in {0, 200}:
            raise _refusal(error.args[0], url, gate, seconds=seconds) from error
    finally:
        curl.close()
        gate.close()


def _refusal(code: int, url: str, gate: _Gate, *, seconds: float) -> FetchRefused:
    if gate.refused:
        host = urlsplit(url).hostname
        return FetchRefused(
            f"{host} leads to {gate.refused[0]}, which is not a public address.", url=url, address=gate.refused[0]
        )
    reason = _REASONS.get(code, "The server's answer cannot be understood.")
    return FetchRefused(reason.format(seconds=seconds), url=url)


def _set_up(curl: Any, url: str, answer: _Answer, gate: _Gate, *, seconds: float) -> None:
    protocols = pycurl.PROTO_HTTPS | (pycurl.PROTO_HTTP if gate.allow_http else 0)
    trusted = ssl.get_default_verify_paths()
    for option, value in {
        pycurl.URL: url,
        pycurl.PROTOCOLS: protocols,
        pycurl.FOLLOWLOCATION: False,
        pycurl.OPENSOCKETFUNCTION: gate.open,
        pycurl.PROXY: "",  # also not the one from the environment: it would connect in our place
        pycurl.NOPROXY: "*",
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.NOSIGNAL: True,
        pycurl.CONNECTTIMEOUT_MS: int(min(seconds, CONNECT_SECONDS) * 1000) + 1,
        pycurl.TIMEOUT_MS: int(seconds * 1000) + 1,
        pycurl.MAXFILESIZE_LARGE: answer.spool.max_bytes,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.USERAGENT: "Postcard (fetches what a user asked for)",
        pycurl.HTTPHEADER: ["Accept: image/*, video/*, audio/*, text/vcard, */*;q=0.1", "Accept-Encoding: identity"],
        pycurl.HEADERFUNCTION: answer.on_header,
        pycurl.WRITEFUNCTION: answer.on_body,
        pycurl.BUFFERSIZE: 256 * 1024,
    }.items():
        curl.setopt(option, value)
    # The wheel's libcurl was built elsewhere and looks for certificates there.
    if trusted.cafile:
        curl.setopt(pycurl.CAINFO, trusted.cafile)
    if trusted.capath:
        curl.setopt(pycurl.CAPATH, trusted.capath)


def _filename(url: str, answer: _Answer) -> str:
    options = parse_options_header(answer.headers.get("content-disposition", ""))[1]
    named = options.get(b"filename", b"").decode("utf-8", "replace")
    return named or unquote(urlsplit(url).path.rsplit("/", 1)[-1])
