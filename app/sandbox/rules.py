"""The rules of OpenMarket's page "Send an MMS", numbered, in our words, each with where it is stated."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Where a rule is stated."""

    PAGE = "page"
    EXAMPLE = "example"
    DOCS = "docs"
    INFERRED = "inferred"
    MIME = "mime"
    OURS = "ours"


SOURCE_WORDS: dict[Source, str] = {
    Source.PAGE: 'stated on OpenMarket\'s page "Send an MMS"',
    Source.EXAMPLE: "only shown in the example of that page",
    Source.DOCS: "stated on another page of OpenMarket's documentation",
    Source.INFERRED: "our conclusion; no page states it",
    Source.MIME: "MIME itself (RFC 2045, RFC 2046)",
    Source.OURS: "our own advice; no page states it",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: ``number`` is its row, ``words`` says it in a sentence."""

    number: int
    words: str
    source: Source


_ALL = (
    Rule(1, "POST to /mms/v2/send without URL parameters, over TLS 1.2 or newer", Source.PAGE),
    Rule(2, "Throughput and availability: the direct addresses of the two data centres", Source.DOCS),
    Rule(3, "Keep DNS answers of the shared name for one minute at most", Source.DOCS),
    Rule(4, "Basic authentication with account ID and password", Source.PAGE),
    Rule(5, "Content-Type is multipart/mixed with the boundary that the body uses", Source.PAGE),
    Rule(6, "The first part is the JSON with the sending details; content follows", Source.PAGE),
    Rule(7, "A blank line stands above each boundary line", Source.PAGE),
    Rule(8, "At least one piece of content, embedded or linked", Source.PAGE),
    Rule(9, "Parts carry Content-Type, Content-Id and Content-Transfer-Encoding; binary unless named", Source.PAGE),
    Rule(10, "Content-Id advice: no angle brackets, no spaces, letters and digits, under 20 characters", Source.PAGE),
    Rule(11, "A linked part is application/vnd.openmarket.remoteContent with the URL as its body", Source.PAGE),
    Rule(12, "A text part is text/plain; charset=utf-8", Source.EXAMPLE),
    Rule(13, "One request for one recipient", Source.INFERRED),
    Rule(14, "Recipients in the US, the UK, Ireland and Australia", Source.PAGE),
    Rule(20, "Hosted content answers with its right Content-Type", Source.PAGE),
    Rule(21, "Cache-Control and Expires of hosted content are heeded", Source.PAGE),
    Rule(22, "Hosted content stays at its URL for three days after the last request", Source.PAGE),
    Rule(23, "New content gets a new URL", Source.PAGE),
    Rule(24, "Each data centre fetches hosted content for itself", Source.PAGE),
    Rule(25, "Hosted content is served without redirects, with Content-Length, quickly", Source.INFERRED),
)
RULES: dict[int, Rule] = {rule.number: rule for rule in _ALL}


class Result(StrEnum):
    """What a rule came to. ``NOT_JUDGED``: it cannot be seen here, or an earlier failure hides it."""

    PASS = "pass"  # noqa: S105 -- a verdict, not a password
    WARNING = "warning"
    FAIL = "fail"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says about one request: ``topic`` is the field or part, ``words`` say what was seen."""

    rule: int
    topic: str
    result: Result
    source: Source
    words: str
    code: int = 0
