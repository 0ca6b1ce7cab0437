"""What a person is told when no answer came: a sentence with something to do in it; libcurl's words stay with the attempt."""

import socket
from collections.abc import Callable

import pycurl
import pytest

from app.model.messages import Outcome
from app.model.status import OutcomeKind
from app.send.failures import explain_broken_answer, explain_no_answer, explain_no_connection
from app.send.gateway import OpenMarketGateway
from tests.send.conftest import message, send
from tests.send.test_connections import Proxy
from tests.send.test_gateway import refusing_url
from tests.send.wire import Request, Wire, reset

StartWire = Callable[..., Wire]
StartGateway = Callable[..., OpenMarketGateway]
NUMBERS = sorted(value for name, value in vars(pycurl).items() if name.startswith("E_") and isinstance(value, int))


def require_told(found: Outcome, kind: OutcomeKind, what: str, do: str, error: int) -> None:
    assert found.kind is kind
    assert what in found.description
    assert do in found.description
    assert "curl" not in found.description
    assert f"libcurl {error}: " in found.answer


@pytest.mark.parametrize(
    ("url", "what", "error"),
    [
        (refusing_url(), "nothing answers at its address", pycurl.E_COULDNT_CONNECT),
        ("https://gateway.invalid/mms/v2/send", "its name is not found", pycurl.E_COULDNT_RESOLVE_HOST),
    ],
)
def test_no_connection_says_what_to_check(start_gateway: StartGateway, url: str, what: str, error: int) -> None:
    found = send(start_gateway(url), message(1))["msg_1"]
    require_told(found, OutcomeKind.NOT_SENT, what, "Nothing was sent. Check the network", error)


def test_a_certificate_that_is_not_trusted_is_named(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str]
) -> None:
    found = send(start_gateway(start_wire(certificate=certificate).url), message(1))["msg_1"]
    error = pycurl.E_PEER_FAILED_VERIFICATION
    require_told(found, OutcomeKind.NOT_SENT, "its certificate is not trusted", "Check the clock", error)


def test_a_connection_that_is_not_safe_is_named(start_wire: StartWire, start_gateway: StartGateway) -> None:
    def hang_up_early(_number: int, connection: socket.socket) -> bool:
        connection.recv(5)
        return False

    url = start_wire(greet=hang_up_early).url.replace("http:", "https:")
    found = send(start_gateway(url), message(1))["msg_1"]
    require_told(found, OutcomeKind.NOT_SENT, "as safe as TLS 1.2", "Nothing was sent", pycurl.E_SSL_CONNECT_ERROR)


def test_a_proxy_that_refuses_is_named(start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(1, refuse=True)
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    found = send(start_gateway("https://gateway.test/mms/v2/send"), message(1))["msg_1"]
    proxy.close()
    require_told(
        found, OutcomeKind.NOT_SENT, "the proxy refuses with status 403", "Check the proxy", pycurl.E_COULDNT_CONNECT
    )


def _nothing(_request: Request, _connection: socket.socket) -> bool:
    return False


def _reset(_request: Request, connection: socket.socket) -> bool:
    reset(connection)
    return False


def _no_http(_request: Request, connection: socket.socket) -> bool:
    connection.sendall(b"220 mail.example.com ESMTP\r\n")
    return False


def _half(_request: Request, connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{")
    return False


def _silence(_request: Request, connection: socket.socket) -> bool:
    connection.recv(1)  # until the client gives up
    return False


@pytest.mark.parametrize(
    ("behave", "what", "error"),
    [
        (_nothing, "The connection was closed without an answer.", pycurl.E_GOT_NOTHING),
        (_reset, "The connection broke off before an answer came.", pycurl.E_RECV_ERROR),
        (_no_http, "What came back is no answer in HTTP.", pycurl.E_UNSUPPORTED_PROTOCOL),
        (_half, "An answer with status 202 began, and broke off.", pycurl.E_PARTIAL_FILE),
        (_silence, "No answer came within POSTCARD_OPENMARKET_ANSWER_SECONDS.", pycurl.E_OPERATION_TIMEDOUT),
    ],
)
def test_no_whole_answer_says_that_it_may_have_been_sent(
    start_wire: StartWire, start_gateway: StartGateway, behave: object, what: str, error: int
) -> None:
    gateway = start_gateway(start_wire(behave=behave).url, connect_seconds=0.2, answer_seconds=0.4)
    found = send(gateway, message(1))["msg_1"]
    require_told(found, OutcomeKind.UNKNOWN, what, "It may have been sent: wait for its report", error)


def test_what_came_of_a_broken_answer_is_kept_before_the_librarys_words(
    start_wire: StartWire, start_gateway: StartGateway
) -> None:
    found = send(start_gateway(start_wire(behave=_half).url), message(1))["msg_1"]
    assert found.answer.startswith("{\nlibcurl 18: ")


@pytest.mark.parametrize("error", NUMBERS)
def test_every_number_of_the_library_has_a_sentence(error: int) -> None:
    assert explain_no_connection(error, 0).startswith("No endpoint takes a connection. ")
    assert "It may have been sent" in explain_no_answer(error)
    assert "status 502" in explain_broken_answer(502)
