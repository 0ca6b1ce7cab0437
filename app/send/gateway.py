"""Many requests at once, each exactly once: the OpenMarket adapter of :class:`app.model.ports.Gateway`.

What certainly was not accepted (no connection, no TLS, nothing of the body left) is tried at the next endpoint in the same
call; everything after the first byte of the body without an answer that proves something is *unknown*. Each calling thread
works with a loop of its own; loops rest between calls so that connections are kept, and are closed after 4 idle seconds.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from app import settings
from app.model.messages import Outcome, Outgoing
from app.send.endpoints import Endpoints
from app.send.loop import Loop
from app.send.round import Round, Slots
from app.send.transfer import IDLE_SECONDS, Transfer


class OpenMarketGateway:
    """Sends through the endpoints of one account; safe to use from many threads.

    Args:
        account: endpoints, credentials, time-outs and the number of connections.
        not_accepted: codes, or HTTP statuses without a code, that OpenMarket confirmed to mean "not accepted".
        ca_file: certificates to trust instead of the system's; for a private gateway.
        idle_seconds: after how long without a group connections are closed.

    Raises:
        SettingsInvalid: an endpoint is http and not on this machine.
    """

    def __init__(
        self,
        account: settings.OpenMarket,
        *,
        not_accepted: Collection[int] = (),
        ca_file: str = "",
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._account = account
        self._not_accepted = frozenset(not_accepted)
        self._ca_file = ca_file
        self._idle_seconds = idle_seconds
        self._endpoints = Endpoints(account.endpoints)
        self._slots = Slots(account.connections)
        self._lock = threading.Lock()
        self._resting: list[Loop] = []
        self._spare: list[Transfer] = []
        self._keeper: threading.Thread | None = None

    @property
    def connections(self) -> int:
        """How many requests may be under way at once, over all threads."""
        return self._account.connections

    def send_group(self, group: Iterable[Outgoing], *, pace: Callable[[], None]) -> Iterator[Outcome]:
        """Send each request once and yield its outcome as it is known, in any order.

        ``pace`` is called before each start and may block for as long as it likes: once it has blocked noticeably it is
        called in a thread of its own, one call at a time, so that answers are still read. If it raises, nothing more is
        started, what is under way is finished and yielded, and then its error is raised. A caller that stops reading
        early leaves the requests under way without an outcome: they are unknown.
        """
        work = Round(
            group,
            pace,
            loop=self._take_loop(),
            slots=self._slots,
            endpoints=self._endpoints,
            take_transfer=self._take_transfer,
            not_accepted=self._not_accepted,
        )
        try:
            yield from work.run()
        finally:
            abandoned = work.close()
            with self._lock:
                self._spare += work.spare
            self._rest_loop(work.loop, reusable=not abandoned)

    def close(self) -> None:
        """Close what rests. Only when no thread is sending."""
        with self._lock:
            loops, self._resting = self._resting, []
            transfers, self._spare = self._spare, []
        for loop in loops:
            loop.close()
        for transfer in transfers:
            transfer.close()

    def _take_transfer(self) -> Transfer:
        with self._lock:
            if self._spare:
                return self._spare.pop()
        return Transfer(self._account, ca_file=self._ca_file)

    def _take_loop(self) -> Loop:
        with self._lock:
            if self._resting:
                return self._resting.pop()
        return Loop(self._account.connections)

    def _rest_loop(self, loop: Loop, *, reusable: bool) -> None:
        if not reusable:
            loop.close()
            return
        loop.rested_at = time.monotonic()
        with self._lock:
            self._resting.append(loop)
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._close_idle, name="gateway-idle", daemon=True)
                self._keeper.start()

    def _close_idle(self) -> None:
        """Close loops that rested too long; ends when none is left."""
        while True:
            time.sleep(self._idle_seconds / 4)
            horizon = time.monotonic() - self._idle_seconds
            with self._lock:
                old = [loop for loop in self._resting if loop.rested_at <= horizon]
                self._resting = [loop for loop in self._resting if loop.rested_at > horizon]
                ended = not self._resting
                if ended:
                    self._keeper = None
            for loop in old:
                loop.close()
            if ended:
                return
