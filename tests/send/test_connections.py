"""What stands between the client and a gateway: idle connections, TLS versions, proxies."""

import socket
import ssl
import threading
from collections.abc import Callable

import pytest

from app.model.status import OutcomeKind
from app.send.gateway import OpenMarketGateway
from tests.send.conftest import message, send
from tests.send.wire import Request, Wire, accepted

StartWire = Callable[..., Wire]
StartGateway = Callable[..., OpenMarketGateway]


def test_idle_connections_are_closed_by_us(start_wire: StartWire, start_gateway: StartGateway) -> None:
    closed = threading.Event()

    def behave(request: Request, connection: socket.socket) -> bool:
        connection.sendall(accepted(request.number))
        if request.number == 2:
            assert connection.recv(1) == b""
            closed.set()
            return False
        return True

    wire = start_wire(behave=behave)
    gateway = start_gateway(wire.url, idle_seconds=0.1)
    send(gateway, message(1), message(2))
    assert closed.wait(30)
    assert send(gateway, message(3))["msg_3"].kind is OutcomeKind.ACCEPTED


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_a_gateway_that_speaks_only_old_tls_gets_nothing(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str]
) -> None:
    wire = start_wire(certificate=certificate, newest_tls=ssl.TLSVersion.TLSv1_1)
    found = send(start_gateway(wire.url, ca_file=certificate[0]), message(1))["msg_1"]
    assert found.kind is OutcomeKind.NOT_SENT
    assert not wire.requests


def test_a_gateway_that_speaks_tls_1_2_is_sent_to(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str]
) -> None:
    wire = start_wire(certificate=certificate, newest_tls=ssl.TLSVersion.TLSv1_2)
    found = send(start_gateway(wire.url, ca_file=certificate[0]), message(1))["msg_1"]
    assert found.kind is OutcomeKind.ACCEPTED


class Proxy:
    """A CONNECT proxy that leads every name to one port, and keeps what it was told."""

    def __init__(self, port: int, *, refuse: bool = False) -> None:
        self.heads: list[bytes] = []
        self._port = port
        self._refuse = refuse
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65_536)
        self.heads.append(head)
        if self._refuse:
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            connection.close()
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._port)) as behind:
            back = threading.Thread(target=_copy, args=(behind, connection), daemon=True)
            back.start()
            _copy(connection, behind)
            back.join()
        connection.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_a_proxy_of_the_environment_is_used_and_not_told_our_password(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = start_wire(certificate=certificate)
    proxy = Proxy(wire.port)
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    found = send(start_gateway("https://gateway.test/mms/v2/send", ca_file=certificate[0]), message(1))["msg_1"]
    proxy.close()
    assert found.kind is OutcomeKind.ACCEPTED
    assert proxy.heads[0].startswith(b"CONNECT gateway.test:443 ")
    assert b"authorization" not in proxy.heads[0].lower()
    assert wire.requests[0].header("Host") == "gateway.test"


def test_a_proxy_that_refuses_is_not_sent(
    start_gateway: StartGateway, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(1, refuse=True)
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    found = send(start_gateway("https://gateway.test/mms/v2/send", ca_file=certificate[0]), message(1))["msg_1"]
    proxy.close()
    assert found.kind is OutcomeKind.NOT_SENT


def test_a_gateway_on_this_machine_is_reached_past_any_proxy(
    start_wire: StartWire, start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = start_wire()
    proxy = Proxy(1)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    found = send(start_gateway(wire.url), message(1))["msg_1"]
    proxy.close()
    assert found.kind is OutcomeKind.ACCEPTED
    assert not proxy.heads
