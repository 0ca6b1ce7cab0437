"""Campaigns: what is sent, to whom, and where it stands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound, WrongState
from app.model.ids import new_id
from app.model.messages import AssetPart, Campaign, Part, Recipient, TextPart
from app.model.status import CampaignState, MessageState, may_move
from app.records.choices import choice_from_json, choice_to_json
from app.records.tables import campaign_assets, campaigns, messages

ANSWER_WITHIN = timedelta(minutes=5)
"""An answer to STOP or HELP leaves within this, or not at all; 47 CFR 64.1200(a)(12) allows one confirmation in five minutes."""


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """What a caller asks for, checked; ``state`` is draft, scheduled or preparing; ``answers`` names an inbound message."""

    name: str
    subject: str
    source: str
    mt_config: str
    profile: str
    parts: tuple[Part, ...]
    state: CampaignState
    created_by: str
    send_at: datetime | None = None
    answers: str | None = None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One recipient of a new campaign with the sender and the profile that serve it.

    ``side_pixels`` is the operator's own longest side, 0 = that of the profile.
    """

    recipient: Recipient
    sender_id: str
    profile: str
    side_pixels: int = 0


def part_to_json(part: Part) -> dict[str, Any]:
    """Write a part in the words of the API."""
    if isinstance(part, TextPart):
        return {"text": part.text}
    return {"asset_id": part.asset_id, **choice_to_json(part.choice)}


def _part_from_json(part: dict[str, Any]) -> Part:
    return TextPart(part["text"]) if "text" in part else AssetPart(part["asset_id"], choice_from_json(part))


def _campaign(row: sa.Row[Any]) -> Campaign:
    return Campaign(
        id=row.id,
        name=row.name,
        subject=row.subject,
        source=row.source,
        mt_config=row.mt_config,
        profile=row.profile,
        parts=tuple(_part_from_json(part) for part in row.parts),
        state=CampaignState(row.state),
        pause_reason=row.pause_reason,
        created_at=row.created_at,
        created_by=row.created_by,
        send_at=row.send_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def add_campaign(
    connection: sa.Connection, new: NewCampaign, recipients: Iterable[NewMessage], *, at: datetime
) -> Campaign:
    """Insert a campaign with all of its messages, pending: one message for each number."""
    campaign_id = new_id("cmp")
    connection.execute(
        sa.insert(campaigns).values(
            id=campaign_id,
            name=new.name,
            subject=new.subject,
            source=new.source,
            mt_config=new.mt_config,
            profile=new.profile,
            parts=[part_to_json(part) for part in new.parts],
            state=new.state.value,
            pause_reason="",
            created_at=at,
            created_by=new.created_by,
            send_at=new.send_at,
            answers=new.answers,
        )
    )
    _add_content(connection, campaign_id, new.parts, recipients, at=at)
    return get_campaign(connection, campaign_id)


def _add_content(
    connection: sa.Connection,
    campaign_id: str,
    parts: Iterable[Part],
    recipients: Iterable[NewMessage],
    *,
    at: datetime,
) -> None:
    """Insert what a campaign needs, and its messages."""
    asset_ids = dict.fromkeys(part.asset_id for part in parts if isinstance(part, AssetPart))
    if asset_ids:
        connection.execute(
            sa.insert(campaign_assets),
            [{"campaign_id": campaign_id, "asset_id": asset_id} for asset_id in asset_ids],
        )
    rows = [
        {
            "id": new_id("msg"),
            "campaign_id": campaign_id,
            "number": each.recipient.number,
            "country": each.recipient.country,
            "operator_id": each.recipient.operator_id,
            "sender_id": each.sender_id,
            "profile": each.profile,
            "side_pixels": each.side_pixels,
            "state": MessageState.PENDING.value,
            "attempts": 0,
            "mt_id": "",
            "request_id": "",
            "problem": "",
            "updated_at": at,
        }
        for each in recipients
    ]
    connection.execute(sa.insert(messages), rows)


def get_campaign(connection: sa.Connection, campaign_id: str, *, lock: bool = False) -> Campaign:
    """Read one campaign; ``lock`` keeps its row from changing until the transaction ends.

    Raises:
        NotFound: no such campaign.
    """
    query = sa.select(campaigns).where(campaigns.c.id == campaign_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id[:60]}.", id=campaign_id[:60])
    return _campaign(row)


def list_campaigns(connection: sa.Connection, *, before: str = "", limit: int = 50) -> Sequence[Campaign]:
    """List campaigns, newest first; ``before`` is the id of the last one of the page above.

    Answers to STOP and HELP are left out.
    """
    query = sa.select(campaigns).where(campaigns.c.answers.is_(None)).order_by(campaigns.c.id.desc()).limit(limit)
    if before:
        query = query.where(campaigns.c.id < before)
    return [_campaign(row) for row in connection.execute(query)]


def campaigns_in(connection: sa.Connection, states: Iterable[CampaignState]) -> list[Campaign]:
    """List all campaigns that stand in one of these states."""
    query = sa.select(campaigns).where(campaigns.c.state.in_([state.value for state in states]))
    return [_campaign(row) for row in connection.execute(query)]


def move_campaign(
    connection: sa.Connection, campaign_id: str, then: CampaignState, *, at: datetime, reason: str = ""
) -> Campaign:
    """Move a campaign to another state, if its state machine allows that; the reason stays with a pause.

    Raises:
        NotFound: no such campaign.
        WrongState: it may not go there from where it stands.
    """
    now = get_campaign(connection, campaign_id, lock=True)
    if not may_move(now.state, then):
        raise WrongState(
            f"The campaign is {now.state.value}; it cannot become {then.value}.",
            state=now.state.value,
            wanted=then.value,
        )
    values: dict[str, Any] = {"state": then.value, "pause_reason": reason}
    if then is CampaignState.RUNNING and now.started_at is None:
        values["started_at"] = at
    if then in {CampaignState.FINISHED, CampaignState.CANCELLED}:
        values["finished_at"] = at
    connection.execute(sa.update(campaigns).where(campaigns.c.id == campaign_id).values(values))
    if then is CampaignState.CANCELLED:
        connection.execute(
            sa.update(messages)
            .where(messages.c.campaign_id == campaign_id, messages.c.state == MessageState.PENDING.value)
            .values(state=MessageState.CANCELLED.value, updated_at=at)
        )
    return get_campaign(connection, campaign_id)


def remake_draft(
    connection: sa.Connection, campaign_id: str, new: NewCampaign, recipients: Iterable[NewMessage], *, at: datetime
) -> Campaign:
    """Give a draft other content and other messages; its id, its creator and the time it was made stay.

    Raises:
        NotFound: no such campaign.
        WrongState: it is no draft (any more): a scheduled one has its time, and perhaps begins at this moment.
    """
    now = get_campaign(connection, campaign_id, lock=True)
    if now.state is not CampaignState.DRAFT:
        raise WrongState(f"The campaign is {now.state.value}; only a draft can be changed.", state=now.state.value)
    connection.execute(sa.delete(messages).where(messages.c.campaign_id == campaign_id))
    connection.execute(sa.delete(campaign_assets).where(campaign_assets.c.campaign_id == campaign_id))
    connection.execute(
        sa.update(campaigns)
        .where(campaigns.c.id == campaign_id)
        .values(
            name=new.name,
            subject=new.subject,
            profile=new.profile,
            parts=[part_to_json(part) for part in new.parts],
            send_at=new.send_at,
        )
    )
    _add_content(connection, campaign_id, new.parts, recipients, at=at)
    return get_campaign(connection, campaign_id)


def edit_draft(connection: sa.Connection, campaign_id: str, changes: Mapping[str, Any]) -> Campaign:
    """Change the name or the subject of a campaign that has not begun.

    Raises:
        NotFound: no such campaign.
        WrongState: it has begun.
    """
    now = get_campaign(connection, campaign_id, lock=True)
    if now.state not in {CampaignState.DRAFT, CampaignState.SCHEDULED}:
        raise WrongState(f"The campaign is {now.state.value}; only a draft can be changed.", state=now.state.value)
    if changes:
        connection.execute(sa.update(campaigns).where(campaigns.c.id == campaign_id).values(**changes))
    return get_campaign(connection, campaign_id)


def answered_since(connection: sa.Connection, number: str, since: datetime) -> bool:
    """Tell whether a message of this number was answered since then."""
    query = (
        sa.select(campaigns.c.id)
        .join(messages, messages.c.campaign_id == campaigns.c.id)
        .where(messages.c.number == number, campaigns.c.answers.is_not(None), campaigns.c.created_at >= since)
    )
    return connection.execute(query.limit(1)).one_or_none() is not None


def count_messages(connection: sa.Connection, campaign_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count the messages of each campaign by state; every state has its figure, mostly 0."""
    ids = list(campaign_ids)
    counts = {each: {state.value: 0 for state in MessageState} for each in ids}
    query = (
        sa.select(messages.c.campaign_id, messages.c.state, sa.func.count())
        .where(messages.c.campaign_id.in_(ids))
        .group_by(messages.c.campaign_id, messages.c.state)
    )
    for campaign_id, state, count in connection.execute(query):
        counts[campaign_id][state] = count
    return counts


def finish_if_done(connection: sa.Connection, campaign_id: str, *, at: datetime) -> bool:
    """Call a running campaign finished when no message is pending or under way."""
    campaign = get_campaign(connection, campaign_id, lock=True)
    waiting = sa.select(messages.c.id).where(
        messages.c.campaign_id == campaign_id,
        messages.c.state.in_([MessageState.PENDING.value, MessageState.SENDING.value]),
    )
    if campaign.state is not CampaignState.RUNNING or connection.execute(waiting.limit(1)).one_or_none():
        return False
    move_campaign(connection, campaign_id, CampaignState.FINISHED, at=at)
    return True
