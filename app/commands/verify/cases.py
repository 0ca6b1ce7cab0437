"""The requests: right ones to the documented test numbers, and one wrong one for each rule; written by hand, byte for byte.

Nothing of compose stands behind them: a fault of ours there must not hide itself here. No request names a number of a
person: test numbers, numbers reserved for fiction, and what is no number at all.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

RETRIEVED, DEFERRED, FORWARDED = "10000871000", "10360871000", "10340871000"
_IN_CANADA = "16135550123"  # 555-01xx is reserved for fiction
_BOUNDARY = "verify-account"
MIXED = f"multipart/mixed; boundary={_BOUNDARY}"
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Id: text1\r\n\r\nA test of the account."
_PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b")


@dataclass(frozen=True, slots=True)
class Expected:
    """What should come back; 0 = anything. ``stated`` False = no page states it, it is what Postcard assumes.

    ``report`` is the status word of the report that should follow.
    """

    status: int = 0
    code: int = 0
    report: str = ""
    stated: bool = True

    @property
    def words(self) -> str:
        """Say it for the transcript."""
        code = f"code {self.code}" if self.code else ""
        answer = " with ".join(filter(None, [str(self.status or ""), code])) or "anything"
        return f"{answer}, then {self.report}" if self.report else answer


@dataclass(frozen=True, slots=True)
class Case:
    """One request; ``rule`` is its row in docs/sandbox.md's rules, 0 for what is not about one."""

    name: str
    rule: int
    expected: Expected
    body: bytes
    method: str = "POST"
    query: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": MIXED})
    authorization: str = "right"


@dataclass(frozen=True, slots=True)
class Account:
    """Who sends: the source and the *test* MT configuration; ``media_url`` is a picture that the world can fetch."""

    source: str
    mt_config: str
    media_url: str
    gone_url: str


ACCEPTED = Expected(202, report="Retrieved")
TAKEN = Expected(202, stated=False)
BROKEN = Expected(400)
BROKEN_ASSUMED = Expected(400, stated=False)


def _join(*parts: bytes, above: bytes = b"\r\n\r\n") -> bytes:
    line = b"--" + _BOUNDARY.encode()
    return b"".join(line + b"\r\n" + part + above for part in parts) + line + b"--\r\n"


def _json_part(details: bytes) -> bytes:
    return b"Content-Type: application/json\r\nContent-Id: main\r\n\r\n" + details


def _link(url: str) -> bytes:
    return f"Content-Type: application/vnd.openmarket.remoteContent\r\nContent-Id: image1\r\n\r\n{url}".encode()


def _embedded() -> bytes:
    head = b"Content-Type: image/gif\r\nContent-Id: image1\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.b64encode(_PIXEL)


def unique_picture(mark: str) -> bytes:
    """Make a picture that nobody has seen, so that whoever fetches it cannot have it in a cache: a GIF with a comment."""
    comment = b"\x21\xfe" + bytes([len(mark)]) + mark.encode("ascii") + b"\x00"
    return _PIXEL[:-1] + comment + b"\x3b"


def make_cases(account: Account) -> list[Case]:
    """Make every request, the right ones first."""

    def details(destination: Any = RETRIEVED, **changes: Any) -> bytes:
        right = {"type": "MT", "source": account.source, "destination": destination, "mtConfig": account.mt_config}
        return json.dumps({name: value for name, value in {**right, **changes}.items() if value is not ...}).encode()

    def right(*parts: bytes, destination: str = RETRIEVED) -> bytes:
        return _join(_json_part(details(destination)), *(parts or (_TEXT,)))

    def field_case(name: str, code: int, **changes: Any) -> Case:
        return Case(name, 6, Expected(code=code), _join(_json_part(details(**changes)), _TEXT))

    return [
        *_right_ones(account, right),
        *_envelope(right),
        *_parts(details, right),
        field_case("type is missing", 15100, type=...),
        field_case("destination is missing", 15101, destination=...),
        Case("source is missing", 6, Expected(403, 15102), _join(_json_part(details(source=...)), _TEXT)),
        field_case("mtConfig is missing", 15105, mtConfig=...),
        field_case("type is not MT", 15200, type="MO"),
        field_case("destination is no number", 15201, destination="abc"),
        field_case("source is no number", 15202, source="abc"),
        field_case("subject is white space", 15203, subject="   "),
        field_case("subject has 256 characters", 15203, subject="x" * 256),
        field_case("mobileOperatorId is text", 15204, mobileOperatorId="AT&T"),
        field_case("mtConfig is white space", 15205, mtConfig=" "),
        Case(
            "two destinations",
            13,
            Expected(code=15201, stated=False),
            _join(_json_part(details(destination=[RETRIEVED, DEFERRED])), _TEXT),
        ),
        Case(
            "a number of another country",
            14,
            Expected(code=15201, stated=False),
            right(destination=_IN_CANADA),
        ),
    ]


def _right_ones(account: Account, right: Any) -> Sequence[Case]:
    return (
        Case("text to the number that retrieves", 0, ACCEPTED, right()),
        Case("text to the number that defers", 0, Expected(202, report="Deferred"), right(destination=DEFERRED)),
        Case(
            "text to the number that forwards",
            0,
            Expected(202, report="Forwarded", stated=False),
            right(destination=FORWARDED),
        ),
        Case("a hosted picture by link", 11, ACCEPTED, right(_link(account.media_url))),
        Case("an embedded picture", 8, ACCEPTED, right(_embedded())),
        Case("link and text, in this order", 8, ACCEPTED, right(_link(account.media_url), _TEXT)),
    )


def _envelope(right: Any) -> Sequence[Case]:
    form = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return (
        Case("GET instead of POST", 1, Expected(405, stated=False), b"", method="GET", headers={}),
        Case("a URL parameter", 1, TAKEN, right(), query="verify=1"),
        Case("no Authorization", 4, Expected(code=15206), right(), authorization="none"),
        Case("a wrong password", 4, Expected(code=15206), right(), authorization="wrong"),
        Case("form-data instead of mixed", 5, BROKEN_ASSUMED, right(), headers=form),
        Case("no boundary in the header", 5, BROKEN_ASSUMED, right(), headers={"Content-Type": "multipart/mixed"}),
    )


def _parts(details: Any, right: Any) -> Sequence[Case]:
    bracketed = _TEXT.replace(b"text1", b"<text 1>")
    return (
        Case("content before the JSON", 6, BROKEN_ASSUMED, _join(_TEXT, _json_part(details()))),
        Case("JSON that is cut", 6, BROKEN_ASSUMED, _join(_json_part(details()[:-5]), _TEXT)),
        Case("no blank line above a boundary", 7, BROKEN, _join(_json_part(details()), _TEXT, above=b"\r\n")),
        Case("no content", 8, BROKEN_ASSUMED, _join(_json_part(details()))),
        Case("a part without Content-Id", 9, TAKEN, right(_TEXT.replace(b"Content-Id: text1\r\n", b""))),
        Case("a Content-Id in angle brackets, with a space", 10, TAKEN, right(bracketed)),
        Case("a linked part that is no URL", 11, BROKEN_ASSUMED, right(_link("not a url"))),
        Case("text without a charset", 12, TAKEN, right(_TEXT.replace(b"; charset=utf-8", b""))),
    )


def make_gone_case(account: Account) -> Case:
    """Make the request whose link leads to nothing: when is it noticed, and how is it told?"""
    details = {"type": "MT", "source": account.source, "destination": RETRIEVED, "mtConfig": account.mt_config}
    body = _join(_json_part(json.dumps(details).encode()), _link(account.gone_url))
    return Case("a link to nothing", 22, Expected(202, report="Rejected", stated=False), body)
