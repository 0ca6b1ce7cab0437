"""The sweeper: announces what was lost, ends what was abandoned, and does what is due by the hour.

Every consumer schedules it; a row in the database lets one of them do it.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from app.duties.claims import pause
from app.duties.forgetting import forget_old
from app.duties.leases import require_long_lifecycle
from app.duties.postcard import Postcard
from app.duties.reconcile import reconcile
from app.errors import PostcardError, StoreMisconfigured
from app.model.ids import new_id
from app.model.status import CampaignState
from app.pipeline import settle_report
from app.records.campaigns import campaigns_in, finish_if_done
from app.records.jobs import due_jobs, take_lock
from app.records.messages import sweep_silent
from app.records.objects import objects_being_deleted
from app.records.sending import sweep_abandoned
from app.telemetry import log
from app.upload.spool import sweep_spool

SETTLE_SECONDS = 0.2
"""Reports come by the hundred a second: looking so often costs less than a job for each, and a STOP waits for no thread."""
BREATH_SECONDS = 0.02
"""Between two batches: SQLite has one lock for writing, and whoever waits for it looks again only after some milliseconds."""
SWEEP_SECONDS = 2
AGAIN_SECONDS = 10.0
"""After this an announcement counts as lost."""
_ANNOUNCED: dict[str, float] = {}
HOURLY_SECONDS = 3600
DAILY_SECONDS = 86_400
HOLDER = new_id("job")


def settle_new(post: Postcard) -> None:
    """Work on what OpenMarket posted, until nothing is new."""
    while settle_report(post, early=False):
        time.sleep(BREATH_SECONDS)


def sweep(post: Postcard) -> None:
    """End abandoned claims as *unknown*, see that unfinished campaigns and waiting reports have a job, announce what is due."""
    with post.change() as change:
        if not take_lock(change.connection, "sweep", HOLDER, at=change.at, seconds=SWEEP_SECONDS * 0.8):
            return
        abandoned = sweep_abandoned(change.connection, at=change.at)
    # Committed apart: messages are locked above, campaigns below; who cancels a campaign locks them the other way round.
    with post.change() as change:
        for campaign in campaigns_in(change.connection, [CampaignState.PREPARING]):
            change.job("start_campaign", campaign.id)
        for campaign in campaigns_in(change.connection, [CampaignState.RUNNING]):
            if not finish_if_done(change.connection, campaign.id, at=change.at):
                change.job("send_campaign", campaign.id)
        change.job("settle_reports", "all")
        # Once a minute: a job that waits because the store is away is not called sooner.
        a_minute_passed = take_lock(change.connection, "deletions", new_id("job"), at=change.at, seconds=60)
        if a_minute_passed and objects_being_deleted(change.connection):
            change.job("delete_objects", "all")
        change.announced += _not_announced_lately(due_jobs(change.connection, at=change.at))
    if abandoned:
        log.warning("messages abandoned by a worker are unknown now", count=abandoned)


def _not_announced_lately(job_ids: Iterable[str]) -> list[str]:
    """Leave out what this process announced a moment ago: while all threads are busy the queue must not fill up."""
    now = time.monotonic()
    fresh = [job_id for job_id in job_ids if now - _ANNOUNCED.get(job_id, float("-inf")) >= AGAIN_SECONDS]
    for job_id in [old for old, at in _ANNOUNCED.items() if now - at >= AGAIN_SECONDS]:
        del _ANNOUNCED[job_id]
    _ANNOUNCED.update(dict.fromkeys(fresh, now))
    return fresh


def hourly(post: Postcard) -> None:
    """Call silence silence, sweep the spool, and look at the bucket's rules."""
    with post.change() as change:
        if not take_lock(change.connection, "hourly", HOLDER, at=change.at, seconds=HOURLY_SECONDS * 0.9):
            return
        silent = sweep_silent(change.connection, at=change.at)
    log.info("hourly work", silent=silent, spool_files_removed=sweep_spool(Path(post.spool_dir), 24 * 3600))
    try:
        require_long_lifecycle(post)
    except StoreMisconfigured as error:
        with post.change() as change:
            for campaign in campaigns_in(change.connection, [CampaignState.RUNNING, CampaignState.PREPARING]):
                pause(change, campaign.id, f"{error.detail} {error.remedy}")


def daily(post: Postcard) -> None:
    """Forget what is old, and compare rows with the bucket.

    Called every hour; the lock, taken under a new name each time, lets one pass a day.

    Raises:
        PostcardError: store or database did not answer; the next hour tries again.
    """
    holder = new_id("job")
    with post.change() as change:
        if not take_lock(change.connection, "daily", holder, at=change.at, seconds=DAILY_SECONDS - HOURLY_SECONDS / 2):
            return
    try:
        forget_old(post)
        reconcile(post)
    except PostcardError:
        with post.change() as change:
            take_lock(change.connection, "daily", holder, at=change.at, seconds=0)
        raise
