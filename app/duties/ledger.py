"""What became of each attempt, written down: some rows at once, or what came in a tenth of a second, whichever is first."""

import threading
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextvars import copy_context
from datetime import timedelta

from app.duties.claims import claim_seconds
from app.duties.pacing import Rests
from app.duties.postcard import Postcard
from app.errors import DatabaseBusy
from app.model.messages import Outcome
from app.model.status import OutcomeKind
from app.records.jobs import hold_pace
from app.records.sending import Claimed, Settled, settle_outcomes
from app.telemetry import log, mask_number

ROWS = 50
SECONDS = 0.1
RETRY_WAIT = timedelta(seconds=2)


class Ledger:
    """Takes outcomes and writes them in few transactions, in a thread of its own: no start waits for the database.

    What an answer proved is worth more than the speed of the next message: while the database is busy, writing is tried again
    until the claims end; what could not be written by then is told in the log, with its mtId.

    Args:
        post: what the path works with.
        under_way: the claim of each attempt; one leaves the map once its outcome is written.
        pace_of: names the pace of a sender, which rests when the sender was too fast.
    """

    def __init__(self, post: Postcard, under_way: MutableMapping[str, Claimed], pace_of: Callable[[str], str]) -> None:
        self._post = post
        self._under_way = under_way
        self._pace_of = pace_of
        self._rests = Rests()
        self._waiting: list[Outcome] = []
        self._oldest = 0.0
        self._changed = threading.Condition()
        self._closed = False
        self._failure: Exception | None = None
        self._writer = threading.Thread(target=copy_context().run, args=(self._serve,), name="ledger", daemon=True)
        self._writer.start()

    def add(self, outcome: Outcome) -> None:
        """Take one outcome.

        Raises:
            DatabaseBusy: earlier ones could not be written until the claims ended.
        """
        if self._failure:
            raise self._failure
        with self._changed:
            if not self._waiting:
                self._oldest = time.monotonic()
            self._waiting.append(outcome)
            if len(self._waiting) in {1, ROWS}:
                self._changed.notify()

    def close(self, left_behind: Callable[[], list[Outcome]]) -> None:
        """Write everything, then what ``left_behind`` tells once nothing else is unwritten, and end.

        Raises:
            DatabaseBusy: it stayed busy until the claims ended.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.join()
        if self._failure:
            for outcome in self._waiting:
                _tell(outcome, self._under_way, "not written")
            raise self._failure
        if rest := left_behind():
            self._flush(rest)

    def _serve(self) -> None:
        try:
            while outcomes := self._next():
                self._flush(outcomes)
        except Exception as failure:  # noqa: BLE001 -- raised again in the thread that sends
            self._failure = failure

    def _next(self) -> list[Outcome]:
        """Wait for enough outcomes, or for the oldest to be old enough; none = it is over."""
        with self._changed:
            while not self._closed and len(self._waiting) < ROWS:
                age = time.monotonic() - self._oldest
                if self._waiting and age >= SECONDS:
                    break
                self._changed.wait(SECONDS - age if self._waiting else None)
            outcomes, self._waiting = self._waiting, []
        return outcomes

    def _flush(self, outcomes: Sequence[Outcome]) -> None:
        deadline = time.monotonic() + claim_seconds(self._post)
        while True:
            try:
                settled = self._write(outcomes)
            except DatabaseBusy:
                if time.monotonic() < deadline:
                    time.sleep(0.5)
                    continue
                for outcome in outcomes:
                    _tell(outcome, self._under_way, "not written")
                raise
            break
        for each in settled:
            _tell(each.outcome, self._under_way, each.state.value if each.state else "claim lost")
            del self._under_way[each.outcome.attempt_id]

    def _write(self, outcomes: Sequence[Outcome]) -> list[Settled]:
        with self._post.change() as change:
            settled = settle_outcomes(
                change.connection,
                [(self._under_way[outcome.attempt_id], outcome) for outcome in outcomes],
                attempts_allowed=self._post.settings.openmarket.attempts,
                at=change.at,
                wait=RETRY_WAIT,
            )
            too_fast = [each for each in outcomes if each.was_too_fast]
            paces = {self._pace_of(self._under_way[each.attempt_id].message.sender_id) for each in too_fast}
            for name, rest in self._rests.after(paces, at=change.at).items():
                hold_pace(change.connection, name, until=change.at + rest)
        return settled


def _tell(outcome: Outcome, claims: Mapping[str, Claimed], state: str) -> None:
    """Log one attempt with all ids that a support query needs; what went well is told at debug level only."""
    if outcome.kind is OutcomeKind.ACCEPTED and state == OutcomeKind.ACCEPTED.value:
        log.debug("accepted", message=outcome.message_id, mt_id=outcome.mt_id, request_id=outcome.request_id)
        return
    log.info(
        "not accepted" if outcome.kind is not OutcomeKind.ACCEPTED else "accepted late",
        message=outcome.message_id,
        attempt=outcome.attempt_id,
        number=mask_number(claims[outcome.attempt_id].message.number),
        outcome=outcome.kind.value,
        state=state,
        code=outcome.code,
        http_status=outcome.http_status,
        endpoint=outcome.endpoint,
        request_id=outcome.request_id,
        mt_id=outcome.mt_id,
        description=outcome.description,
    )
