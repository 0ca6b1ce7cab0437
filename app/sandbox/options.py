"""What the sandbox is told at start, and partly later through its API."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.sandbox.faults import Fault
from app.sandbox.judge import BlankLine, Policy


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """All options; times in seconds, sizes in bytes.

    Attributes:
        callback_url: where reports and inbound messages are posted; empty = nowhere.
        blank_line: "strict" asks for the blank line above each boundary as OpenMarket does, "mime" only warns.
        account_id: with ``password``: the only account that passes; empty = any account passes.
        keep_messages: how many of the last requests are kept, whole.
        keep_bytes: how many bytes those may hold together; fetched media have as much again.
        max_body_bytes: a longer request body is refused with 413.
        forwarded_seconds: from the acceptance to the report Forwarded.
        retrieved_seconds: from there to the final report.
        report_attempts: how often a report is posted until the callback answers 200.
        report_retry_seconds: before the second attempt; doubled for each further one.
        fetch_seconds: what fetching a link may take.
        fetch_max_bytes: the longest hosted content.
        cache_max_seconds: a data centre keeps nothing longer, whatever the headers allow.
        explain: add a field ``sandbox`` to refusals that says what was wrong.
        faults: what goes wrong from the start.
    """

    callback_url: str = ""
    blank_line: BlankLine = "strict"
    account_id: str = ""
    password: str = field(default="", repr=False)
    keep_messages: int = 500
    keep_bytes: int = 64_000_000
    max_body_bytes: int = 10_000_000
    forwarded_seconds: float = 0.4
    retrieved_seconds: float = 0.8
    report_attempts: int = 6
    report_retry_seconds: float = 0.5
    fetch_seconds: float = 10.0
    fetch_max_bytes: int = 10_000_000
    cache_max_seconds: float = 3600.0
    explain: bool = True
    faults: tuple[Fault, ...] = ()

    def policy(self) -> Policy:
        """Give what the judge needs."""
        return Policy(self.blank_line, self.account_id, self.password)


CHANGEABLE = frozenset(each.name for each in dataclasses.fields(SandboxOptions)) - {
    "faults",
    "keep_messages",
    "keep_bytes",
    "max_body_bytes",
}


def change_options(options: SandboxOptions, changes: Mapping[str, Any]) -> SandboxOptions:
    """Change some options.

    Raises:
        ValueError: in words, an option that is unknown, fixed at start, or of another type.
    """
    for name, value in changes.items():
        if name not in CHANGEABLE:
            raise ValueError(f"{name} cannot be changed; these can: {', '.join(sorted(CHANGEABLE))}")
        now = getattr(options, name)
        wanted = (int, float) if isinstance(now, float) else type(now)
        if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(now, bool)):
            raise ValueError(f"{name} must be like {now!r}")  # noqa: TRY004 -- wrong JSON, not a wrong call
        if name == "blank_line" and value not in {"strict", "mime"}:
            raise ValueError("blank_line must be strict or mime")
    return dataclasses.replace(options, **changes)
