"""All rules over one request, strictly, and what OpenMarket would answer: 202, or a status with a code.

Nothing stops at the first mistake: a request is judged as far as it can be read. The answer is that of the first
failure, in the order of the checks: address, account, MIME, sending details, content.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from app.sandbox.codes import BROKEN_REQUEST, CODES, Code
from app.sandbox.content import Content, decode_part, judge_content, judge_content_id, judge_form
from app.sandbox.details import judge_details, parse_details
from app.sandbox.mime import MOST_PARTS, Multipart, Part, is_boundary, parse_media_type, split_multipart
from app.sandbox.rules import RULES, Result, Source, Verdict

BlankLine = Literal["strict", "mime"]


@dataclass(frozen=True, slots=True)
class RawRequest:
    """One HTTP request as it came: header fields in order, ``body`` without any transfer coding.

    ``tls`` is the version of the connection, such as "TLSv1.3", empty for plain HTTP.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    tls: str = ""

    def header(self, name: str) -> str:
        """Give the first header of that name, empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Policy:
    """How to judge: the blank-line mode, and the account (empty: any account passes)."""

    blank_line: BlankLine = "strict"
    account_id: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a request came to; ``refusal`` None means acceptable. ``contents`` are in display order."""

    verdicts: tuple[Verdict, ...]
    refusal: Code | None
    account_id: str
    details: dict[str, Any]
    contents: tuple[Content, ...]

    @property
    def destination(self) -> str:
        """Give the recipient as it was sent, empty when there is no such string or a senselessly long one."""
        value = self.details.get("destination")
        return value if isinstance(value, str) and len(value) <= 40 else ""


def judge_request(request: RawRequest, policy: Policy) -> Judgement:
    """Judge ``request`` by rules 1 to 14.

    Returns:
        a verdict for every rule (several where a rule is about many fields or parts), and the refusal if any fails.
    """
    verdicts = [*_judge_address(request)]
    account_id, verdict = judge_account(request.header("Authorization"), policy)
    verdicts.append(verdict)
    details: dict[str, Any] = {}
    contents: list[Content] = []
    boundary, verdict = _judge_content_type(request.header("Content-Type"))
    verdicts.append(verdict)
    if boundary:
        multipart = split_multipart(request.body, boundary)
        verdicts += _judge_shape(multipart, policy.blank_line)
        if multipart.parts:
            details, said = _judge_first(multipart.parts[0])
            verdicts += said
            contents, said = _judge_contents(multipart.parts[1:])
            verdicts += said
    return Judgement(_complete(verdicts), _refusal(verdicts), account_id, details, tuple(contents))


def _judge_address(request: RawRequest) -> Iterator[Verdict]:
    if request.method != "POST":
        yield Verdict(1, "method", Result.FAIL, Source.PAGE, f"must be POST, is {request.method}")
    if request.query:
        words = "the page says that there are no URL parameters; what OpenMarket does with them is not stated"
        yield Verdict(1, "parameters", Result.WARNING, Source.PAGE, words)
    if request.method == "POST" and not request.query:
        over = request.tls or "plain HTTP, as towards a sandbox on this machine one may; OpenMarket takes TLS alone"
        yield Verdict(1, "", Result.PASS, Source.PAGE, f"POST {request.path} over {over}")


def judge_account(authorization: str, policy: Policy) -> tuple[str, Verdict]:
    """Judge Basic authentication; give the account ID, empty when it cannot be read."""

    def fail(words: str) -> tuple[str, Verdict]:
        return "", Verdict(4, "Authorization", Result.FAIL, Source.PAGE, words, 15206)

    scheme, _, token = authorization.partition(" ")
    if not authorization:
        return fail("no Authorization header")
    if scheme.lower() != "basic":
        return fail(f"must be Basic, is {scheme[:20]!r}")
    try:
        account_id, colon, password = base64.b64decode(token.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return fail("what follows Basic is not base64 of text")
    if not colon or not account_id or not password:
        return fail("must be the account ID, a colon and the password, in base64")
    if policy.account_id and (account_id, password) != (policy.account_id, policy.password):
        return fail("not the account ID and password that this sandbox was given; both are case-sensitive")
    return account_id, Verdict(4, "Authorization", Result.PASS, Source.PAGE, f"account {account_id[:40]!r}")


def _judge_content_type(value: str) -> tuple[str, Verdict]:
    kind = parse_media_type(value)
    boundary = kind.parameters.get("boundary", "")
    if kind.type != "multipart/mixed":
        words = f"must be multipart/mixed; boundary=..., is {value[:80]!r}" if value else "no Content-Type"
        return "", Verdict(5, "Content-Type", Result.FAIL, Source.PAGE, words)
    if not is_boundary(boundary):
        words = "no boundary" if not boundary else f"boundary {boundary[:80]!r} is not one that RFC 2046 allows"
        return "", Verdict(5, "Content-Type", Result.FAIL, Source.MIME, words)
    return boundary, Verdict(5, "Content-Type", Result.PASS, Source.PAGE, f"multipart/mixed, boundary {boundary}")


def _judge_shape(multipart: Multipart, mode: BlankLine) -> Iterator[Verdict]:
    """Judge what the body is cut by: the boundary lines."""
    if not multipart.parts:
        yield Verdict(5, "body", Result.FAIL, Source.MIME, "no part stands between boundary lines of this boundary")
        return
    if len(multipart.parts) > MOST_PARTS:
        words = f"more than {MOST_PARTS} parts; this sandbox reads no further"
        yield Verdict(5, "body", Result.FAIL, Source.OURS, words)
    elif not multipart.closed:
        words = "no closing boundary line (--boundary--): the body may have been cut short"
        yield Verdict(5, "body", Result.FAIL, Source.MIME, words)
    for name, text in (("before the first", multipart.preamble), ("after the closing", multipart.epilogue)):
        if text.strip():
            words = f"{len(text)} bytes stand {name} boundary; MIME ignores them"
            yield Verdict(5, "body", Result.WARNING, Source.MIME, words)
    bare = [line for line in multipart.delimiters if line.bare_line_feed]
    if bare:
        words = f"{len(bare)} boundary lines begin or end with a bare LF; MIME wants CRLF"
        yield Verdict(7, "line ends", Result.FAIL, Source.MIME, words)
    yield _judge_blank_lines(multipart, mode)


def _judge_blank_lines(multipart: Multipart, mode: BlankLine) -> Verdict:
    lacking = [line for line in multipart.delimiters if not line.blank_line_above]
    if not lacking:
        return Verdict(7, "blank lines", Result.PASS, Source.PAGE, f"above all {len(multipart.delimiters)} boundaries")
    where = f"no blank line above the boundary at byte {', '.join(str(line.offset) for line in lacking[:5])}"
    if mode == "mime":
        words = f"{where}. MIME does not ask for one, OpenMarket does; accepted since this sandbox runs with --blank-line mime"
        return Verdict(7, "blank lines", Result.WARNING, Source.PAGE, words)
    words = (
        f"{where}. OpenMarket's page: a blank line above each boundary, or the request fails with 400. Standard MIME "
        "writers leave it out: end every part with CRLF CRLF, or start the sandbox with --blank-line mime"
    )
    return Verdict(7, "blank lines", Result.FAIL, Source.PAGE, words)


def _judge_first(part: Part) -> tuple[dict[str, Any], list[Verdict]]:
    verdicts = [*judge_form(part, "part 1"), judge_content_id(part, "part 1", set())]
    kind = parse_media_type(part.header("Content-Type"))
    if part.header("Content-Type") and kind.type != "application/json":
        words = f"the first part must be application/json, is {part.header('Content-Type')[:60]!r}"
        return {}, [*verdicts, Verdict(6, "part 1", Result.FAIL, Source.PAGE, words)]
    name = part.header("Content-Id")
    if name != "main":
        words = f'Content-Id is {name[:40]!r}; the example calls this part "main"'
        verdicts.append(Verdict(6, "part 1", Result.WARNING, Source.EXAMPLE, words))
    try:
        details = parse_details(decode_part(part))
    except ValueError as wrong:
        words = f"the first part is not the JSON of sending details: {wrong}"
        return {}, [*verdicts, Verdict(6, "part 1", Result.FAIL, Source.PAGE, words)]
    verdicts.append(Verdict(6, "part 1", Result.PASS, Source.PAGE, "JSON, and it stands first"))
    return details, [*verdicts, *judge_details(details)]


def _judge_contents(parts: tuple[Part, ...]) -> tuple[list[Content], list[Verdict]]:
    contents: list[Content] = []
    verdicts: list[Verdict] = []
    names: set[str] = {"main"}
    for number, part in enumerate(parts, start=2):
        topic = f"part {number}"
        verdicts += judge_form(part, topic)
        verdicts.append(judge_content_id(part, topic, names))
        content, said = judge_content(part, topic)
        verdicts += said
        if content is not None:
            contents.append(content)
    if contents:
        verdicts.append(Verdict(8, "", Result.PASS, Source.PAGE, f"{len(contents)} pieces of content"))
    else:
        words = "OpenMarket accepts only requests with at least one piece of content, embedded or linked"
        verdicts.append(Verdict(8, "", Result.FAIL, Source.PAGE, words))
    return contents, verdicts


def _refusal(verdicts: list[Verdict]) -> Code | None:
    first = next((verdict for verdict in verdicts if verdict.result is Result.FAIL), None)
    if first is None:
        return None
    if first.code:
        return CODES[first.code]
    if first.rule == 1:
        return replace(BROKEN_REQUEST, status=405)
    return replace(BROKEN_REQUEST, documented_status=first.rule == 7)


_UNSEEN = {
    2: "which address a client chooses is its own matter",
    3: "DNS cannot be seen from here",
    11: "no linked part",
    12: "no text part",
}


def _complete(verdicts: list[Verdict]) -> tuple[Verdict, ...]:
    """Add a line for each rule from 1 to 14 that nothing was said about, and order all by rule."""
    seen = {verdict.rule for verdict in verdicts}
    readable = {6, 13} <= seen
    for number in range(1, 15):
        if number not in seen:
            words = _UNSEEN[number] if number in _UNSEEN and (readable or number < 4) else "an earlier mistake hides it"
            verdicts.append(Verdict(number, "", Result.NOT_JUDGED, RULES[number].source, words))
    return tuple(sorted(verdicts, key=lambda verdict: (verdict.rule, _part_number(verdict.topic))))


def _part_number(topic: str) -> int:
    found = re.fullmatch(r"part (\d+)", topic)
    return int(found[1]) if found else 0
