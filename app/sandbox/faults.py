"""What goes wrong on demand: a list of faults, each for some requests or until it is taken away."""

import dataclasses
import math
import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.sandbox.codes import CODES

# Every kind, in words; docs/sandbox.md lists the same.
KINDS: dict[str, str] = {
    "latency": "every answer waits `seconds`",
    "refuse": "refused with `code`, and `status` instead of the code's own if given",
    "status": "a bare HTTP `status` with a small HTML body; nothing was accepted",
    "cut_before": "the connection is cut, nothing was accepted",
    "cut_after": "the message is accepted, then the connection is cut without an answer",
    "error_after": "the message is accepted, the answer is 500 with code 15000",
    "proxy_error_after": "the message is accepted, the answer is a proxy's 502 in HTML",
    "garbage": "the message is accepted, the answer is 202 with a body that is no JSON",
    "garbage_bytes": "the message is accepted, the answer is not HTTP",
    "accepted_without_id": "the message is accepted, the answer is 202 without an mtId",
    "close_unsaid": "the message is accepted and answered, then the kept connection is closed without a word",
    "redirect": "nothing is accepted, the answer is 302",
    "slow": "the message is accepted, the answer comes after `seconds` (default 60)",
    "tps": "at most `per_second` requests in any second, 15406 beyond; `counting` says which seconds",
    "centre_down": "data centre `centre` (1 or 2) cuts connections and fetches nothing",
    "reports_lost": "no report is sent",
    "reports_late": "reports come `seconds` later (default 5)",
    "reports_twice": "every report is sent twice",
    "reports_reordered": "the final report comes before Forwarded",
    "reports_early": "the first report is posted before the send is answered",
    "reports_contradicting": "after the final report comes another final one",
}
ANSWER_KINDS = frozenset(
    {
        "refuse",
        "status",
        "cut_before",
        "cut_after",
        "error_after",
        "proxy_error_after",
        "garbage",
        "garbage_bytes",
        "accepted_without_id",
        "close_unsaid",
        "redirect",
        "slow",
    }
)
REPORT_KINDS = frozenset(kind for kind in KINDS if kind.startswith("reports_"))
# Nobody says how OpenMarket counts: any second there is, or seconds as a clock cuts them, or a bucket that fills evenly.
COUNTING = ("sliding", "clock", "bucket")
_DEFAULT_SECONDS = {"slow": 60.0, "reports_late": 5.0, "latency": 0.1}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``times`` 0 = until taken away; ``destination`` is a regular expression for the whole number, empty = any."""

    kind: str
    times: int = 0
    destination: str = ""
    seconds: float = 0.0
    code: int = 0
    status: int = 0
    per_second: float = 0.0
    counting: str = ""
    centre: int = 0


def make_fault(values: Mapping[str, Any]) -> Fault:
    """Make a fault of JSON or flag values.

    Raises:
        ValueError: in words, what is missing, unknown or out of range.
    """
    known = {each.name: each.type for each in dataclasses.fields(Fault)}
    chosen: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name} is not part of a fault; these are: {', '.join(known)}")
        wanted: Any = known[name]
        try:
            chosen[name] = wanted(value)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be {'a number' if wanted is not str else 'text'}") from None
    kind = chosen.get("kind", "")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    fault = Fault(**{"seconds": _DEFAULT_SECONDS.get(kind, 0.0), **chosen})
    wrong = _what_is_wrong(fault)
    if wrong:
        raise ValueError(wrong)
    return fault


def _what_is_wrong(fault: Fault) -> str:
    try:
        re.compile(fault.destination)
    except re.error as wrong:
        return f"destination is not a regular expression: {wrong}"
    checks = (
        (
            fault.times < 0 or not 0 <= fault.seconds <= 3600,
            "times and seconds may not be negative, nor seconds over 3600",
        ),
        (fault.kind == "refuse" and fault.code not in CODES, f"code must be one of {', '.join(map(str, CODES))}"),
        (fault.kind == "status" and not 200 <= fault.status <= 599, "status must be from 200 to 599"),
        (fault.status != 0 and not 200 <= fault.status <= 599, "status must be from 200 to 599"),
        (fault.kind == "tps" and not 0 < fault.per_second <= 100_000, "per_second must be above 0"),
        (
            fault.counting not in ({"", *COUNTING} if fault.kind == "tps" else {""}),
            f"counting is for tps, and one of {', '.join(COUNTING)}",
        ),
        (fault.kind == "centre_down" and fault.centre not in {1, 2}, "centre must be 1 or 2"),
    )
    return next((words for bad, words in checks if bad), "")


def parse_fault(text: str) -> Fault:
    """Read a fault as a flag writes it: ``refuse:code=15406,times=3``.

    Raises:
        ValueError: in words, what is wrong with it.
    """
    kind, _, rest = text.partition(":")
    values: dict[str, Any] = {"kind": kind.strip()}
    for pair in filter(None, (pair.strip() for pair in rest.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} must be name=value")
        values[name.strip()] = value.strip()
    return make_fault(values)


@dataclass(slots=True)
class _Standing:
    fault: Fault
    left: int
    recent: deque[float] = field(default_factory=deque)


def _is_for(fault: Fault, destination: str) -> bool:
    return not fault.destination or re.fullmatch(fault.destination, destination) is not None


def _is_within(standing: _Standing, now: float) -> bool:
    """Count one request against a rate; what is beyond it is refused and does not count."""
    recent, per_second = standing.recent, standing.fault.per_second
    if standing.fault.counting == "bucket":
        # How full the bucket is, and when that was so.
        level, since = recent or (0.0, now)
        level = max(0.0, level - (now - since) * per_second)
        within = level + 1 <= max(1.0, per_second)
        standing.recent = deque((level + within, now))
        return within
    begun = math.floor(now) if standing.fault.counting == "clock" else now - 1.0
    while recent and (recent[0] < begun or recent[0] <= now - 1.0):
        recent.popleft()
    if len(recent) >= per_second:
        return False
    recent.append(now)
    return True


class FaultBook:
    """The faults that stand now; thread-safe."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._lock = threading.Lock()
        self._standing = [_Standing(fault, fault.times) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Let a fault stand, after those that stand already."""
        with self._lock:
            self._standing.append(_Standing(fault, fault.times))

    def replace(self, faults: tuple[Fault, ...]) -> None:
        """Take all faults away and let these stand."""
        with self._lock:
            self._standing = [_Standing(fault, fault.times) for fault in faults]

    def take(self, kinds: frozenset[str], destination: str) -> Fault | None:
        """Give the first standing fault of these kinds that is for ``destination``, and count it as used once."""
        with self._lock:
            for standing in self._standing:
                fault = standing.fault
                if fault.kind in kinds and _is_for(fault, destination):
                    if fault.times:
                        standing.left -= 1
                        if standing.left == 0:
                            self._standing.remove(standing)
                    return fault
        return None

    def over_tps(self, destination: str) -> bool:
        """Count this request against every rate that is for ``destination``; True when one of them is exceeded."""
        now = time.monotonic()
        over = False
        with self._lock:
            for standing in self._standing:
                if standing.fault.kind == "tps" and _is_for(standing.fault, destination):
                    over = not _is_within(standing, now) or over
        return over

    def down(self, centre: int) -> bool:
        """Tell whether a data centre is down."""
        with self._lock:
            return any(each.fault.kind == "centre_down" and each.fault.centre == centre for each in self._standing)

    def listing(self) -> list[dict[str, Any]]:
        """List what stands, with how many times are left (0 = until taken away)."""
        with self._lock:
            return [{**dataclasses.asdict(each.fault), "times_left": each.left} for each in self._standing]
