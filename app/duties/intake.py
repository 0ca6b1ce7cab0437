"""Many POSTs a second, each answered only after it is durable: those that wait while a commit runs share the next one.

One request leads at a time: it stores everything that waits in one transaction, tells the others, and hands the lead to one of
those that came meanwhile. There is no thread of its own, so nothing is lost with one, nor by a fork. A POST that comes alone
is stored at once; only when one follows the other, a moment is waited for company, since a commit costs more than a row.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.errors import DatabaseBusy, PostcardError
from app.records.callbacks import Posted

GATHER_SECONDS = 0.008
CROWD_SECONDS = 0.03
"""A group that ended less than this ago says that more are coming: then the next leader waits for GATHER_SECONDS."""


@dataclass(slots=True, eq=False)
class _Ticket:
    posted: Posted
    called: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    durable: bool = False
    failure: Exception | None = None


class Intake:
    """The intake of one process; safe to use from many threads.

    Args:
        store: makes some POSTs durable in one transaction, or raises and keeps none of them.
    """

    def __init__(self, store: Callable[[Sequence[Posted]], None]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._led = False
        self._ended_at = -CROWD_SECONDS

    def take(self, posted: Posted) -> None:
        """Return once this POST is durable.

        Raises:
            Exception: what storing raised; nothing of this POST was kept.
        """
        ticket = _Ticket(posted)
        with self._lock:
            self._waiting.append(ticket)
            if not self._led:
                self._led = ticket.leads = True
                ticket.called.set()
        ticket.called.wait()
        if ticket.leads:
            self._lead()
        if not ticket.durable:
            raise ticket.failure or DatabaseBusy("Storing was broken off; nothing was kept.")

    def _lead(self) -> None:
        if time.monotonic() - self._ended_at < CROWD_SECONDS:
            time.sleep(GATHER_SECONDS)
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            self._store_group(group)
        finally:
            self._ended_at = time.monotonic()
            with self._lock:
                following = self._waiting[:1]
                self._led = bool(following)
            for ticket in following:
                ticket.leads = True
                ticket.called.set()
            for ticket in group:
                ticket.called.set()

    def _store_group(self, group: Sequence[_Ticket]) -> None:
        try:
            self._store([ticket.posted for ticket in group])
        except Exception as failure:  # noqa: BLE001 -- raised again in the thread of each request, which answers it
            if len(group) > 1 and not isinstance(failure, PostcardError):
                for ticket in group:  # one of them may be what no database takes: the others are kept
                    self._store_group([ticket])
                return
            for ticket in group:
                ticket.failure = failure
        else:
            for ticket in group:
                ticket.durable = True
