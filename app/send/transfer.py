"""One request on one connection: what has left, what came back.

The body is fed by a read function and there is deliberately no seek function: libcurl sends a request again by itself when
a kept connection turns out to be dead, and for that it must rewind the body. Without a way to rewind it fails instead
(CURLE_SEND_FAIL_REWIND), so a body whose first byte was handed over can never leave twice. As long as the read function
has not been called nothing of the body has left, whatever else failed.
"""

import base64
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import pycurl

from app import settings
from app.model.messages import Outgoing
from app.send.endpoints import is_loopback
from app.telemetry import log

MAX_ANSWER_BYTES = 65_536
DNS_SECONDS = 60  # OpenMarket: DNS answers may be cached for one minute at most
IDLE_SECONDS = 4  # common servers close idle connections after 5 s; ours are not reused that late
CONNECTION_SECONDS = 60  # so that a change in DNS reaches busy connections too
_REQUEST_ID = b"\nx-request-id:"


def basic_authorization(account: settings.OpenMarket) -> str:
    """Write the Authorization header; both words are case-sensitive and go out as UTF-8."""
    words = f"{account.account_id}:{account.password}".encode()
    return "Authorization: Basic " + base64.b64encode(words).decode()


class Transfer:
    """A reusable libcurl handle and the request it carries; used by one thread at a time."""

    def __init__(self, account: settings.OpenMarket, *, ca_file: str = "") -> None:
        self.outgoing: Outgoing | None = None
        self.endpoint = ""
        self.tried: tuple[str, ...] = ()
        self.started_at = datetime.now(UTC)
        self.asked = False
        self.denied = False
        self._header_lines: list[bytes] = []
        self._chunks: list[bytes] = []
        self._received = 0
        self._position = 0
        self._body = b""
        self._size = -1
        self._may_leave: Callable[[], bool] = bool
        self._content_type = ""
        self._authorization = basic_authorization(account)
        self._secrets = [secret for secret in (account.password, self._authorization.rpartition(" ")[2]) if secret]
        self.curl = pycurl.Curl()
        self.curl.transfer = self
        self._configure(account, ca_file)

    def prepare(self, outgoing: Outgoing, endpoint: str, tried: tuple[str, ...]) -> None:
        """Load a request; nothing moves before the handle is added to a multi."""
        if outgoing.content_type != self._content_type:
            self._content_type = outgoing.content_type
            self.curl.setopt(
                pycurl.HTTPHEADER,
                [self._authorization, f"Content-Type: {outgoing.content_type}", "Accept: application/json", "Expect:"],
            )
        if endpoint != self.endpoint:
            self._aim(endpoint)
        if len(outgoing.body) != self._size:
            self._size = len(outgoing.body)
            self.curl.setopt(pycurl.POSTFIELDSIZE_LARGE, self._size)
        self.outgoing, self.tried = outgoing, tried
        self._body, self._may_leave = outgoing.body, outgoing.may_leave
        self._position = self._received = 0
        self.asked = self.denied = False
        self._header_lines.clear()
        self._chunks = []
        self.started_at = datetime.now(UTC)

    @property
    def body_left(self) -> bool:
        """Whether a byte of the body may have left this machine."""
        return self.asked and not self.denied

    @property
    def http_status(self) -> int:
        """Status of the last answer, 0 if none came."""
        return int(self.curl.getinfo(pycurl.RESPONSE_CODE))

    @property
    def proxy_status(self) -> int:
        """Status of a proxy's answer to CONNECT, 0 if none was asked."""
        return int(self.curl.getinfo(pycurl.HTTP_CONNECTCODE))

    @property
    def headers(self) -> dict[str, str]:
        """The header that we care for, x-request-id, of the last answer; empty without it."""
        # Looked for in all lines at once: a loop over them costs 2 microseconds for each answer.
        lines = b"".join(self._header_lines)
        lowered = lines.lower()
        at = lowered.rfind(_REQUEST_ID, max(0, lowered.rfind(b"\nhttp/")))
        if at < 0:
            return {}
        value = lines[at + len(_REQUEST_ID) : lines.find(b"\n", at + 1)]
        return {"x-request-id": value.strip().decode("latin-1")}

    @property
    def answer(self) -> bytes:
        """The answer's body as far as it came."""
        return b"".join(self._chunks)

    def forget(self) -> None:
        """Let go of the request and its answer; the handle itself is kept for the next one."""
        self.outgoing = None
        self._body, self._may_leave = b"", bool
        self._chunks = []

    def hide_secrets(self, text: str) -> str:
        """Take our credentials out of what a gateway sent back, should it repeat them."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        """Free the handle."""
        self.curl.transfer = None
        self.curl.close()

    def _configure(self, account: settings.OpenMarket, ca_file: str) -> None:
        set_option = self.curl.setopt
        set_option(pycurl.POST, 1)
        set_option(pycurl.READFUNCTION, self._read)
        set_option(pycurl.WRITEFUNCTION, self._write)
        set_option(pycurl.HEADERFUNCTION, self._header_lines.append)
        set_option(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        set_option(pycurl.FOLLOWLOCATION, 0)
        set_option(pycurl.NOSIGNAL, 1)
        set_option(pycurl.TCP_NODELAY, 1)
        set_option(pycurl.CONNECTTIMEOUT_MS, int(account.connect_seconds * 1000))
        set_option(pycurl.TIMEOUT_MS, int((account.connect_seconds + account.answer_seconds) * 1000))
        set_option(pycurl.DNS_CACHE_TIMEOUT, DNS_SECONDS)
        set_option(pycurl.MAXAGE_CONN, IDLE_SECONDS)
        set_option(pycurl.MAXLIFETIME_CONN, CONNECTION_SECONDS)
        set_option(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        set_option(pycurl.SSL_VERIFYPEER, 1)
        set_option(pycurl.SSL_VERIFYHOST, 2)
        set_option(pycurl.HEADEROPT, pycurl.HEADER_SEPARATE)  # a proxy is not told our password
        set_option(pycurl.USERAGENT, "postcard")
        # The wheel's libcurl was built elsewhere and looks for certificates there; Debian has a folder, others a file.
        system = ssl.get_default_verify_paths()
        trusted = {pycurl.CAINFO: ca_file or system.cafile, pycurl.CAPATH: None if ca_file else system.capath}
        for option, path in trusted.items():
            if path:
                set_option(option, path)

    def _aim(self, endpoint: str) -> None:
        """Point the handle at an endpoint: https anywhere, http to this machine alone and past any proxy."""
        local = is_loopback(endpoint)
        self.curl.setopt(pycurl.URL, endpoint)
        self.curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTPS | (pycurl.PROTO_HTTP if local else 0))
        if local:
            self.curl.setopt(pycurl.PROXY, "")
        else:
            self.curl.unsetopt(pycurl.PROXY)
        self.endpoint = endpoint

    def _read(self, size: int) -> bytes | int:
        """Hand over the next piece of the body, after asking once whether it may leave at all."""
        if not self.asked:
            self.asked = True
            self.started_at = datetime.now(UTC)
            self.denied = not self._ask()
            if self.denied:
                return int(pycurl.READFUNC_ABORT)
        piece = self._body[self._position : self._position + size]
        self._position += len(piece)
        return piece

    def _ask(self) -> bool:
        try:
            return self._may_leave()
        except Exception as failure:  # noqa: BLE001 -- libcurl calls this: whatever went wrong, nothing may leave
            message_id = self.outgoing.message_id if self.outgoing else ""
            log.warning("claim not checked, nothing left", message_id=message_id, error=type(failure).__name__)
            return False

    def _write(self, piece: bytes) -> int | None:
        self._received += len(piece)
        if self._received > MAX_ANSWER_BYTES:
            return -1
        self._chunks.append(piece)
        return None
