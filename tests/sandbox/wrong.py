"""Requests made by hand, byte by byte: a right one, and ways to make it wrong."""

import base64
import json
from typing import Any

from app.sandbox.judge import Judgement, Policy, RawRequest, judge_request
from app.sandbox.rules import Result

BOUNDARY = "mimeboundary"
HEADERS = {
    "Content-Type": f"multipart/mixed; boundary={BOUNDARY}",
    "Authorization": "Basic " + base64.b64encode(b"account:secret").decode(),
}
TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Id: example.txt\r\n\r\nThis is my text."
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def details(**changes: Any) -> dict[str, Any]:
    """The sending details of the page's example; a change to ... leaves the field out."""
    right = {"type": "MT", "source": "88600", "destination": "12515550130", "mtConfig": "config1", **changes}
    return {name: value for name, value in right.items() if value is not ...}


def json_part(data: bytes | None = None, **changes: Any) -> bytes:
    """The first part."""
    body = json.dumps(details(**changes)).encode() if data is None else data
    return b"Content-Type: application/json\r\nContent-Id: main\r\n\r\n" + body


def link_part(url: str) -> bytes:
    """A linked part."""
    return f"Content-Type: application/vnd.openmarket.remoteContent\r\nContent-Id: photo.jpg\r\n\r\n{url}".encode()


def image_part(encoding: str = "base64", data: bytes | None = None) -> bytes:
    """An embedded picture."""
    body = base64.b64encode(PIXEL) if data is None else data
    coded = f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    return f"Content-Type: image/png\r\nContent-Id: example.png\r\n{coded}\r\n".encode() + body


def body_of(*parts: bytes, above: bytes = b"\r\n\r\n", closing: bytes = b"--\r\n") -> bytes:
    """Parts between boundary lines; ``above`` is what stands above each boundary but the first."""
    line = b"--" + BOUNDARY.encode()
    return b"".join(line + b"\r\n" + part + above for part in parts) + line + closing


def right_body(destination: str = "12515550130", **changes: Any) -> bytes:
    """A request body with nothing wrong in it."""
    return body_of(json_part(destination=destination, **changes), TEXT)


def judged(
    body: bytes | None = None,
    *,
    method: str = "POST",
    query: str = "",
    policy: Policy | None = None,
    **headers: str | None,
) -> Judgement:
    """Judge a request; a header of None is left out, names are given with underscores."""
    given = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    sent = tuple((name, value) for name, value in given.items() if value is not None)
    request = RawRequest(method, "/mms/v2/send", query, sent, right_body() if body is None else body)
    return judge_request(request, policy or Policy())


def failed_rules(judgement: Judgement) -> list[int]:
    """The numbers of the rules that failed."""
    return [verdict.rule for verdict in judgement.verdicts if verdict.result is Result.FAIL]


def warned_rules(judgement: Judgement) -> list[int]:
    """The numbers of the rules that warn."""
    return [verdict.rule for verdict in judgement.verdicts if verdict.result is Result.WARNING]


def answer_of(judgement: Judgement) -> tuple[int, int]:
    """HTTP status and code of the refusal; (202, 0) when there is none."""
    return (judgement.refusal.status, judgement.refusal.number) if judgement.refusal else (202, 0)
