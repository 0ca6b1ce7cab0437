"""What is done for each kind of job. The doing stands in pipeline and duties; here is only which, and for whom."""

from collections.abc import Callable
from datetime import timedelta

from app.duties.claims import pause
from app.duties.fitting import problem_of, settle_unfitted
from app.duties.postcard import JobKind, Postcard
from app.duties.removal import finish_deletions
from app.duties.takedown import erase_object
from app.errors import NotFound, PostcardError
from app.model.status import CampaignState
from app.pipeline import (
    fit_asset,
    ready_campaign,
    send_batch,
    settle_report,
    start_campaign,
    take_upload,
)
from app.records.campaigns import get_campaign
from app.records.jobs import Job
from app.records.uploads import settle_upload

LEASE = timedelta(seconds=20)
"""A killed worker's job is taken over after this; a living one extends it every third of it."""
Handler = Callable[[Postcard, Job], timedelta | None]
"""Does one job; the time it gives back is when it wants to be done again."""


def fit(post: Postcard, job: Job) -> None:
    """Make what every asset gets at once."""
    try:
        fit_asset(post, job.subject)
    except NotFound:
        return  # deleted while it waited


def prepare(post: Postcard, job: Job) -> None:
    """Bring a campaign to *running*, or pause it with the reason."""
    start_campaign(post, job.subject)


def send(post: Postcard, job: Job) -> timedelta | None:
    """Send a turn of a campaign; come back at once for the next turn, or later for what waits.

    Only some threads may send at a time: reports, a STOP among them, and uploads must not wait for a long campaign.
    """
    if post.stopping.is_set() or not post.sending.acquire(blocking=False):
        return timedelta(seconds=1)
    try:
        marked = send_batch(post, ready_campaign(post, job.subject), job)
    finally:
        post.sending.release()
    with post.database.read() as connection:
        still_running = get_campaign(connection, job.subject).state is CampaignState.RUNNING
    if not still_running:
        return None
    return timedelta(0) if marked else timedelta(seconds=2)


def settle(post: Postcard, job: Job) -> None:
    """Work on reports that came before we knew their mtId, and on whatever else nobody has looked at."""
    del job
    while settle_report(post):
        pass


def delete_objects(post: Postcard, job: Job) -> None:
    """Finish deletions that a crash or the store left half done."""
    del job
    finish_deletions(post)


def erase(post: Postcard, job: Job) -> None:
    """Remove for good what was taken down, however often the store fails."""
    erase_object(post, job.subject)


def take_in(post: Postcard, job: Job) -> None:
    """Take in an upload that went straight to the store."""
    take_upload(post, job.subject)


HANDLERS: dict[JobKind, Handler] = {
    "fit_asset": fit,
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
    if job.kind == "fit_asset":
        settle_unfitted(post, job.subject, error)
    if job.kind in {"start_campaign", "send_campaign"}:
        with post.change() as change:
            pause(change, job.subject, f"{error.title}: {error.detail} {error.remedy}".strip())
