"""Faults on demand, by the API and by flags."""

from typing import Any

import pytest
import requests

from app.sandbox.faults import KINDS, Fault, FaultBook, make_fault, parse_fault
from tests.sandbox.sending import mt_id_of, send
from tests.sandbox.wrong import HEADERS, right_body
from tests.servers.sandbox import RunningSandbox


def test_a_fault_for_the_next_three_is_gone_after_them(quick: RunningSandbox) -> None:
    quick.add_fault("refuse", code=15406, times=3)
    assert [send(quick).status_code for _ in range(5)] == [403, 403, 403, 202, 202]
    assert quick.call("GET", "/faults")["faults"] == []


def test_a_fault_for_a_pattern_leaves_others_alone(quick: RunningSandbox) -> None:
    quick.add_fault("refuse", code=15303, destination=r"1251555\d+")
    assert send(quick).json()["error"]["code"] == 15303
    assert mt_id_of(send(quick, right_body("12024561111")))


def test_several_faults_are_added_at_once_and_taken_in_order(quick: RunningSandbox) -> None:
    quick.call(
        "POST",
        "/faults",
        {"faults": [{"kind": "refuse", "code": 15000, "times": 1}, {"kind": "status", "status": 502, "times": 1}]},
    )
    assert [send(quick).status_code for _ in range(3)] == [500, 502, 202]


@pytest.mark.parametrize("kind", ["error_after", "proxy_error_after", "garbage", "accepted_without_id", "cut_after"])
def test_what_is_answered_wrongly_after_acceptance_is_accepted(quick: RunningSandbox, kind: str) -> None:
    quick.add_fault(kind, times=1)
    try:
        answer = send(quick).text
    except requests.ConnectionError:
        answer = ""
    assert '"mtId": 1' not in answer or kind == "garbage"
    assert quick.counts()["accepted"] == {"12515550130": 1}


@pytest.mark.parametrize("kind", ["cut_before", "redirect"])
def test_what_is_broken_off_before_acceptance_is_not_accepted(quick: RunningSandbox, kind: str) -> None:
    quick.add_fault(kind, times=1)
    try:
        assert send(quick).status_code == 302
    except requests.ConnectionError:
        assert kind == "cut_before"
    assert quick.counts()["accepted"] == {}


def test_the_tps_limit_gives_15406_beyond_it(quick: RunningSandbox) -> None:
    quick.add_fault("tps", per_second=5)
    with requests.Session() as session:
        answers = [session.post(quick.endpoint, data=right_body(), headers=HEADERS, timeout=30) for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code != 202]
    assert refused
    assert all(answer.json()["error"]["code"] == 15406 for answer in refused)


def test_a_wrong_request_is_refused_for_what_is_wrong_though_a_fault_stands(quick: RunningSandbox) -> None:
    quick.add_fault("cut_after", times=1)
    assert send(quick, b"").status_code == 400


def test_faults_can_be_taken_away(quick: RunningSandbox) -> None:
    quick.add_fault("cut_before")
    quick.call("DELETE", "/faults")
    assert mt_id_of(send(quick))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"kind": "unheard"},
        {"kind": "refuse"},
        {"kind": "refuse", "code": 1},
        {"kind": "refuse", "code": 15000, "status": 99},
        {"kind": "status"},
        {"kind": "tps"},
        {"kind": "centre_down", "centre": 3},
        {"kind": "latency", "seconds": -1},
        {"kind": "latency", "seconds": "soon"},
        {"kind": "latency", "minutes": 1},
        {"kind": "cut_before", "destination": "("},
        {"faults": "all"},
        {"faults": ["all"]},
    ],
)
def test_a_wrong_fault_is_refused_with_a_reason(quick: RunningSandbox, values: dict[str, Any]) -> None:
    answer = requests.post(f"{quick.url}/sandbox/api/faults", json=values, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert quick.call("GET", "/faults")["faults"] == []


@pytest.mark.parametrize(
    ("data", "kind"), [(b"{}", "text/plain"), (b"{", "application/json"), (b"[]", "application/json")]
)
def test_the_api_reads_json_objects_alone(quick: RunningSandbox, data: bytes, kind: str) -> None:
    answer = requests.post(f"{quick.url}/sandbox/api/faults", data=data, headers={"Content-Type": kind}, timeout=10)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "values",
    [
        {"keep_messages": 1},
        {"unheard": 1},
        {"callback_url": 5},
        {"blank_line": "lax"},
        {"explain": 1},
        {"report_attempts": True},
    ],
)
def test_a_wrong_option_is_refused_and_changes_nothing(quick: RunningSandbox, values: dict[str, Any]) -> None:
    before = quick.call("GET", "/options")
    assert requests.patch(f"{quick.url}/sandbox/api/options", json=values, timeout=10).status_code == 422
    assert quick.call("GET", "/options") == before


def test_a_password_is_never_told(quick: RunningSandbox) -> None:
    quick.call("PATCH", "/options", {"account_id": "acc", "password": "tell-nobody"})
    assert send(quick).json()["error"]["code"] == 15206
    assert quick.call("GET", "/options")["password"] == "set"


def test_a_flag_reads_like_the_api() -> None:
    assert parse_fault("refuse:code=15406,times=3") == Fault("refuse", code=15406, times=3)
    assert parse_fault("cut_after") == Fault("cut_after")
    assert parse_fault("latency: seconds=0.5") == Fault("latency", seconds=0.5)


@pytest.mark.parametrize("text", ["", "unheard", "latency:0.5", "refuse:code=x"])
def test_a_wrong_flag_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_fault(text)


def test_every_kind_can_stand() -> None:
    needs: dict[str, dict[str, Any]] = {
        "refuse": {"code": 15000},
        "status": {"status": 500},
        "tps": {"per_second": 1.0},
        "centre_down": {"centre": 1},
    }
    book = FaultBook()
    for kind in KINDS:
        book.add(Fault(kind, **needs.get(kind, {})))
    assert [each["kind"] for each in book.listing()] == list(KINDS)
    assert book.take(frozenset({"cut_before"}), "1") == Fault("cut_before")


@pytest.mark.parametrize(
    ("counting", "times", "within"),
    [
        # Two a second: the third within any second is too many, wherever the second begins.
        ("sliding", [0.5, 0.9, 1.1, 1.6], [True, True, False, True]),
        # The second of the clock ends at 1.0, so two more are permitted at once.
        ("clock", [0.5, 0.9, 0.95, 1.1, 1.2, 1.3], [True, True, False, True, True, False]),
        # The bucket holds two and loses two a second.
        ("bucket", [0.0, 0.0, 0.1, 0.5, 0.6], [True, True, False, True, False]),
    ],
)
def test_a_rate_is_counted_in_each_of_three_ways(
    monkeypatch: pytest.MonkeyPatch, counting: str, times: list[float], within: list[bool]
) -> None:
    book = FaultBook((make_fault({"kind": "tps", "per_second": 2, "counting": counting, "destination": "1.*"}),))
    found = []
    for at in times:
        monkeypatch.setattr("app.sandbox.faults.time.monotonic", lambda at=at: 1_000.0 + at)
        found.append(not book.over_tps("12515550130"))
        assert not book.over_tps("447700900765")
    assert found == within


@pytest.mark.parametrize("fault", ["tps:per_second=5,counting=never", "latency:seconds=1,counting=clock"])
def test_an_unknown_way_of_counting_is_refused(fault: str) -> None:
    with pytest.raises(ValueError, match="counting is for tps"):
        parse_fault(fault)
