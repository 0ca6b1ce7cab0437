"""What arrived: a ring of the last requests, bounded in number and bytes, and counts by destination."""

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.sandbox.centre import Fetch
from app.sandbox.judge import Judgement, RawRequest

_MOST_DESTINATIONS = 200_000


NOWHERE = "no callback URL is set"


@dataclass(slots=True)
class Posted:
    """One attempt to post a report or an inbound message.

    ``status`` 0: no answer, or nothing was posted since there is nowhere to; ``note`` says what was off.
    """

    posted_at: datetime
    attempt: int
    request_id: str
    status: int
    note: str
    body: dict[str, Any]

    @property
    def nowhere(self) -> bool:
        """Whether nothing was posted, since there is no callback URL."""
        return self.status == 0 and self.note == NOWHERE


@dataclass(slots=True)
class Arrival:
    """One request with everything that became of it. ``mt_id`` 0 = not accepted; ``answered`` says what the client saw.

    ``documented``: OpenMarket's page shows this status for this case; otherwise it is our assumption.
    """

    request_id: str
    received_at: datetime
    centre: int
    request: RawRequest
    judgement: Judgement
    mt_id: int = 0
    status: int = 0
    code: int = 0
    answered: str = ""
    documented: bool = True
    fetches: list[Fetch] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Tell about how much memory this holds: the body, and its parts decoded."""
        return len(self.request.body) + sum(len(content.data) for content in self.judgement.contents) + 4096

    def forget_bytes(self) -> None:
        """Let go of the bytes; links and numbers stay, for reports that are still to come."""
        self.request = replace(self.request, body=b"")
        contents = tuple(replace(content, data=b"") for content in self.judgement.contents)
        self.judgement = replace(self.judgement, contents=contents)


class Arrivals:
    """The ring; thread-safe. An arrival may still be filled in after it has left."""

    def __init__(self, most: int, max_bytes: int) -> None:
        self._most = most
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._ring: OrderedDict[str, Arrival] = OrderedDict()
        self._by_mt_id: dict[int, str] = {}
        self._bytes = 0
        self._accepted: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._requests = 0

    def add(self, arrival: Arrival) -> None:
        """Take an arrival in, and let the oldest go where there are too many or too long ones."""
        destination = arrival.judgement.destination or "(none)"
        with self._lock:
            self._ring[arrival.request_id] = arrival
            self._bytes += arrival.bytes
            self._requests += 1
            counts = self._accepted if arrival.mt_id else self._refused
            if destination in counts or len(counts) < _MOST_DESTINATIONS:
                counts[destination] += 1
            if arrival.mt_id:
                self._by_mt_id[arrival.mt_id] = arrival.request_id
            while len(self._ring) > 1 and (len(self._ring) > self._most or self._bytes > self._max_bytes):
                gone = self._ring.popitem(last=False)[1]
                self._bytes -= gone.bytes
                self._by_mt_id.pop(gone.mt_id, None)
                gone.forget_bytes()

    def find(self, name: str) -> Arrival | None:
        """Find by mtId or by request id."""
        with self._lock:
            if name.isascii() and name.isdigit() and len(name) < 20:
                name = self._by_mt_id.get(int(name), name)
            return self._ring.get(name)

    def latest(self, most: int, destination: str = "") -> list[Arrival]:
        """List the newest first, at most ``most``, only those to ``destination`` if it is given."""
        with self._lock:
            everything = list(reversed(self._ring.values()))
        wanted = (each for each in everything if not destination or each.judgement.destination == destination)
        return [arrival for arrival, _ in zip(wanted, range(most), strict=False)]

    def counts(self) -> dict[str, Any]:
        """Count requests by destination since the start or the last reset, also those that left the ring."""
        with self._lock:
            return {
                "requests": self._requests,
                "accepted_total": self._accepted.total(),
                "refused_total": self._refused.total(),
                "accepted": dict(self._accepted),
                "refused": dict(self._refused),
                "kept": len(self._ring),
                "kept_bytes": self._bytes,
            }

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._ring.clear()
            self._by_mt_id.clear()
            self._accepted.clear()
            self._refused.clear()
            self._bytes = self._requests = 0
