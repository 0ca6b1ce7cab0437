"""The mark *sending* and what surrounds it: claim group after group, each message with its moment to start."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import partial

from app.duties.leases import LeaseKeeper
from app.duties.pacing import GROUP_SECONDS, Paces, Starts
from app.duties.postcard import Change, Postcard
from app.model.messages import Outcome, Outgoing, Sender
from app.model.status import CampaignState, OutcomeKind
from app.records.campaigns import get_campaign, move_campaign
from app.records.jobs import Job, is_waiting
from app.records.objects import note_requested
from app.records.sending import Claimed, claim_messages
from app.telemetry import log

TURN_SECONDS = 30.0
"""How long one campaign sends before another may have its thread; where none waits it goes on."""

Composed = list[tuple[float, str, Outgoing]]
"""Each with its start by this machine's clock, and its sender."""


def claim_seconds(post: Postcard) -> float:
    """Tell how long a message may be under way before the sweeper calls it abandoned: beyond its slowest answer."""
    openmarket = post.settings.openmarket
    return 16 * GROUP_SECONDS + openmarket.connect_seconds + openmarket.answer_seconds + 15


def group_size(post: Postcard) -> int:
    """Tell how many messages are marked at once: an eighth of a second's worth, and half of the connections at most.

    Two groups may be marked that have not left: they are unknown after a kill, beside what is under way and what is not
    written down yet.
    """
    return max(1, min(post.gateway.connections // 2, round(post.settings.openmarket.tps * GROUP_SECONDS)))


class Departures:
    """The messages of a campaign on their way out: claimed group by group, just before each may leave.

    Iterating gives one request after the other; while a group leaves, the next one is claimed in a thread of its own, so that
    no start waits for the database. It ends when nothing is due, when this campaign's turn is over, when the process is asked to
    stop, or when :meth:`stop` was called; in the last two cases what was claimed and has not left does not leave.
    """

    def __init__(
        self,
        post: Postcard,
        campaign_id: str,
        job: Job,
        *,
        leases: LeaseKeeper,
        senders: Iterable[Sender],
        compose: Callable[[Sequence[Claimed], Callable[[], bool]], list[Outgoing]],
    ) -> None:
        self._post = post
        self._campaign_id = campaign_id
        self._job = job
        self._leases = leases
        self._compose = compose
        self._paces = Paces(post.settings.openmarket.tps, senders)
        self._starts = Starts(post.recent_starts)
        self._stopped = threading.Event()
        self._turn_ends = time.monotonic() + TURN_SECONDS
        self._claimer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="claim")
        self._landed = False
        self.under_way: dict[str, Claimed] = {}
        self.claimed = 0

    def send(self) -> Iterator[Outcome]:
        """Hand the messages to the gateway; remember when everything that left has an outcome."""
        try:
            for outcome in self._post.gateway.send_group(self, pace=self._wait):
                if outcome.found_no_connection:
                    self._starts.note_never_left()
                yield outcome
        except Exception:
            self._landed = True  # the gateway raises only after all that is under way has landed
            raise
        finally:
            self._claimer.shutdown()
        self._landed = True

    def __iter__(self) -> Iterator[Outgoing]:
        """Give requests, and claim the next ones, until nothing is due."""
        coming = self._claim_soon()
        while coming is not None and (group := coming.result()):
            coming = self._claim_soon()
            for start, sender_id, outgoing in group:
                self._starts.add(start, self._paces.rates_of(sender_id))
                yield outgoing

    def _claim_soon(self) -> Future[Composed] | None:
        if self._is_over():
            return None
        # A copy of the context: log lines of the claim name the job, too.
        return self._claimer.submit(copy_context().run, self._claim)

    def _claim(self) -> Composed:
        """Claim a group and compose its requests; a turn that is over, a lost claim of the job, or nothing due, gives none."""
        if time.monotonic() >= self._turn_ends:
            if self._others_wait():
                return []
            self._turn_ends += TURN_SECONDS
        self._leases.keep()
        booked = self._mark()
        # The boot-time clock goes on while this process is stopped: one that wakes late sends nothing.
        left = claim_seconds(self._post) - self._post.settings.openmarket.answer_seconds - 5
        deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + left
        requests = self._compose([claim for _, claim in booked], partial(self._may_leave, deadline))
        return [
            (start, claim.message.sender_id, outgoing)
            for (start, claim), outgoing in zip(booked, requests, strict=True)
        ]

    def _others_wait(self) -> bool:
        with self._post.database.read() as connection:
            return is_waiting(connection, self._job.kind, but=self._job.id)

    def _mark(self) -> list[tuple[float, Claimed]]:
        """Mark the next group *sending*, book its starts and restart the lease of what it links to, in one transaction.

        Returns:
            each message with its start by this machine's clock, in that order.
        """
        with self._post.change() as change:
            origin = time.monotonic()
            group = self._mark_some(change)
            if not group:
                return []
            note_requested(change.connection, self._leases.keys, change.at)
            booked = self._paces.book(change.connection, group, at=change.at)
        self.under_way |= {claim.attempt_id: claim for claim in group}
        self.claimed += len(group)
        return [(origin + (start - change.at).total_seconds(), claim) for start, claim in booked]

    def _mark_some(self, change: Change) -> list[Claimed]:
        """Mark what may start soon: of each sender with a rate of its own what that allows, of the others a group's rest.

        If there is nothing else, the message that may start soonest, though it must wait.
        """
        most, lanes = group_size(self._post), self._paces.lanes
        claim = partial(
            claim_messages,
            change.connection,
            self._campaign_id,
            self._job,
            at=change.at,
            lease=timedelta(seconds=claim_seconds(self._post)),
        )
        group: list[Claimed] = []
        for sender_id, count in self._paces.free_starts(change.connection, at=change.at).items() if lanes else ():
            if count and len(group) < most:
                group += claim(limit=min(count, most - len(group)), sender_id=sender_id)
        if len(group) < most:
            group += claim(limit=most - len(group), but_senders=lanes)
        for sender_id in self._paces.soonest(change.connection, at=change.at) if lanes and not group else ():
            if group := claim(limit=1, sender_id=sender_id):
                break
        return group

    def _wait(self) -> None:
        if not self._is_over():
            self._starts.wait()

    def _may_leave(self, deadline: float) -> bool:
        self._starts.note_leaving()
        return not self._is_over() and time.clock_gettime(time.CLOCK_BOOTTIME) < deadline

    def _is_over(self) -> bool:
        return self._stopped.is_set() or self._post.stopping.is_set()

    def pace_of(self, sender_id: str) -> str:
        """Name the pace that rests when this sender was too fast."""
        return self._paces.pace_of(sender_id)

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


def pause(change: Change, campaign_id: str, reason: str) -> None:
    """Pause a campaign that runs or is prepared; the rest stays pending."""
    campaign = get_campaign(change.connection, campaign_id, lock=True)
    if campaign.state in {CampaignState.RUNNING, CampaignState.PREPARING}:
        move_campaign(change.connection, campaign_id, CampaignState.PAUSED, at=change.at, reason=reason)
        log.warning("campaign paused", campaign=campaign_id, reason=reason, alarm=True)
