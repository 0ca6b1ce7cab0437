"""What became of each attempt, written down: some rows at once, or what came in a tenth of a second, whichever is first."""

import time
from collections.abc import Mapping, MutableMapping
from datetime import timedelta

from app.duties.claims import ACCOUNT_PACE, claim_seconds
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
SLOW_DOWN = timedelta(seconds=1)


class Ledger:
    """Takes outcomes and writes them in few transactions.

    What an answer proved is worth more than the speed of the next message: while the database is busy, writing is tried again
    until the claims end; what could not be written by then is told in the log, with its mtId.

    Args:
        post: what the path works with.
        under_way: the claim of each attempt; one leaves the map once its outcome is written.
    """

    def __init__(self, post: Postcard, under_way: MutableMapping[str, Claimed]) -> None:
        self._post = post
        self._under_way = under_way
        self._waiting: list[Outcome] = []
        self._oldest = 0.0

    def add(self, outcome: Outcome) -> None:
        """Take one outcome; write if there are many."""
        if not self._waiting:
            self._oldest = time.monotonic()
        self._waiting.append(outcome)
        if len(self._waiting) >= ROWS:
            self.flush()

    def tick(self) -> None:
        """Write what has waited long enough."""
        if self._waiting and time.monotonic() - self._oldest >= SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write everything.

        Raises:
            DatabaseBusy: it stayed busy until the claims ended.
        """
        deadline = time.monotonic() + claim_seconds(self._post)
        while self._waiting:
            try:
                settled = self._write()
            except DatabaseBusy:
                if time.monotonic() < deadline:
                    time.sleep(0.5)
                    continue
                for outcome in self._waiting:
                    _tell(outcome, self._under_way, "not written")
                raise
            self._waiting = []
            for each in settled:
                _tell(each.outcome, self._under_way, each.state.value if each.state else "claim lost")
                del self._under_way[each.outcome.attempt_id]

    def _write(self) -> list[Settled]:
        with self._post.change() as change:
            settled = settle_outcomes(
                change.connection,
                [(self._under_way[outcome.attempt_id], outcome) for outcome in self._waiting],
                attempts_allowed=self._post.settings.openmarket.attempts,
                at=change.at,
                wait=RETRY_WAIT,
            )
            if any(outcome.slow_down and outcome.http_status for outcome in self._waiting):
                hold_pace(change.connection, ACCOUNT_PACE, until=change.at + SLOW_DOWN)
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
