"""The page: what was sent, what came back, and whether that is what the pages state or what Postcard assumes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from app.commands.verify.cases import Account, Expected
from app.commands.verify.reports import Posted
from app.commands.verify.wire import Exchange
from app.send.answers import Answer, read_answer

_FENCE = "````"


@dataclass
class Entry:
    """One request with everything that came of it; ``fetches`` None = nobody here knows who fetched the media."""

    exchange: Exchange
    answer: Answer
    reports: list[Posted] = field(default_factory=list)
    fetches: list[str] | None = None

    @classmethod
    def of(cls, exchange: Exchange) -> "Entry":
        """Read the answer of an exchange."""
        headers = {name.lower(): value for name, value in exchange.headers}
        return cls(exchange, read_answer(exchange.status, headers, exchange.answer))

    @property
    def wanted_report(self) -> str:
        """The status word to wait for, empty when the request was not accepted or none is expected."""
        return self.exchange.case.expected.report if self.answer.mt_id else ""

    @property
    def differences(self) -> list[str]:
        """Tell what came otherwise than expected."""
        expected = self.exchange.case.expected
        if self.exchange.failure:
            return [f"no answer: {self.exchange.failure}"]
        found = _answer_differences(expected, self.answer)
        statuses = [each.report.status for each in self.reports]
        if self.wanted_report and self.wanted_report not in statuses:
            found.append(f"no report {self.wanted_report} in time, but {', '.join(statuses) or 'none at all'}")
        return found

    @property
    def verdict(self) -> str:
        """Say in a few words how it went."""
        basis = "stated" if self.exchange.case.expected.stated else "assumed"
        return f"not as {basis}: {'; '.join(self.differences)}" if self.differences else f"as {basis}"

    @property
    def contradicts_the_pages(self) -> bool:
        """Whether something came otherwise than OpenMarket's pages state, or nothing came at all."""
        return bool(self.differences) and (self.exchange.case.expected.stated or bool(self.exchange.failure))


def _answer_differences(expected: Expected, answer: Answer) -> list[str]:
    found = []
    if expected.status and answer.http_status != expected.status:
        found.append(f"HTTP {answer.http_status} instead of {expected.status}")
    if expected.code and answer.code != expected.code:
        found.append(f"{f'code {answer.code}' if answer.code else 'no code'} instead of {expected.code}")
    if expected.status == 202 and not answer.mt_id:
        found.append("no mtId")
    return found


def write_transcript(
    entries: Sequence[Entry], *, endpoint: str, account: Account, at: datetime, waited_seconds: float, version: str
) -> str:
    """Write the page.

    Args:
        entries: in the order in which they were sent.
        endpoint: where they were sent.
        account: source and MT configuration; no credentials stand in the page.
        at: when it began.
        waited_seconds: how long reports were waited for at most.
        version: of Postcard.
    """
    different = [entry for entry in entries if entry.differences]
    lines = [
        f"# What {endpoint} answered on {at:%Y-%m-%d}",
        "",
        f"Written by `postcard verify-account`, Postcard {version}, begun {at:%Y-%m-%d %H:%M:%S} UTC. Source {account.source}, "
        f"MT configuration {account.mt_config}, picture {account.media_url}. {len(entries)} requests, each sent once; reports "
        f"were waited for {waited_seconds:g} seconds at most. Line ends are CR LF; the Authorization header is hidden.",
        "",
        f"**{len(entries) - len(different)} as expected, {len(different)} not.**",
        "",
        "| # | request | rule | expected | status | code | reports | verdict |",
        "|---|---|---|---|---|---|---|---|",
        *[_row(number, entry) for number, entry in enumerate(entries, start=1)],
        "",
    ]
    for number, entry in enumerate(entries, start=1):
        lines += _section(number, entry)
    return "\n".join(lines)


def _row(number: int, entry: Entry) -> str:
    case, answer = entry.exchange.case, entry.answer
    basis = "" if case.expected.stated else " (assumed)"
    reports = ", ".join(each.report.status for each in entry.reports)
    cells = [
        str(number),
        f"[{case.name}](#r{number})",
        str(case.rule or ""),
        case.expected.words + basis,
        str(answer.http_status or "none"),
        str(answer.code or ""),
        reports,
        entry.verdict.replace("|", "/"),
    ]
    return f"| {' | '.join(cells)} |"


def _section(number: int, entry: Entry) -> list[str]:
    sent = entry.exchange.sent
    body = entry.exchange.case.body
    lines = [
        f'<a id="r{number}"></a>',
        f"## {number}. {entry.exchange.case.name}",
        "",
        f"Expected: {entry.exchange.case.expected.words}. Verdict: {entry.verdict}.",
        "",
        f"Sent {entry.exchange.started_at:%Y-%m-%d %H:%M:%S.%f} UTC{_over(entry.exchange)}; the body has {len(body)} bytes, "
        f"SHA-256 `{sha256(body).hexdigest()}`:",
        "",
        *_block(sent, "http"),
    ]
    if entry.exchange.failure:
        return [*lines, f"No answer came: {entry.exchange.failure}", ""]
    lines += [
        f"Answered after {entry.exchange.seconds * 1000:.0f} ms:",
        "",
        *_block(_answer_bytes(entry.exchange), "http"),
    ]
    for each in entry.reports:
        lines += [f"Reported {each.received_at:%Y-%m-%d %H:%M:%S.%f} UTC:", "", *_block(each.body, "json")]
    if b"remoteContent" in body:
        lines += [_fetched(entry), ""]
    return lines


def _over(exchange: Exchange) -> str:
    return f" over {exchange.tls}" if exchange.tls else ""


def _fetched(entry: Entry) -> str:
    if entry.fetches is None:
        return (
            "Who fetched the media is not known here: look for its address in the access log of the CDN or the bucket."
        )
    return "Fetched by " + "; ".join(entry.fetches) + "." if entry.fetches else "Nobody fetched the media."


def _answer_bytes(exchange: Exchange) -> bytes:
    head = [f"HTTP/1.1 {exchange.status} {exchange.reason}", *[f"{name}: {value}" for name, value in exchange.headers]]
    return "\r\n".join([*head, "", ""]).encode() + exchange.answer


def _block(content: bytes, language: str) -> list[str]:
    text = content.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return [_FENCE + language, text.replace(_FENCE, "'" * len(_FENCE)).rstrip("\n"), _FENCE, ""]
