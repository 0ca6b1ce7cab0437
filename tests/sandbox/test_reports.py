"""Delivery reports: which come, when, in what form, and how often."""

from datetime import datetime
from typing import Any

import pytest
import requests

from tests.sandbox.sending import mt_id_of, send
from tests.sandbox.wrong import right_body
from tests.servers.callback import Callback, wait_until
from tests.servers.sandbox import RunningSandbox


def _reported(sandbox: RunningSandbox, callback: Callback, destination: str, most: int) -> list[str]:
    mt_id = mt_id_of(send(sandbox, right_body(destination)))
    wait_until(lambda: len(callback.statuses(mt_id)) >= most)
    return callback.statuses(mt_id)


def test_a_report_has_the_documented_form(quick: RunningSandbox, callback: Callback) -> None:
    mt_id = mt_id_of(send(quick))
    wait_until(lambda: len(callback.posts) == 2)
    headers, _ = callback.posts[0]
    assert headers["content-type"] == "application/json"
    assert len(headers["x-request-id"]) == 40
    forwarded, retrieved = callback.reports
    assert datetime.fromisoformat(forwarded.pop("date")).tzinfo is not None
    assert forwarded == {
        "type": "REPORT",
        "mtId": str(mt_id),
        "status": "Forwarded",
        "outcomeId": 5,
        "outcomeDescription": "Message was forwarded to the mobile operator",
    }
    assert (retrieved["status"], retrieved["outcomeId"], retrieved["userAgent"]) == ("Retrieved", 1, "Sandbox Phone 1")


@pytest.mark.parametrize(
    ("destination", "statuses"),
    [
        ("12515550130", ["Forwarded", "Retrieved"]),
        ("10000871000", ["Retrieved"]),
        ("10360871000", ["Deferred"]),
        ("10340871000", ["Forwarded"]),
        ("15559500001", ["Forwarded", "Retrieved"]),
        ("15559500002", ["Forwarded", "Expired"]),
        ("15559500003", ["Forwarded", "Indeterminate"]),
        ("15559500004", ["Forwarded", "Deferred"]),
        ("15559500005", ["Forwarded"]),
        ("15559500006", ["Forwarded", "Unrecognized"]),
        ("15559500007", ["Forwarded", "Unreachable"]),
        ("15559500008", ["Forwarded", "NotSupported"]),
        ("15559500009", ["Forwarded", "Rejected"]),
        ("15559500099", ["Forwarded", "Teleported"]),
        ("15559600003", ["Forwarded", "Forwarded", "Retrieved", "Retrieved"]),
        ("15559600004", ["Retrieved", "Forwarded"]),
        ("15559600006", ["Forwarded", "Retrieved", "Rejected"]),
    ],
)
def test_a_destination_decides_its_reports(
    quick: RunningSandbox, callback: Callback, destination: str, statuses: list[str]
) -> None:
    assert sorted(_reported(quick, callback, destination, len(statuses))) == sorted(statuses)
    posted = [report["body"]["status"] for report in quick.messages()[0]["reports"]]
    assert posted[0] == statuses[0]


def test_lost_reports_never_come(quick: RunningSandbox, callback: Callback) -> None:
    lost = mt_id_of(send(quick, right_body("15559600001")))
    _reported(quick, callback, "12515550130", 2)
    assert callback.statuses(lost) == []


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("reports_late", ["Forwarded", "Retrieved"]),
        ("reports_twice", ["Forwarded", "Forwarded", "Retrieved", "Retrieved"]),
        ("reports_contradicting", ["Forwarded", "Retrieved", "Rejected"]),
    ],
)
def test_a_fault_spoils_the_reports_of_the_next_message_alone(
    quick: RunningSandbox, callback: Callback, kind: str, statuses: list[str]
) -> None:
    quick.add_fault(kind, times=1, seconds=0.2)
    assert _reported(quick, callback, "12515550130", len(statuses)) == statuses
    assert _reported(quick, callback, "12515550131", 2) == ["Forwarded", "Retrieved"]


def test_an_early_report_is_there_before_the_answer(quick: RunningSandbox, callback: Callback) -> None:
    quick.call("PATCH", "/options", {"forwarded_seconds": 30.0})
    mt_id = mt_id_of(send(quick, right_body("15559600005")))
    assert callback.statuses(mt_id) == ["Forwarded"]


def test_a_report_that_is_not_answered_200_comes_again(quick: RunningSandbox, callback: Callback) -> None:
    callback.answers[:] = [500, 404]
    mt_id = mt_id_of(send(quick, right_body("10000871000")))
    wait_until(lambda: len(callback.statuses(mt_id)) == 3)
    ids = {headers["x-request-id"] for headers, _ in callback.posts}
    assert len(ids) == 1
    wait_until(lambda: [report["status"] for report in quick.messages()[0]["reports"]] == [500, 404, 200])


def test_a_report_is_given_up_after_its_attempts(quick: RunningSandbox, callback: Callback) -> None:
    quick.call("PATCH", "/options", {"report_attempts": 2, "report_retry_seconds": 0.01})
    callback.answers[:] = [503] * 2
    send(quick, right_body("10000871000"))
    wait_until(lambda: len(callback.posts) == 2)
    _reported(quick, callback, "10360871000", 1)
    assert [report["status"] for report in quick.messages()[0]["reports"]] == [503, 503]


def test_an_answer_with_a_body_is_remarked_on(quick: RunningSandbox, callback: Callback) -> None:
    callback.body = b"thanks"
    send(quick, right_body("10000871000"))
    wait_until(lambda: quick.messages()[0]["reports"])
    assert quick.messages()[0]["reports"][0]["note"] == "must answer with an empty body"


def test_a_callback_that_is_away_harms_nothing(quick: RunningSandbox) -> None:
    quick.call("PATCH", "/options", {"callback_url": "http://127.0.0.1:1/nobody", "report_attempts": 1})
    mt_id_of(send(quick))
    wait_until(lambda: len(quick.messages()[0]["reports"]) == 2)
    assert {report["status"] for report in quick.messages()[0]["reports"]} == {0}


def test_an_inbound_message_is_posted_as_multipart(quick: RunningSandbox, callback: Callback) -> None:
    told = quick.call("POST", "/inbound", {"source": "12515550130", "destinations": ["88600"], "text": "STOP"})
    assert told["status"] == 200
    headers, body = callback.posts[0]
    assert headers["content-type"].startswith("multipart/mixed; boundary=")
    first, second = body.split(b"--sandboxinbound\r\n")[1:]
    assert b'"type": "MO"' in first
    assert b'"source": "12515550130"' in first
    assert b"Content-Id: main" in first
    assert second.endswith(b"Content-Transfer-Encoding: base64\r\n\r\nU1RPUA==\r\n\r\n--sandboxinbound--\r\n")
    assert quick.call("GET", "/inbound")["items"][0]["body"]["destinations"] == ["88600"]


def test_an_inbound_message_carries_media(quick: RunningSandbox, callback: Callback) -> None:
    part = {"content_type": "image/gif", "content_id": "a.gif", "content_base64": "R0lGODlh"}
    quick.call("POST", "/inbound", {"source": "12515550130", "parts": [part]})
    assert b"Content-Type: image/gif" in callback.posts[0][1]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"source": "+1"},
        {"source": "12515550130", "destinations": "88600"},
        {"source": "12515550130", "parts": ["x"]},
        {"source": "12515550130", "parts": [{"content_type": "a\r\nb", "content_base64": ""}]},
        {"source": "12515550130", "parts": [{"content_type": "a/b", "content_base64": "%"}]},
    ],
)
def test_a_wrong_inbound_message_is_refused(quick: RunningSandbox, callback: Callback, values: dict[str, Any]) -> None:
    answer = requests.post(f"{quick.url}/sandbox/api/inbound", json=values, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert callback.posts == []
