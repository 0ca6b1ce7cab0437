"""What is done for each kind of job. The doing stands in pipeline and duties; here is only which, and for whom."""

from collections.abc import Callable
from datetime import timedelta

from app.duties.claims import pause
from app.duties.postcard import JobKind, Postcard
from app.duties.removal import finish_deletions
from app.duties.takedown import erase_object
from app.errors import NotFound, PostcardError
from app.model.status import CampaignState
from app.pipeline import (
    make_rendition,
    problem_of,
    ready_campaign,
    send_batch,
    settle_report,
    start_campaign,
    take_upload,
)
from app.records.campaigns import get_campaign
from app.records.jobs import Job, extend_job
from app.records.uploads import settle_upload

LEASE = timedelta(seconds=20)
"""A killed worker's job is taken over after this; a living one extends it every third of it."""
DEFAULT_PROFILE = "universal"
Handler = Callable[[Postcard, Job], timedelta | None]
"""Does one job; the time it gives back is when it wants to be done again."""


def fit_asset(post: Postcard, job: Job) -> None:
    """Make the rendition that every asset gets at once."""
    try:
        make_rendition(post, job.subject, DEFAULT_PROFILE)
    except NotFound:
        return  # deleted while it waited


def prepare(post: Postcard, job: Job) -> None:
    """Bring a campaign to *running*, or pause it with the reason."""
    start_campaign(post, job.subject)


def send(post: Postcard, job: Job) -> timedelta | None:
    """Send group after group until nothing is due; come back later for what waits."""
    ready = ready_campaign(post, job.subject)
    while send_batch(post, ready, job):
        if not _still_ours(post, job):
            return None
    with post.database.read() as connection:
        still_running = get_campaign(connection, job.subject).state is CampaignState.RUNNING
    return timedelta(seconds=2) if still_running else None


def _still_ours(post: Postcard, job: Job) -> bool:
    with post.change() as change:
        return extend_job(change.connection, job, at=change.at, lease=LEASE)


def settle(post: Postcard, job: Job) -> None:
    """Work on reports and inbound messages until none is new."""
    del job
    settle_report(post)


def delete_objects(post: Postcard, job: Job) -> None:
    """Finish deletions that a crash left half done."""
    del job
    finish_deletions(post)


def erase(post: Postcard, job: Job) -> None:
    """Remove for good what was taken down, however often the store fails; the daily look at the bucket catches the rest."""
    erase_object(post, job.subject)


def take_in(post: Postcard, job: Job) -> None:
    """Take in an upload that went straight to the store."""
    take_upload(post, job.subject)


HANDLERS: dict[JobKind, Handler] = {
    "fit_asset": fit_asset,
    "start_campaign": prepare,
    "send_campaign": send,
    "settle_reports": settle,
    "delete_objects": delete_objects,
    "erase_object": erase,
    "take_upload": take_in,
}


def give_up(post: Postcard, job: Job, error: PostcardError) -> None:
    """Say where a person looks that a job failed for good: the campaign pauses with the reason, the upload failed with it."""
    if job.kind == "take_upload":
        with post.change() as change:
            settle_upload(change.connection, job.subject, "failed", failure=problem_of(error))
    if job.kind in {"start_campaign", "send_campaign"}:
        with post.change() as change:
            pause(change, job.subject, f"{error.title}: {error.detail} {error.remedy}".strip())
