"""Rows for tests of records: a sender, an asset, a running campaign."""

from datetime import UTC, datetime, timedelta

from app.model.messages import Recipient, Sender, SenderKind, TextPart
from app.model.status import CampaignState
from app.records.campaigns import NewCampaign, NewMessage, add_campaign, move_campaign
from app.records.database import Database
from app.records.jobs import Job, claim_job, ensure_job
from app.records.senders import active_senders, sync_senders

LEASE = timedelta(seconds=60)


def running_campaign(database: Database, numbers: int = 3) -> tuple[str, Job]:
    """Make a running campaign to so many numbers, and a claimed job that sends it."""
    with database.write() as connection:
        at = database.now(connection)
        sync_senders(connection, [Sender("snd_1", "US", "88600", SenderKind.SHORT_CODE, "config1", 0)], at=at)
        sender = active_senders(connection)["US"]
        new = NewCampaign(
            name="Test",
            subject="Hello",
            source="",
            mt_config="",
            profile="auto",
            parts=(TextPart("hi"),),
            state=CampaignState.DRAFT,
            created_by="test",
        )
        recipients = [
            NewMessage(Recipient(f"1251555{1000 + number}", "US"), sender.id, "xlarge") for number in range(numbers)
        ]
        campaign = add_campaign(connection, new, recipients, at=at)
        move_campaign(connection, campaign.id, CampaignState.PREPARING, at=at)
        move_campaign(connection, campaign.id, CampaignState.RUNNING, at=at)
        job_id = ensure_job(connection, "send_campaign", campaign.id, at=at, not_before=at, serial=True)
        job = claim_job(connection, job_id, at=at, lease=LEASE)
        assert job is not None
    return campaign.id, job


class MovableClock:
    """Time that a test moves by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Tell the time."""
        return self.at

    def move(self, **by: float) -> None:
        """Let time pass, as ``timedelta`` takes it."""
        self.at += timedelta(**by)
