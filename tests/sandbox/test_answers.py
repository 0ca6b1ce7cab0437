"""What a client gets over the wire."""

import http.client
import io
import json
import socket
import threading

import pycurl
import pytest
import requests

from app.sandbox.codes import CODES
from app.sandbox.numbers import CONNECTION_FAULTS
from tests.sandbox.sending import mt_id_of, send
from tests.sandbox.wrong import HEADERS, TEXT, body_of, json_part, right_body
from tests.servers.callback import Callback, wait_until
from tests.servers.sandbox import RunningSandbox, running_sandbox


def test_an_accepted_request_has_an_integer_mt_id_and_a_request_id(quick: RunningSandbox) -> None:
    answer = send(quick)
    assert mt_id_of(answer) > 0
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.headers["X-Request-Id"]) == 40


def test_some_mt_ids_are_beyond_what_a_float_holds_and_none_comes_twice(quick: RunningSandbox) -> None:
    given = [mt_id_of(send(quick)) for _ in range(12)]
    assert len(set(given)) == 12
    assert any(mt_id > 2**53 for mt_id in given)
    assert all(mt_id < 2**63 for mt_id in given)


def test_a_refusal_has_the_documented_body_and_a_field_that_explains(quick: RunningSandbox) -> None:
    answer = send(quick, body_of(json_part(source=...), TEXT))
    assert answer.status_code == 403
    told = answer.json()
    assert told["error"] == {"code": 15102, "description": "You must specify a source number"}
    assert told["sandbox"]["status"] == "documented"
    assert told["sandbox"]["failed"] == [{"rule": 6, "topic": "source", "words": "source is missing"}]
    assert requests.get(quick.url + told["sandbox"]["request"], timeout=10).status_code == 200


def test_a_refusal_without_explaining_is_exactly_the_pages(quick: RunningSandbox) -> None:
    quick.call("PATCH", "/options", {"explain": False})
    assert set(send(quick, b"").json()) == {"error"}


@pytest.mark.parametrize("code", CODES)
def test_a_pattern_number_gives_each_code(quick: RunningSandbox, code: int) -> None:
    for pattern, status in (("90", CODES[code].status), ("91", 500), ("92", 400)):
        answer = send(quick, right_body(f"1555{pattern}{code}"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert quick.counts()["accepted_total"] == 0


@pytest.mark.parametrize("status", [204, 302, 404, 429, 502, 503])
def test_a_pattern_number_gives_a_bare_status(quick: RunningSandbox, status: int) -> None:
    answer = send(quick, right_body(f"15559300{status}"))
    assert answer.status_code == status
    assert "mtId" not in answer.text


@pytest.mark.parametrize("number", [1, 2, 9])
def test_a_pattern_number_cuts_the_connection(quick: RunningSandbox, number: int) -> None:
    destination = f"155594{number:05d}"
    with pytest.raises(requests.ConnectionError):
        send(quick, right_body(destination))
    accepted = CONNECTION_FAULTS[number] != "cut_before"
    counted = quick.counts()["accepted" if accepted else "refused"]
    assert counted == {destination: 1}


@pytest.mark.parametrize(("number", "status"), [(3, 500), (4, 502), (5, 202), (6, 202)])
def test_a_pattern_number_accepts_and_answers_something_else(quick: RunningSandbox, number: int, status: int) -> None:
    destination = f"155594{number:05d}"
    answer = send(quick, right_body(destination))
    assert answer.status_code == status
    assert "mtId" not in answer.text or number == 5
    assert quick.counts()["accepted"] == {destination: 1}


def test_a_redirect_accepts_nothing(quick: RunningSandbox) -> None:
    answer = send(quick, right_body("15559400007"))
    assert (answer.status_code, quick.counts()["accepted_total"]) == (302, 0)


def test_an_accepted_message_whose_answer_is_late_still_counts(quick: RunningSandbox) -> None:
    quick.add_fault("slow", seconds=3, times=1)
    with pytest.raises(requests.ReadTimeout):
        send(quick, timeout=0.5)
    assert quick.counts()["accepted"] == {"12515550130": 1}


def test_a_body_may_come_in_chunks(quick: RunningSandbox) -> None:
    answer = requests.post(
        quick.endpoint, data=(piece.to_bytes() for piece in right_body()), headers=HEADERS, timeout=30
    )
    assert mt_id_of(answer)


def test_a_body_over_the_limit_is_refused_and_not_kept() -> None:
    with running_sandbox(max_body_bytes=1000) as small:
        assert send(small, right_body() + bytes(1000)).status_code == 413
        assert small.counts()["requests"] == 0


def test_a_connection_is_kept_for_the_next_request(quick: RunningSandbox) -> None:
    host, port = quick.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    sockets = set()
    for _ in range(3):
        connection.request("POST", "/mms/v2/send", right_body(), HEADERS)
        sockets.add(connection.sock.getsockname() if connection.sock else None)
        assert json.loads(connection.getresponse().read())["mtId"]
    connection.close()
    assert len(sockets) == 1


def test_curl_keeps_its_connection_too(quick: RunningSandbox) -> None:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, quick.endpoint)
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])
    connects = []
    for _ in range(3):
        answer = io.BytesIO()
        curl.setopt(pycurl.POSTFIELDS, right_body())
        curl.setopt(pycurl.WRITEDATA, answer)
        curl.perform()
        assert json.loads(answer.getvalue())["mtId"]
        connects.append(curl.getinfo(pycurl.NUM_CONNECTS))
    curl.close()
    assert connects == [1, 0, 0]


def test_many_at_once_are_counted_exactly(quick: RunningSandbox) -> None:
    numbers = [f"1251555{number:04d}" for number in range(100, 180)]

    def work(mine: list[str]) -> None:
        with requests.Session() as session:
            for number in mine:
                session.post(quick.endpoint, data=right_body(number), headers=HEADERS, timeout=30)

    threads = [threading.Thread(target=work, args=(numbers[first::8],)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert quick.counts()["accepted"] == dict.fromkeys(numbers, 1)


def test_only_the_last_messages_are_kept(callback: Callback) -> None:
    with running_sandbox(keep_messages=5) as small:
        kept = [send(small, right_body(f"1251555010{number}")) for number in range(8)]
        assert [each["destination"][-1] for each in small.messages()] == ["3", "4", "5", "6", "7"]
        assert small.counts()["requests"] == 8
        gone = requests.get(f"{small.url}/sandbox/api/messages/{mt_id_of(kept[0])}", timeout=10)
        assert gone.status_code == 404


def test_long_bodies_push_the_oldest_out() -> None:
    with running_sandbox(keep_bytes=1_000_000) as small:
        part = b"Content-Type: image/png\r\nContent-Id: a.png\r\n\r\n" + bytes(200_000)
        for _ in range(6):
            send(small, body_of(json_part(), part))
        counted = small.counts()
        assert counted["kept"] == 2
        assert counted["kept_bytes"] <= 1_000_000


def test_a_message_tells_its_bytes_and_verdicts_but_no_password(quick: RunningSandbox) -> None:
    mt_id = mt_id_of(send(quick))
    told = requests.get(f"{quick.url}/sandbox/api/messages/{mt_id}", timeout=10)
    assert told.json()["mtId"] == str(mt_id)
    assert len({verdict["rule"] for verdict in told.json()["verdicts"]}) == 14
    raw = requests.get(f"{quick.url}/sandbox/api/messages/{mt_id}/raw", timeout=10).content
    assert raw.endswith(b"\r\n\r\n" + right_body())
    secret = HEADERS["Authorization"].removeprefix("Basic ")
    assert secret not in told.text + raw.decode()


def test_a_data_centre_that_is_down_cuts_connections_and_the_other_goes_on(quick: RunningSandbox) -> None:
    quick.add_fault("centre_down", centre=1)
    with pytest.raises(requests.ConnectionError):
        send(quick, path="/dc1/mms/v2/send")
    assert mt_id_of(send(quick, path="/dc2/mms/v2/send"))
    assert mt_id_of(send(quick))
    assert [each["centre"] for each in quick.messages()] == [1, 2, None]


def test_a_reset_forgets_everything(quick: RunningSandbox) -> None:
    quick.add_fault("latency", seconds=0.01)
    send(quick)
    wait_until(lambda: quick.messages()[0]["reports"])
    quick.reset()
    assert quick.messages() == []
    assert quick.call("GET", "/faults")["faults"] == []
    assert quick.call("GET", "/options")["callback_url"] == ""


def test_a_request_that_ends_early_is_no_request(quick: RunningSandbox) -> None:
    host, port = quick.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as plain:
        head = f"POST /mms/v2/send HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5000\r\n\r\n"
        plain.sendall(head.encode() + right_body())
        plain.shutdown(socket.SHUT_WR)
        assert plain.recv(1000) == b""
    assert quick.counts()["requests"] == 0


def test_a_connection_that_is_closed_unsaid_fails_the_next_request_on_it(quick: RunningSandbox) -> None:
    quick.add_fault("close_unsaid", times=1)
    connection = http.client.HTTPConnection(quick.url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/mms/v2/send", right_body(), HEADERS)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (202, "keep-alive")
    answer.read()

    def next_one() -> None:
        connection.request("POST", "/mms/v2/send", right_body(), HEADERS)
        connection.getresponse()

    with pytest.raises((http.client.RemoteDisconnected, OSError), match=r"\w"):
        next_one()
    connection.close()
    assert quick.counts()["accepted_total"] == 1


def test_reports_still_come_for_a_message_that_left_the_ring(callback: Callback) -> None:
    with running_sandbox(keep_messages=1, callback_url=callback.url) as small:
        first, second = mt_id_of(send(small)), mt_id_of(send(small))
        wait_until(lambda: len(callback.statuses(first)) == 2 and len(callback.statuses(second)) == 2)
