"""A gateway on a real socket that does as it is told: the counterpart of the fault tests.

Each request that arrives whole is numbered and given to ``behave``, which returns what to do: bytes to write, then
whether to keep the connection. Breaking points before that are set as attributes.
"""

import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MT_ID = 9_007_199_254_740_993


def accepted(number: int) -> bytes:
    body = b'{"mtId": %d}' % (MT_ID + number)
    return (
        b"HTTP/1.1 202 Accepted\r\nX-Request-Id: r-%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % (number, len(body))
        + body
    )


def answer(status: int, body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass
class Request:
    """One request that arrived whole."""

    number: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode().lower() == name.lower():
                return value.strip().decode()
        return ""


Behave = Callable[[Request, socket.socket], bool]


def accept_all(request: Request, connection: socket.socket) -> bool:
    connection.sendall(accepted(request.number))
    return True


def reset(connection: socket.socket) -> None:
    """Close with a RST instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass
class Wire:
    """The server; ``bodies`` counts every body that arrived whole, ``requests`` keeps them."""

    behave: Behave = accept_all
    greet: Callable[[int, socket.socket], bool] = lambda _number, _connection: True
    certificate: tuple[str, str] | None = None
    newest_tls: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    address: tuple[str, int] = ("127.0.0.1", 0)
    requests: list[Request] = field(default_factory=list)
    bodies: Counter[bytes] = field(default_factory=Counter)
    connections: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(self.address, backlog=1024)
        self.port = self._listener.getsockname()[1]
        scheme = "https" if self.certificate else "http"
        self.url = f"{scheme}://{self.address[0]}:{self.port}/mms/v2/send"
        self._context = None
        if self.certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*self.certificate)
            if self.newest_tls is not ssl.TLSVersion.MAXIMUM_SUPPORTED:
                self._context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
                self._context.maximum_version = self.newest_tls
                self._context.set_ciphers("DEFAULT:@SECLEVEL=0")
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(number, connection), daemon=True).start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        try:
            if not self.greet(number, connection):
                return
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            rest = b""
            while True:
                request, rest = self._read(connection, rest)
                if request is None or not self.behave(request, connection):
                    return
        except (OSError, ValueError):
            return
        finally:
            connection.close()
            with self._lock:
                self._open.discard(connection)

    def _read(self, connection: socket.socket, data: bytes) -> tuple[Request | None, bytes]:
        while b"\r\n\r\n" not in data:
            more = connection.recv(65_536)
            if not more:
                return None, b""
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(Request(0, head, b"").header("Content-Length"))
        while len(rest) < length:
            more = connection.recv(65_536)
            if not more:
                return None, b""
            rest += more
        body, rest = rest[:length], rest[length:]
        with self._lock:
            request = Request(len(self.requests) + 1, head, body)
            self.requests.append(request)
            self.bodies[body] += 1
        return request, rest
