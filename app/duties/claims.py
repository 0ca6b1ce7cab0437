"""The mark *sending* and what surrounds it: claim group after group, and pace the starts."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from app.duties.leases import LeaseKeeper
from app.duties.postcard import Change, Postcard
from app.model.messages import Outcome, Outgoing, Sender
from app.model.status import CampaignState, OutcomeKind
from app.records.campaigns import get_campaign, move_campaign
from app.records.jobs import Job, reserve_pace
from app.records.objects import note_requested
from app.records.sending import Claimed, claim_messages
from app.telemetry import log

ACCOUNT_PACE = "openmarket"
GROUP_SECONDS = 0.25
TURN_SECONDS = 30.0
"""How long one campaign sends before another may have its thread."""


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
    are waited for while the next one leaves. It ends when nothing is due, when this campaign's turn is over, when the process
    is asked to stop, or when :meth:`stop` was called; in the last two cases what was claimed and has not left does not leave.
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
        self._turn_ends = time.monotonic() + TURN_SECONDS
        self._landed = False
        self.under_way: dict[str, Claimed] = {}
        self.claimed = 0

    def send(self, *, pace: Callable[[], None], tick: Callable[[], None]) -> Iterator[Outcome]:
        """Hand the messages to the gateway; remember when everything that left has an outcome."""
        try:
            yield from self._post.gateway.send_group(self, pace=pace, tick=tick)
        except Exception:
            self._landed = True  # the gateway raises only after all that is under way has landed
            raise
        self._landed = True

    def __iter__(self) -> Iterator[Outgoing]:
        """Claim and give requests until nothing is due."""
        while not self._is_over() and time.monotonic() < self._turn_ends:
            self._leases.keep()
            group = self._claim()
            if not group:
                return
            # The boot-time clock goes on while this process is stopped: one that wakes late sends nothing.
            left = claim_seconds(self._post) - self._post.settings.openmarket.answer_seconds - 5
            deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + left
            yield from self._compose(group, partial(self._may_leave, deadline))

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
        self.under_way |= {claim.attempt_id: claim for claim in group}
        self.claimed += len(group)
        return group

    def _may_leave(self, deadline: float) -> bool:
        return not self._is_over() and time.clock_gettime(time.CLOCK_BOOTTIME) < deadline

    def _is_over(self) -> bool:
        return self._stopped.is_set() or self._post.stopping.is_set()

    def stop(self) -> None:
        """Let nothing more leave."""
        self._stopped.set()

    def left_behind(self) -> list[Outcome]:
        """Tell what was claimed and certainly never left: all without an outcome, once everything that left has landed."""
        now = datetime.now(UTC)
        return [
            Outcome(
                message_id=claim.message.id,
                attempt_id=attempt_id,
                kind=OutcomeKind.NOT_SENT,
                endpoint="",
                started_at=now,
                answered_at=None,
                description="Sending stopped before this message left.",
            )
            for attempt_id, claim in (self.under_way.items() if self._landed else ())
        ]


class Pacer:
    """Waits before each start, so that all workers of this database together keep the account's rate, and each sender's.

    Starts are reserved in the database, a quarter of a second's worth at a time. A campaign that uses a slow sender leaves no
    faster than that one: its messages are not told apart here.

    Args:
        post: what the path works with.
        senders: those that the campaign's messages use; a ``tps`` of 0 has no rate of its own.
    """

    def __init__(self, post: Postcard, senders: Iterable[Sender] = ()) -> None:
        self._post = post
        self._rates = {ACCOUNT_PACE: post.settings.openmarket.tps}
        self._rates |= {f"sender {each.country} {each.source}": each.tps for each in senders if each.tps}
        self._rate = min(self._rates.values())
        self._reserved: Iterator[float] = iter(())

    def __call__(self) -> None:
        """Wait until the next start may happen."""
        start = next(self._reserved, None)
        if start is None:
            self._reserved = self._reserve()
            start = next(self._reserved)
        time.sleep(max(0.0, start - time.monotonic()))

    def _reserve(self) -> Iterator[float]:
        step = 1 / self._rate
        count = max(1, round(self._rate / 4))
        with self._post.change() as change:
            # Always in the same order: two workers must not wait for each other's rows.
            first = max(
                reserve_pace(
                    change.connection, name, count=count, per_second=rate, at=change.at, burst_seconds=1 / rate
                )
                for name, rate in sorted(self._rates.items())
            )
            origin = time.monotonic() + (first - change.at).total_seconds()
        return (origin + number * step for number in range(count))


def pause(change: Change, campaign_id: str, reason: str) -> None:
    """Pause a campaign that runs or is prepared; the rest stays pending."""
    campaign = get_campaign(change.connection, campaign_id, lock=True)
    if campaign.state in {CampaignState.RUNNING, CampaignState.PREPARING}:
        move_campaign(change.connection, campaign_id, CampaignState.PAUSED, at=change.at, reason=reason)
        log.warning("campaign paused", campaign=campaign_id, reason=reason, alarm=True)
