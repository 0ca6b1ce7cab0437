"""One send request, from its bytes to its answer: judged, spoiled where a fault stands, accepted or refused."""

import json
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from app.sandbox.arrivals import Arrival
from app.sandbox.codes import CODES, Code
from app.sandbox.desk import Desk, new_request_id
from app.sandbox.faults import ANSWER_KINDS, Fault
from app.sandbox.judge import RawRequest, judge_request
from app.sandbox.numbers import meaning_of
from app.sandbox.rules import Result

_PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back.

    ``cut``: no answer, the connection ends; ``raw``: these bytes instead of HTTP, then it ends; ``close``: it ends after
    the answer, though the answer does not say so.
    """

    status: int = 0
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    raw: bytes = b""
    close: bool = False


def answer_send(desk: Desk, request: RawRequest, centre: int) -> Answer:
    """Answer one send request as OpenMarket would, or as a fault wants it.

    Args:
        desk: the sandbox.
        request: as it came.
        centre: 1 or 2 when the client chose a data centre, 0 for the shared name.
    """
    arrival = Arrival(
        new_request_id(), datetime.now(UTC), centre, request, judge_request(request, desk.options.policy())
    )
    destination = arrival.judgement.destination
    if _is_down(desk, centre):
        return _note(desk, arrival, Answer(cut=True), "data centre down: connection cut, not accepted")
    waiting = desk.faults.take(frozenset({"latency"}), destination)
    if waiting is not None:
        time.sleep(waiting.seconds)
    if arrival.judgement.refusal is not None:
        return _refuse(desk, arrival, arrival.judgement.refusal, 0)
    if desk.faults.over_tps(destination):
        return _refuse(desk, arrival, CODES[15406], 0)
    fault = _fault_of(desk, destination)
    if fault is not None and fault.kind == "refuse":
        return _refuse(desk, arrival, CODES[fault.code], fault.status)
    if fault is not None and fault.kind in {"cut_before", "status", "redirect"}:
        return _not_accepted(desk, arrival, fault)
    return _accept(desk, arrival, fault)


def _is_down(desk: Desk, centre: int) -> bool:
    if centre:
        return desk.faults.down(centre)
    return desk.faults.down(1) and desk.faults.down(2)


def _fault_of(desk: Desk, destination: str) -> Fault | None:
    asked = meaning_of(destination)
    if asked.code:
        return Fault("refuse", code=asked.code, status=asked.status)
    if asked.status:
        return Fault("status", status=asked.status)
    if asked.connection:
        return Fault(asked.connection, seconds=60.0)
    return desk.faults.take(ANSWER_KINDS, destination)


def _note(desk: Desk, arrival: Arrival, answer: Answer, words: str) -> Answer:
    arrival.status, arrival.answered = answer.status, words
    desk.arrivals.add(arrival)
    ours = answer.content_type == "application/json"  # what a proxy says has no request id
    headers = {**({"X-Request-Id": arrival.request_id} if ours else {}), **answer.headers}
    return replace(answer, headers=headers)


def _refuse(desk: Desk, arrival: Arrival, code: Code, status: int) -> Answer:
    status = status or code.status
    arrival.code = code.number
    arrival.documented = code.documented_status and status == code.status
    body: dict[str, Any] = {"error": {"code": code.number, "description": code.description}}
    if desk.options.explain:
        body["sandbox"] = _explain(arrival)
    headers = {"WWW-Authenticate": 'Basic realm="OpenMarket"'} if status == 401 else {}
    answer = Answer(status, json.dumps(body).encode(), headers=headers)
    return _note(desk, arrival, answer, f"refused: {status} with code {code.number}")


def _explain(arrival: Arrival) -> dict[str, Any]:
    failed = [verdict for verdict in arrival.judgement.verdicts if verdict.result is Result.FAIL]
    return {
        "note": "This field is the sandbox's own; OpenMarket does not send it.",
        "request": f"/messages/{arrival.request_id}",
        "status": "documented" if arrival.documented else "our assumption: no page states the status of this answer",
        "failed": [{"rule": each.rule, "topic": each.topic, "words": each.words} for each in failed],
    }


def _not_accepted(desk: Desk, arrival: Arrival, fault: Fault) -> Answer:
    if fault.kind == "cut_before":
        return _note(desk, arrival, Answer(cut=True), "fault: connection cut, not accepted")
    if fault.kind == "redirect":
        answer = Answer(302, content_type="text/html", headers={"Location": "https://mms.openmarket.com/mms/v2/send"})
        return _note(desk, arrival, answer, "fault: 302, not accepted")
    page = f"<html><body><h1>{fault.status}</h1></body></html>\n".encode()
    return _note(desk, arrival, Answer(fault.status, page, "text/html"), f"fault: bare {fault.status}, not accepted")


def _accept(desk: Desk, arrival: Arrival, fault: Fault | None) -> Answer:
    arrival.mt_id = desk.new_mt_id()
    answer, words = _accepting_answer(arrival.mt_id, fault)
    noted = _note(desk, arrival, answer, words)
    desk.process(arrival)
    if fault is not None and fault.kind == "slow":
        time.sleep(fault.seconds)
    return noted


def _accepting_answer(mt_id: int, fault: Fault | None) -> tuple[Answer, str]:
    if fault is not None and fault.kind in _SPOILED:
        return _SPOILED[fault.kind]
    accepted = Answer(202, json.dumps({"mtId": mt_id}).encode())
    if fault is not None and fault.kind == "slow":
        return accepted, f"fault: accepted, answered after {fault.seconds:g} s"
    if fault is not None and fault.kind == "close_unsaid":
        return replace(accepted, close=True), "fault: accepted: 202, then the connection was closed"
    return accepted, "accepted: 202"


_INTERNAL = json.dumps({"error": {"code": 15000, "description": CODES[15000].description}}).encode()
_SPOILED: dict[str, tuple[Answer, str]] = {
    "cut_after": (Answer(cut=True), "fault: accepted, then the connection was cut"),
    "error_after": (Answer(500, _INTERNAL), "fault: accepted, answered 500 with 15000"),
    "proxy_error_after": (Answer(502, _PROXY_PAGE, "text/html"), "fault: accepted, answered a proxy's 502"),
    "garbage": (Answer(202, b'\xef\xbb\xbf{"mtId": 12'), "fault: accepted, answered 202 with broken JSON"),
    "garbage_bytes": (Answer(raw=b"\x00\x16\x03 this is not HTTP\n"), "fault: accepted, answered what is not HTTP"),
    "accepted_without_id": (Answer(202, b"{}"), "fault: accepted, answered 202 without an mtId"),
}
