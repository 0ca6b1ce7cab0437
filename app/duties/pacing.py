"""When each message may start: at the account's rate, and no faster than its own sender's where that has one.

Starts are booked in the database with each claimed group, so that all workers together keep the rates. A sender with a rate
of its own is a lane: of its messages only so many are claimed as may start soon, and the others of the campaign pass it.
"""

import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.duties.recent import RecentStarts
from app.model.messages import Sender
from app.records.database import Connection
from app.records.jobs import next_pace, reserve_pace, set_pace
from app.records.sending import Claimed

ACCOUNT_PACE = "openmarket"
GROUP_SECONDS = 0.125
PACE_SHARE = 0.985
"""Ours: of the permitted rate. OpenMarket sees starts some milliseconds earlier or later than they happened; with 1.5 % of a
second in hand, no second of its own has more of them than permitted, wherever it begins."""
CREDIT = timedelta(milliseconds=4)
"""How late a start may be and still be made up by the next ones; what was lost beyond it is lost."""
SHORTEST_REST, LONGEST_REST = timedelta(milliseconds=100), timedelta(seconds=2)
"""Ours: one 15406 is a request that came a moment early, and wants a moment's rest; as they go on, rests grow."""
QUIET = timedelta(seconds=1)
"""So long after its rest a pace must not be too fast again, for that to be forgotten."""


class Paces:
    """The rates of one campaign: the account's, and those of its senders.

    Args:
        tps: the account's messages per second.
        senders: those that the campaign's messages use; a ``tps`` of 0 has no rate of its own.
    """

    def __init__(self, tps: int, senders: Iterable[Sender]) -> None:
        self._tps = tps
        self._account = tps * PACE_SHARE
        # Always in the same order: two workers must not wait for each other's rows.
        lanes = [each for each in sorted(senders, key=lambda each: (each.country, each.source)) if each.tps]
        self._lanes = {each.id: (f"sender {each.country} {each.source}", each.tps * PACE_SHARE) for each in lanes}
        self._rates = {each.id: {ACCOUNT_PACE: tps, self._lanes[each.id][0]: each.tps} for each in lanes}

    @property
    def lanes(self) -> list[str]:
        """The senders with a rate of their own, by id."""
        return list(self._lanes)

    def pace_of(self, sender_id: str) -> str:
        """Name the pace that rests when this sender was too fast: its own where it has one, or else the account's."""
        return self._lanes[sender_id][0] if sender_id in self._lanes else ACCOUNT_PACE

    def rates_of(self, sender_id: str) -> Mapping[str, int]:
        """Name the rates that a message of this sender counts against, with the starts that each permits a second."""
        return self._rates.get(sender_id) or {ACCOUNT_PACE: self._tps}

    def free_starts(self, connection: Connection, *, at: datetime) -> dict[str, int]:
        """Tell for each lane how many more messages may start soon; none of a lane that is booked for longer."""
        horizon = max(at, next_pace(connection, ACCOUNT_PACE, at=at)) + timedelta(seconds=GROUP_SECONDS)
        free: dict[str, int] = {}
        for sender_id, (name, rate) in self._lanes.items():
            first = max(next_pace(connection, name, at=at), at - CREDIT)
            free[sender_id] = 1 + int((horizon - first).total_seconds() * rate) if first <= horizon else 0
        return free

    def soonest(self, connection: Connection, *, at: datetime) -> list[str]:
        """List the lanes, the one whose next start is soonest first."""
        return sorted(self._lanes, key=lambda each: next_pace(connection, self._lanes[each][0], at=at))

    def book(self, connection: Connection, group: Sequence[Claimed], *, at: datetime) -> list[tuple[datetime, Claimed]]:
        """Book a start for each message of a group.

        Returns:
            the messages in the order of their starts.
        """
        first = reserve_pace(
            connection,
            ACCOUNT_PACE,
            count=len(group),
            per_second=self._account,
            at=at,
            burst_seconds=CREDIT.total_seconds(),
        )
        free = deque(each for each in group if each.message.sender_id not in self._lanes)
        lanes = [
            _Lane(
                deque(theirs), max(next_pace(connection, name, at=at), at - CREDIT), timedelta(seconds=1 / rate), name
            )
            for sender_id, (name, rate) in self._lanes.items()
            if (theirs := [each for each in group if each.message.sender_id == sender_id])
        ]
        slots = [first + timedelta(seconds=number / self._account) for number in range(len(group))]
        booked = [_take(slot, free, lanes) for slot in slots]
        for lane in lanes:
            set_pace(connection, lane.name, next_at=lane.next_at)
        return booked


@dataclass
class _Lane:
    """Claimed messages of one sender, the next of which may not start before ``next_at``."""

    claims: deque[Claimed]
    next_at: datetime
    gap: timedelta
    name: str


def _take(slot: datetime, free: deque[Claimed], lanes: Sequence[_Lane]) -> tuple[datetime, Claimed]:
    """Give one of the account's slots to the lane that has waited longest, or to a free message, or let it wait for a lane."""
    lane = min((each for each in lanes if each.claims), key=lambda each: each.next_at, default=None)
    if lane is None or (free and lane.next_at > slot):
        return slot, free.popleft()
    start = max(slot, lane.next_at)
    lane.next_at = start + lane.gap
    return start, lane.claims.popleft()


class Starts:
    """The booked starts of one campaign's turn, by this machine's clock; each is waited for once, in order."""

    def __init__(self, recent: RecentStarts) -> None:
        self._recent = recent
        self._booked: deque[tuple[float, Mapping[str, int]]] = deque()
        self._granted: deque[list[float]] = deque()

    def add(self, start: float, rates: Mapping[str, int]) -> None:
        """Book the start of the next request, which counts against these rates."""
        self._booked.append((start, rates))

    def wait(self) -> None:
        """Wait until the next start may happen."""
        self._granted.append(self._recent.wait(*self._booked.popleft()))

    def note_leaving(self) -> None:
        """The first byte of a request leaves now, which is what the other end will count: perhaps later than it was granted."""
        if self._granted:
            self._granted.popleft()[0] = time.monotonic()

    def note_never_left(self) -> None:
        """A request that was granted its start found no connection: were it still waited for, those after it would count late."""
        if self._granted:
            self._granted.popleft()


class Rests:
    """How long a pace rests after an answer that it was too fast (15406).

    Nobody says whether OpenMarket counts by account or by sender. So a sender with a rate of its own rests alone, and the
    others go on; when a second one is too fast before that is forgotten, it is the account that is, and everybody rests.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[datetime, timedelta]] = {}

    def after(self, names: Collection[str], *, at: datetime) -> dict[str, timedelta]:
        """Tell how long which paces rest from now on, in the order in which they are to be locked.

        Args:
            names: the paces that were too fast; none = nothing rests.
            at: now.
        """
        lately = {name for name, (last, rest) in self._last.items() if at - last < rest + QUIET}
        account = {ACCOUNT_PACE} if names and len(lately.union(names)) > 1 else set()
        rests = {
            name: min(2 * self._last[name][1], LONGEST_REST) if name in lately else SHORTEST_REST
            for name in sorted(account.union(names))
        }
        self._last |= {name: (at, rest) for name, rest in rests.items()}
        return rests
