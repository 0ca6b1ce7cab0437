"""The mark *sending* and what surrounds it: claim group after group, pace the starts, write down each outcome."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from app.duties.leases import LeaseKeeper
from app.duties.postcard import Change, Postcard
from app.model.messages import Outcome, Outgoing
from app.model.status import CampaignState, OutcomeKind
from app.records.campaigns import get_campaign, move_campaign
from app.records.jobs import Job, hold_pace, reserve_pace
from app.records.objects import note_requested
from app.records.sending import Claimed, Settled, claim_messages, settle_outcomes
from app.telemetry import MESSAGES, log, mask_number

ACCOUNT_PACE = "openmarket"
GROUP_SECONDS = 0.25
RETRY_WAIT = timedelta(seconds=2)
SLOW_DOWN = timedelta(seconds=1)


def claim_seconds(post: Postcard) -> float:
    """Tell how long a message may be under way before the sweeper calls it abandoned: beyond its slowest answer."""
    openmarket = post.settings.openmarket
    return 8 * GROUP_SECONDS + openmarket.connect_seconds + openmarket.answer_seconds + 15


def group_size(post: Postcard) -> int:
    """Tell how many messages are marked at once: a quarter of a second's worth, and half of the connections at most.

    What is marked and has not left is unknown after a kill, beside what is under way and what is not written down yet.
    """
    return max(1, min(post.gateway.connections // 2, round(post.settings.openmarket.tps * GROUP_SECONDS)))


class Departures:
    """The messages of a campaign on their way out: claimed group by group, just before each may leave.

    Iterating gives one request after the other and claims the next group when one is used up, so answers of the last group
    are waited for while the next one leaves. It ends when nothing is due, or when :meth:`stop` was called; a message that
    was claimed and has not left by then does not leave.
    """

    def __init__(
        self,
        post: Postcard,
        campaign_id: str,
        job: Job,
        *,
        leases: LeaseKeeper,
        compose: Callable[[Sequence[Claimed], Callable[[], bool]], list[Outgoing]],
    ) -> None:
        self._post = post
        self._campaign_id = campaign_id
        self._job = job
        self._leases = leases
        self._compose = compose
        self._stopped = threading.Event()
        self._under_way: dict[str, Claimed] = {}
        self.claimed = 0

    def __iter__(self) -> Iterator[Outgoing]:
        """Claim and give requests until nothing is due."""
        while not self._stopped.is_set():
            self._leases.keep()
            group = self._claim()
            if not group:
                return
            # The boot-time clock goes on while this process is stopped: one that wakes late sends nothing.
            left = claim_seconds(self._post) - self._post.settings.openmarket.answer_seconds - 5
            deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + left
            yield from self._compose(group, lambda until=deadline: self._may_leave(until))  # type: ignore[misc]  # -- mypy cannot type a lambda with a default

    def _claim(self) -> list[Claimed]:
        """Mark the next group *sending* and restart the lease of what it links to, in one transaction."""
        with self._post.change() as change:
            group = claim_messages(
                change.connection,
                self._campaign_id,
                self._job,
                limit=group_size(self._post),
                at=change.at,
                lease=timedelta(seconds=claim_seconds(self._post)),
            )
            if group:
                note_requested(change.connection, self._leases.keys, change.at)
        self._under_way |= {claim.attempt_id: claim for claim in group}
        self.claimed += len(group)
        return group

    def _may_leave(self, deadline: float) -> bool:
        return not self._stopped.is_set() and time.clock_gettime(time.CLOCK_BOOTTIME) < deadline

    def stop(self) -> None:
        """Let nothing more leave."""
        self._stopped.set()

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write down some outcomes in one transaction."""
        with self._post.change() as change:
            settled = settle_outcomes(
                change.connection,
                [(self._under_way.pop(outcome.attempt_id), outcome) for outcome in outcomes],
                attempts_allowed=self._post.settings.openmarket.attempts,
                at=change.at,
                wait=RETRY_WAIT,
            )
            if any(outcome.slow_down and outcome.http_status for outcome in outcomes):
                hold_pace(change.connection, ACCOUNT_PACE, until=change.at + SLOW_DOWN)
        for each in settled:
            _tell(each)


def _tell(settled: Settled) -> None:
    """Log one attempt with all ids that a support query needs; what went well is told at debug level only."""
    outcome = settled.outcome
    MESSAGES.labels(outcome=outcome.kind.value).inc()
    if outcome.kind is OutcomeKind.ACCEPTED and settled.state is not None:
        log.debug("accepted", message=outcome.message_id, mt_id=outcome.mt_id, request_id=outcome.request_id)
        return
    log.info(
        "not accepted",
        message=outcome.message_id,
        attempt=outcome.attempt_id,
        number=mask_number(settled.claim.message.number),
        outcome=outcome.kind.value,
        state=settled.state.value if settled.state else "claim lost",
        code=outcome.code,
        http_status=outcome.http_status,
        endpoint=outcome.endpoint,
        request_id=outcome.request_id,
        mt_id=outcome.mt_id,
        description=outcome.description,
    )


class Pacer:
    """Waits before each start, so that all workers of this database together keep the account's rate.

    Starts are reserved in the database, a quarter of a second's worth at a time.
    """

    def __init__(self, post: Postcard) -> None:
        self._post = post
        self._step = 1 / post.settings.openmarket.tps
        self._reserved: Iterator[float] = iter(())

    def __call__(self) -> None:
        """Wait until the next start may happen."""
        start = next(self._reserved, None)
        if start is None:
            self._reserved = self._reserve()
            start = next(self._reserved)
        time.sleep(max(0.0, start - time.monotonic()))

    def _reserve(self) -> Iterator[float]:
        tps = self._post.settings.openmarket.tps
        count = max(1, round(tps / 4))
        with self._post.change() as change:
            first = reserve_pace(
                change.connection, ACCOUNT_PACE, count=count, per_second=tps, at=change.at, burst_seconds=self._step
            )
            origin = time.monotonic() + (first - change.at).total_seconds()
        return (origin + number * self._step for number in range(count))


def in_flushes(outcomes: Iterable[Outcome], *, rows: int = 50, seconds: float = 0.1) -> Iterator[list[Outcome]]:
    """Gather outcomes for one transaction: some rows, or what came in a moment; the rest at the end."""
    some: list[Outcome] = []
    flushed = time.monotonic()
    for outcome in outcomes:
        some.append(outcome)
        if len(some) >= rows or time.monotonic() - flushed >= seconds:
            yield some
            some, flushed = [], time.monotonic()
    if some:
        yield some


def pause(change: Change, campaign_id: str, reason: str) -> None:
    """Pause a campaign that runs or is prepared; the rest stays pending."""
    campaign = get_campaign(change.connection, campaign_id, lock=True)
    if campaign.state in {CampaignState.RUNNING, CampaignState.PREPARING}:
        move_campaign(change.connection, campaign_id, CampaignState.PAUSED, at=change.at, reason=reason)
        log.warning("campaign paused", campaign=campaign_id, reason=reason, alarm=True)
