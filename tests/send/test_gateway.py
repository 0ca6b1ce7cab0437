"""The client against gateways on real sockets: what leaves, what is reused, and what each fault ends in."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime

import pytest

from app.errors import SettingsInvalid
from app.model.status import OutcomeKind
from app.send.gateway import OpenMarketGateway
from tests.send.conftest import message, send
from tests.send.wire import MT_ID, Request, Wire, accepted, answer, reset

StartWire = Callable[..., Wire]
StartGateway = Callable[..., OpenMarketGateway]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def hang_up(_request: Request, _connection: socket.socket) -> bool:
    return False


def refusing_url() -> str:
    return f"http://127.0.0.1:{free_port()}/mms/v2/send"


def test_a_request_arrives_as_openmarket_asks_for_it(start_wire: StartWire, start_gateway: StartGateway) -> None:
    wire = start_wire()
    outcome = send(start_gateway(wire.url), message(1))["msg_1"]
    request = wire.requests[0]
    assert request.head.startswith(b"POST /mms/v2/send HTTP/1.1\r\n")
    assert request.header("Authorization") == "Basic QWNjb3VudDpwYXNzOndvcmQ="
    assert request.header("Content-Type") == "multipart/mixed; boundary=b"
    assert request.header("Content-Length") == "1500"
    assert not request.header("Expect")
    assert not request.header("Transfer-Encoding")
    assert request.body == message(1).body
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert (outcome.mt_id, outcome.request_id, outcome.http_status) == (str(MT_ID + 1), "r-1", 202)
    assert outcome.endpoint == wire.url
    assert outcome.answered_at is not None
    assert outcome.started_at <= outcome.answered_at


def test_a_request_begins_with_its_first_byte_and_not_with_its_connection(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str]
) -> None:
    greeted: list[datetime] = []
    asked: list[datetime] = []

    def greet_late(_number: int, _connection: socket.socket) -> bool:
        time.sleep(0.1)
        greeted.append(datetime.now(UTC))
        return True

    def may_leave() -> bool:
        asked.append(datetime.now(UTC))
        return True

    wire = start_wire(certificate=certificate, greet=greet_late)
    outcome = send(start_gateway(wire.url, ca_file=certificate[0]), message(1, may_leave))["msg_1"]
    assert greeted[0] <= outcome.started_at <= asked[0]


def test_a_long_body_arrives_whole(start_wire: StartWire, start_gateway: StartGateway) -> None:
    wire = start_wire()
    outgoing = message(1, size=1_000_000)
    assert send(start_gateway(wire.url), outgoing)["msg_1"].kind is OutcomeKind.ACCEPTED
    assert wire.requests[0].body == outgoing.body


def test_connections_are_kept_between_groups(start_wire: StartWire, start_gateway: StartGateway) -> None:
    wire = start_wire()
    gateway = start_gateway(wire.url)
    for number in range(20):
        send(gateway, message(number))
    assert wire.connections == 1


def test_no_more_requests_are_under_way_than_connections_allow(
    start_wire: StartWire, start_gateway: StartGateway
) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def behave(request: Request, connection: socket.socket) -> bool:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        connection.sendall(accepted(request.number))
        return True

    wire = start_wire(behave=behave)
    gateway = start_gateway(wire.url, connections=3)
    groups = [[message(100 * thread + number) for number in range(20)] for thread in range(3)]
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda group=group: found.append(len(send(gateway, *group)))) for group in groups
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [20, 20, 20]
    assert most <= 3
    assert set(wire.bodies.values()) == {1}


def test_a_claim_that_was_lost_sends_nothing(start_wire: StartWire, start_gateway: StartGateway) -> None:
    wire = start_wire()
    found = send(start_gateway(wire.url), message(1, lambda: False), message(2))
    assert found["msg_1"].kind is OutcomeKind.NOT_SENT
    assert found["msg_2"].kind is OutcomeKind.ACCEPTED
    assert [request.body for request in wire.requests] == [message(2).body]


def test_a_claim_that_cannot_be_checked_sends_nothing(start_wire: StartWire, start_gateway: StartGateway) -> None:
    def broken() -> bool:
        raise RuntimeError("database away")

    wire = start_wire()
    assert send(start_gateway(wire.url), message(1, broken))["msg_1"].kind is OutcomeKind.NOT_SENT
    assert not wire.requests


def test_the_claim_is_asked_once_whatever_the_number_of_endpoints_and_pieces(
    start_wire: StartWire, start_gateway: StartGateway
) -> None:
    asked: list[str] = []

    def may_leave() -> bool:
        asked.append("asked")
        return True

    wire = start_wire()
    send(start_gateway(refusing_url(), wire.url), message(1, may_leave, size=300_000))
    assert asked == ["asked"]


def test_a_refused_connection_moves_on_to_the_next_endpoint(start_wire: StartWire, start_gateway: StartGateway) -> None:
    wire = start_wire()
    gateway = start_gateway(refusing_url(), wire.url)
    found = send(gateway, *map(message, range(10)))
    assert {outcome.kind for outcome in found.values()} == {OutcomeKind.ACCEPTED}
    assert {outcome.endpoint for outcome in found.values()} == {wire.url}
    assert set(wire.bodies.values()) == {1}


def test_no_endpoint_at_all_is_not_sent_and_asks_to_wait(start_gateway: StartGateway) -> None:
    found = send(start_gateway(refusing_url(), refusing_url()), message(1))["msg_1"]
    assert (found.kind, found.slow_down, found.http_status) == (OutcomeKind.NOT_SENT, True, 0)
    assert "No endpoint" in found.description


def test_a_name_that_does_not_resolve_is_not_sent(start_gateway: StartGateway) -> None:
    found = send(start_gateway("https://gateway.invalid/mms/v2/send"), message(1))["msg_1"]
    assert found.kind is OutcomeKind.NOT_SENT


def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str]
) -> None:
    wire = start_wire(certificate=certificate)
    assert send(start_gateway(wire.url), message(1))["msg_1"].kind is OutcomeKind.NOT_SENT
    assert not wire.requests


def test_a_certificate_that_is_trusted_is_sent_to(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str]
) -> None:
    wire = start_wire(certificate=certificate)
    gateway = start_gateway(wire.url, ca_file=certificate[0])
    found = send(gateway, *map(message, range(50)))
    assert {outcome.kind for outcome in found.values()} == {OutcomeKind.ACCEPTED}
    assert wire.connections <= 16


def test_a_tls_handshake_that_breaks_is_not_sent(start_wire: StartWire, start_gateway: StartGateway) -> None:
    def hang_up_early(_number: int, connection: socket.socket) -> bool:
        connection.recv(5)
        return False

    wire = start_wire(greet=hang_up_early)
    found = send(start_gateway(wire.url.replace("http:", "https:")), message(1))["msg_1"]
    assert found.kind is OutcomeKind.NOT_SENT


def test_a_connection_that_is_cut_after_the_body_is_unknown(start_wire: StartWire, start_gateway: StartGateway) -> None:
    wire = start_wire(behave=hang_up)
    found = send(start_gateway(wire.url, refusing_url()), message(1))["msg_1"]
    assert found.kind is OutcomeKind.UNKNOWN
    assert found.http_status == 0
    assert found.answered_at is None
    assert len(wire.requests) == 1


def test_a_connection_that_is_cut_within_the_body_is_unknown_and_nothing_is_sent_again(
    start_wire: StartWire, start_gateway: StartGateway
) -> None:
    def cut(_number: int, connection: socket.socket) -> bool:
        connection.recv(10)
        reset(connection)
        return False

    wire, other = start_wire(greet=cut), start_wire()
    found = send(start_gateway(wire.url, other.url), message(1, size=3_000_000))["msg_1"]
    assert found.kind is OutcomeKind.UNKNOWN
    assert wire.connections == 1
    assert not other.requests


def test_an_answer_that_takes_too_long_is_unknown(start_wire: StartWire, start_gateway: StartGateway) -> None:
    done = threading.Event()

    def wait(request: Request, connection: socket.socket) -> bool:
        done.wait(20)
        return False

    wire = start_wire(behave=wait)
    found = send(start_gateway(wire.url, connect_seconds=0.2, answer_seconds=0.2), message(1))["msg_1"]
    done.set()
    assert found.kind is OutcomeKind.UNKNOWN
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (
            answer(403, b'{"error": {"code": 15102, "description": "You must specify a source number"}}'),
            OutcomeKind.REFUSED,
        ),
        (answer(400, b'{"error": {"code": 15406, "description": "TPS"}}'), OutcomeKind.NOT_SENT),
        (answer(403, b"<html><h1>403</h1></html>", b"Content-Type: text/html"), OutcomeKind.UNKNOWN),
        (answer(500, b'{"error": {"code": 15000, "description": "internal"}}'), OutcomeKind.UNKNOWN),
        (answer(502, b"<html>Bad gateway</html>"), OutcomeKind.UNKNOWN),
        (answer(302, b"", b"Location: http://127.0.0.1:1/"), OutcomeKind.UNKNOWN),
        (answer(200, b"hello"), OutcomeKind.UNKNOWN),
        (answer(202, b"{}"), OutcomeKind.UNKNOWN),
        (answer(202, b'{"mtId": 1' + b" " * 200_000 + b"}"), OutcomeKind.UNKNOWN),
        (b"220 mail.example.com ESMTP\r\n", OutcomeKind.UNKNOWN),
        (b"\x00\xff" * 500, OutcomeKind.UNKNOWN),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{", OutcomeKind.UNKNOWN),
        (b'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"mtId": 5}', OutcomeKind.ACCEPTED),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + accepted(1), OutcomeKind.ACCEPTED),
        (b"HTTP/1.1 103 Early Hints\r\nX-Request-Id: early\r\n\r\n", OutcomeKind.UNKNOWN),
    ],
)
def test_each_answer_ends_in_the_right_outcome(
    start_wire: StartWire, start_gateway: StartGateway, reply: bytes, kind: OutcomeKind
) -> None:
    def behave(request: Request, connection: socket.socket) -> bool:
        connection.sendall(reply)
        return False

    wire = start_wire(behave=behave)
    found = send(start_gateway(wire.url), message(1))["msg_1"]
    assert found.kind is kind
    assert len(wire.requests) == 1


def test_a_redirect_is_not_followed(start_wire: StartWire, start_gateway: StartGateway) -> None:
    other = start_wire()
    reply = answer(307, b"", b"Location: " + other.url.encode())

    def behave(request: Request, connection: socket.socket) -> bool:
        connection.sendall(reply)
        return True

    wire = start_wire(behave=behave)
    assert send(start_gateway(wire.url), message(1))["msg_1"].kind is OutcomeKind.UNKNOWN
    assert not other.requests


def test_credentials_that_a_gateway_repeats_are_not_kept(start_wire: StartWire, start_gateway: StartGateway) -> None:
    def behave(request: Request, connection: socket.socket) -> bool:
        connection.sendall(answer(403, b"you said " + request.head + b" pass:word"))
        return True

    wire = start_wire(behave=behave)
    kept = send(start_gateway(wire.url), message(1))["msg_1"].answer
    assert "you said" in kept
    assert "pass:word" not in kept
    assert "QWNjb3VudDpwYXNzOndvcmQ=" not in kept


@pytest.mark.parametrize("tls", [False, True])
def test_kept_connections_that_die_under_load_send_nothing_twice(
    start_wire: StartWire, start_gateway: StartGateway, certificate: tuple[str, str], tls: bool
) -> None:
    """The server answers, then closes or resets the connection at random moments, often while the next request leaves."""

    def behave(request: Request, connection: socket.socket) -> bool:
        connection.sendall(accepted(request.number))
        if request.number % 3 == 0:
            time.sleep((request.number % 7) / 2_000)
            if request.number % 2:
                reset(connection)
            return False
        return True

    wire = start_wire(behave=behave, certificate=certificate if tls else None)
    gateway = start_gateway(wire.url, ca_file=certificate[0])
    found = send(gateway, *map(message, range(3_000)))
    assert len(found) == 3_000
    assert max(wire.bodies.values()) == 1
    accepted_messages = {id_ for id_, outcome in found.items() if outcome.kind is OutcomeKind.ACCEPTED}
    arrived = {b"msg_" + body.split()[1] for body in wire.bodies}
    assert {id_.encode() for id_ in accepted_messages} <= arrived
    for id_, outcome in found.items():
        if outcome.kind is OutcomeKind.NOT_SENT:
            assert id_.encode() not in arrived


def test_a_kept_connection_that_takes_the_request_and_dies_is_not_tried_again(
    start_wire: StartWire, start_gateway: StartGateway
) -> None:
    """The case in which libcurl would send again by itself: a reused connection that ends without a byte of answer."""

    def behave(request: Request, connection: socket.socket) -> bool:
        if request.number == 1:
            connection.sendall(accepted(1))
            return True
        return False

    wire = start_wire(behave=behave)
    gateway = start_gateway(wire.url)
    assert send(gateway, message(1))["msg_1"].kind is OutcomeKind.ACCEPTED
    found = send(gateway, message(2))["msg_2"]
    assert found.kind is OutcomeKind.UNKNOWN
    assert wire.connections == 1
    assert len(wire.requests) == 2


def test_a_slow_pace_does_not_keep_answers_waiting(start_wire: StartWire, start_gateway: StartGateway) -> None:
    release = threading.Event()
    calls = 0

    def pace() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            time.sleep(0.01)
        if calls == 3:
            assert release.wait(30)

    wire = start_wire()
    gateway = start_gateway(wire.url)
    outcomes = gateway.send_group([message(1), message(2), message(3)], pace=pace)
    first, second = next(outcomes), next(outcomes)
    assert {first.message_id, second.message_id} == {"msg_1", "msg_2"}
    release.set()
    assert [outcome.message_id for outcome in outcomes] == ["msg_3"]


@pytest.mark.parametrize("delay", [0.0, 0.005])
def test_a_pace_that_fails_stops_starting_and_lets_the_rest_land(
    start_wire: StartWire, start_gateway: StartGateway, delay: float
) -> None:
    calls = 0

    def pace() -> None:
        nonlocal calls
        calls += 1
        time.sleep(delay)
        if calls == 4:
            raise InterruptedError("stopping")

    wire = start_wire()
    landed = []
    outcomes = start_gateway(wire.url).send_group(map(message, range(10)), pace=pace)
    landed += [next(outcomes).kind for _ in range(3)]
    with pytest.raises(InterruptedError):
        next(outcomes)
    assert landed == [OutcomeKind.ACCEPTED] * 3
    assert len(wire.requests) == 3


def test_a_caller_that_stops_reading_leaves_a_working_gateway(
    start_wire: StartWire, start_gateway: StartGateway
) -> None:
    wire = start_wire()
    gateway = start_gateway(wire.url)
    outcomes = gateway.send_group(map(message, range(50)), pace=lambda: None)
    assert isinstance(outcomes, Generator)
    next(outcomes)
    outcomes.close()
    assert len(send(gateway, *map(message, range(100, 150)))) == 50
    assert max(wire.bodies.values()) == 1


def test_an_empty_group_is_nothing(start_gateway: StartGateway) -> None:
    assert send(start_gateway(refusing_url())) == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://mms.example.com/",
        "http://192.0.2.1/",
        "https://user@mms.example.com/",
        "ftp://127.0.0.1/",
        "https://mms.example.com/?a=b",
    ],
)
def test_an_endpoint_that_would_tell_secrets_is_refused_at_start(start_gateway: StartGateway, url: str) -> None:
    with pytest.raises(SettingsInvalid):
        start_gateway(url)
