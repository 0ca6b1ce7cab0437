"""The mark *sending* and what follows it: claim a group, pace it, write down each outcome, know when to stop."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

from app.duties.postcard import Change, Postcard
from app.model.messages import Outcome
from app.model.status import CampaignState, MessageState, OutcomeKind
from app.records.campaigns import get_campaign, move_campaign
from app.records.database import Connection
from app.records.jobs import Job, hold_pace, reserve_pace
from app.records.messages import Claimed, claim_messages, recent_outcomes, settle_outcome
from app.records.objects import note_requested
from app.telemetry import MESSAGES, log, mask_number

ACCOUNT_PACE = "openmarket"
GROUP_SECONDS = 2.0
RETRY_WAIT = timedelta(seconds=2)
SLOW_DOWN = timedelta(seconds=1)


def claim_seconds(post: Postcard) -> float:
    """Tell how long a group may be under way before the sweeper calls it abandoned: beyond its slowest answer."""
    openmarket = post.settings.openmarket
    return GROUP_SECONDS + openmarket.connect_seconds + openmarket.answer_seconds + 15


def group_size(post: Postcard) -> int:
    """Tell how many messages are marked at once: no more than there are connections, and some seconds' worth at most."""
    return max(1, min(post.gateway.connections, round(post.settings.openmarket.tps * GROUP_SECONDS)))


def claim_group(post: Postcard, campaign_id: str, job: Job, keys: Iterable[str]) -> tuple[list[Claimed], datetime]:
    """Mark the next group *sending*, reserve its pace and restart the lease of what it links to, in one transaction.

    Returns:
        the claimed messages, and when the first may start by the database's clock.
    """
    with post.change() as change:
        lease = timedelta(seconds=claim_seconds(post))
        group = claim_messages(change.connection, campaign_id, job, limit=group_size(post), at=change.at, lease=lease)
        if not group:
            return [], change.at
        note_requested(change.connection, keys, change.at)
        first = reserve_pace(
            change.connection,
            ACCOUNT_PACE,
            count=len(group),
            per_second=post.settings.openmarket.tps,
            at=change.at,
            burst_seconds=0,
        )
    return group, first


def pacer(post: Postcard, first: datetime) -> Callable[[], None]:
    """Make the function that waits before each start, so that the account's rate is kept."""
    with post.database.read() as connection:
        lead = (first - post.database.now(connection)).total_seconds()
    origin = time.monotonic() + max(0.0, lead)
    step = 1 / post.settings.openmarket.tps
    started = 0

    def wait() -> None:
        nonlocal started
        time.sleep(max(0.0, origin + started * step - time.monotonic()))
        started += 1

    return wait


def may_leave_until(deadline_seconds: float) -> Callable[[], bool]:
    """Make the question that is asked before a body's first byte: a worker that was stopped for long sends nothing.

    The boot-time clock goes on while a process is stopped and while the machine sleeps.
    """
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + deadline_seconds
    return lambda: time.clock_gettime(time.CLOCK_BOOTTIME) < deadline


def settle_outcomes(post: Postcard, outcomes: Iterable[tuple[Claimed, Outcome]]) -> None:
    """Write down some outcomes in one transaction."""
    with post.change() as change:
        for claim, outcome in outcomes:
            # What never reached an endpoint is no fault of the message: it keeps its tries.
            allowed = post.settings.openmarket.attempts if outcome.http_status else claim.message.attempts + 1
            state = settle_outcome(
                change.connection, claim, outcome, attempts_allowed=allowed, at=change.at, wait=RETRY_WAIT
            )
            if outcome.slow_down:
                hold_pace(change.connection, ACCOUNT_PACE, until=change.at + SLOW_DOWN)
            MESSAGES.labels(outcome=outcome.kind.value).inc()
            log.info(
                "attempt settled",
                message=claim.message.id,
                attempt=outcome.attempt_id,
                number=mask_number(claim.message.number),
                outcome=outcome.kind.value,
                state=state.value if state else "claim lost",
                code=outcome.code,
                http_status=outcome.http_status,
                endpoint=outcome.endpoint,
                request_id=outcome.request_id,
                mt_id=outcome.mt_id,
            )


def in_flushes(outcomes: Iterable[Outcome], *, rows: int = 50, seconds: float = 0.1) -> Iterator[list[Outcome]]:
    """Gather outcomes for one transaction: some rows, or what came in a moment; the rest of a group at its end."""
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


def reason_to_stop(connection: Connection, campaign_id: str) -> str:
    """Tell why a campaign should pause, looking at its last 200 outcomes; empty = go on.

    Rule: more than a fifth of the last 200 refused, or ten identical refusals in a row (reference, "A breaker on top");
    five unknown in a row are treated alike, since nobody can tell what happens to the rest.
    """
    recent = recent_outcomes(connection, campaign_id, limit=200)
    refused = [code for state, code in recent if state == MessageState.REFUSED.value]
    if len(refused) > 40:
        return f"{len(refused)} of the last {len(recent)} messages were refused; see the messages for the reasons."
    if recent:
        (state, code), run = next((key, len(list(same))) for key, same in groupby(recent))
        if state == MessageState.REFUSED.value and run >= 10:
            return f"The last {run} messages were refused with the same code {code}."
        if state == MessageState.UNKNOWN.value and run >= 5:
            return f"What became of the last {run} messages is unknown; nobody knows whether they were sent."
    return ""


def nobody_reached(outcomes: Iterable[Outcome]) -> bool:
    """Tell whether no request of a group got any answer, and none can have been accepted."""
    return all(each.kind is OutcomeKind.NOT_SENT and not each.http_status for each in outcomes)
