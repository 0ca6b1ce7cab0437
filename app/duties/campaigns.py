"""Orders: what a caller may ask for, checked whole before anything is created, and what a person may do with it later."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.compose.checks import check_parts, check_sender, check_subject
from app.compose.numbers import parse_recipients
from app.duties.choices import require_sendable
from app.duties.claims import claim_seconds
from app.duties.handsets import learnt_operators
from app.duties.postcard import Change, Postcard
from app.duties.recipients import assign_recipients, choose_senders, keep_senders, require_unlocked
from app.errors import InvalidRequest, WrongState
from app.limits import limit_named, profile_named
from app.model.messages import AssetPart, Campaign, LinkPart, Part, Recipient, SendablePart, Sender, TextPart
from app.model.status import CampaignState
from app.records.assets import get_asset, missing_assets
from app.records.campaigns import (
    NewCampaign,
    NewMessage,
    add_campaign,
    edit_draft,
    get_campaign,
    move_campaign,
    remake_draft,
)
from app.records.database import Connection
from app.records.messages import recipients_of, resend
from app.records.takedowns import hold_assets

MAX_RECIPIENTS = 100_000
"""In one order; more want several campaigns, which the pace serves in turn."""
LATEST_SEND = timedelta(days=365)
_LONGEST_USUAL_NAME = 60  # a line of the list of campaigns


@dataclass(frozen=True)
class Order:
    """What a caller asks for, with its shapes checked and nothing else.

    ``recipients`` are numbers, or mappings with ``number`` and perhaps ``operator_id``. ``start`` False = a draft.
    """

    parts: tuple[Part, ...]
    recipients: Sequence[str | Mapping[str, object]]
    subject: str = ""
    name: str = ""
    source: str = ""
    mt_config: str = ""
    profile: str = "auto"
    send_at: datetime | None = None
    start: bool = True


@dataclass(frozen=True)
class DraftChange:
    """What somebody wants of a draft; None keeps what stands.

    An empty ``name`` gives the draft the name that it would have had without one. ``send_at`` counts only if ``moves_time``:
    then None is "at once when it is started".
    """

    name: str | None = None
    subject: str | None = None
    parts: tuple[Part, ...] | None = None
    recipients: Sequence[str | Mapping[str, object]] | None = None
    profile: str | None = None
    send_at: datetime | None = None
    moves_time: bool = False

    @property
    def is_of_words(self) -> bool:
        """Whether only name and subject are changed, which a scheduled campaign allows, too."""
        return self.parts is None and self.recipients is None and self.profile is None and not self.moves_time


Remember = Callable[[Change, Campaign], None]
"""Runs in the creating transaction: the edge keeps the first answer of an Idempotency-Key with it."""


def create_campaign(post: Postcard, order: Order, *, created_by: str, remember: Remember | None = None) -> Campaign:
    """Create a campaign with all of its messages, or nothing at all; it begins by itself unless it is a draft.

    Raises:
        InvalidRequest: no or too many recipients, an unknown profile, or a time that is past.
    """
    senders, new_messages = _assigned(post, order)
    with post.change() as change:
        _check_time(change, order.send_at)
        new, new_messages = _new_campaign(change, order, senders, new_messages, created_by=created_by)
        campaign = add_campaign(change.connection, new, new_messages, at=change.at)
        if order.start:
            campaign = _begin(change, campaign)
        if remember is not None:
            remember(change, campaign)
    return campaign


def _assigned(post: Postcard, order: Order) -> tuple[dict[str, Sender], list[NewMessage]]:
    """Check an order and give each recipient sender and profile.

    Raises:
        InvalidRequest: no or too many recipients, or an unknown profile.
    """
    check_order(order)
    recipients = parse_recipients(order.recipients)
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise InvalidRequest(
            f"A campaign needs 1 to {MAX_RECIPIENTS:,} recipients; this one has {len(recipients)}.", field="recipients"
        )
    require_unlocked((each.number for each in recipients), post.settings.openmarket, post.settings.live)
    # Before the transaction that writes: SQLite has one lock for writing, and 100,000 recipients take a while.
    with post.database.read() as connection:
        return assign_order(post, connection, order, recipients)


def _new_campaign(
    change: Change, order: Order, senders: Mapping[str, Sender], messages: list[NewMessage], *, created_by: str
) -> tuple[NewCampaign, list[NewMessage]]:
    """Check what only the records know, and give the rows of a draft."""
    _check_assets(change, order.parts, {(each.profile, each.side_pixels) for each in messages})
    if order.source or order.mt_config:
        messages = keep_senders(change.connection, senders, messages, at=change.at)
    new = NewCampaign(
        name=order.name or usual_name(order.subject, order.parts) or f"Campaign of {change.at:%Y-%m-%d %H:%M}",
        subject=order.subject,
        source=order.source,
        mt_config=order.mt_config,
        profile=order.profile,
        parts=order.parts,
        state=CampaignState.DRAFT,
        created_by=created_by,
        send_at=order.send_at,
    )
    return new, messages


def assign_order(
    post: Postcard, connection: Connection, order: Order, recipients: Sequence[Recipient]
) -> tuple[dict[str, Sender], list[NewMessage]]:
    """Give each recipient of an order its sender, by country, and its profile; nothing is written."""
    senders = choose_senders(
        connection, recipients, openmarket=post.settings.openmarket, source=order.source, mt_config=order.mt_config
    )
    learnt = learnt_operators(post, connection, recipients, at=post.database.now(connection))
    return senders, assign_recipients(connection, recipients, senders=senders, profile=order.profile, learnt=learnt)


def usual_name(subject: str, parts: Sequence[Part]) -> str:
    """Name a campaign that was given no name: its subject, else how its text begins; "" where there is neither."""
    text = next((" ".join(part.text.split()) for part in parts if isinstance(part, TextPart)), "")
    return subject or (text if len(text) <= _LONGEST_USUAL_NAME else f"{text[: _LONGEST_USUAL_NAME - 1].rstrip()}…")


def check_order(order: Order) -> None:
    """Check what needs no records: parts, texts, subject, sender, profile.

    Raises:
        InvalidRequest: the name is too long.
    """
    check_subject(order.subject)
    check_parts([_stand_in(part) for part in order.parts])
    if order.source or order.mt_config:
        check_sender(order.source or "000", order.mt_config or "usual")
    if order.profile != "auto":
        profile_named(order.profile, takes_auto=True)
    if len(order.name) > 200:
        raise InvalidRequest(f"The name has {len(order.name)} characters; 200 are possible.", field="name")


def _check_time(change: Change, send_at: datetime | None) -> None:
    """See that a time to send at is one to come.

    Raises:
        InvalidRequest: it is past, or too far away.
    """
    if send_at and not change.at - timedelta(minutes=5) <= send_at <= change.at + LATEST_SEND:
        raise InvalidRequest("send_at must lie in the next 365 days.", field="send_at")


def _stand_in(part: Part) -> SendablePart:
    """Let a part whose rendition is not made yet be checked by the rules of a link."""
    return part if isinstance(part, TextPart) else LinkPart("https://media.invalid/x", "image/jpeg", 1)


def _check_assets(change: Change, parts: Sequence[Part], limits: Iterable[tuple[str, int]]) -> None:
    # Until the campaign that needs them is committed, nobody deletes them.
    hold_assets(change.connection, [part.asset_id for part in parts if isinstance(part, AssetPart)])
    profiles = [limit_named(name, side) for name, side in limits]
    for at, part in enumerate(parts):
        if isinstance(part, AssetPart):
            asset = get_asset(change.connection, part.asset_id)
            require_sendable(asset, part.choice, profiles, place=f"parts.{at}.")


def _require_media(change: Change, campaign: Campaign) -> None:
    """Refuse what would need media that is gone; what is there is kept from deletion until this transaction ends.

    Raises:
        WrongState: something that the campaign shows was deleted or taken down.
    """
    wanted = [part.asset_id for part in campaign.parts if isinstance(part, AssetPart)]
    hold_assets(change.connection, wanted)
    if gone := missing_assets(change.connection, wanted):
        raise WrongState(
            "Media of this campaign was deleted or taken down, so nothing of it can be sent again; make a new campaign.",
            state=campaign.state.value,
            missing=gone,
        )


def _begin(change: Change, campaign: Campaign) -> Campaign:
    """Schedule a campaign, or have it prepared at once."""
    later = campaign.send_at if campaign.send_at and campaign.send_at > change.at else None
    then = CampaignState.SCHEDULED if later else CampaignState.PREPARING
    change.job("start_campaign", campaign.id, at=later)
    return move_campaign(change.connection, campaign.id, then, at=change.at)


def begin_campaign(post: Postcard, campaign_id: str) -> Campaign:
    """Start a draft, resume a paused campaign, or start a scheduled one now.

    Raises:
        WrongState: it runs, is prepared, finished or cancelled already.
    """
    with post.change() as change:
        campaign = get_campaign(change.connection, campaign_id, lock=True)
        if campaign.state is CampaignState.DRAFT:
            return _begin(change, campaign)
        if campaign.state not in {CampaignState.PAUSED, CampaignState.SCHEDULED}:
            raise WrongState(
                f"The campaign is {campaign.state.value}; it cannot be started.", state=campaign.state.value
            )
        change.job("start_campaign", campaign_id)
        return move_campaign(change.connection, campaign_id, CampaignState.PREPARING, at=change.at)


def pause_campaign(post: Postcard, campaign_id: str, *, by: str) -> Campaign:
    """Pause a campaign: what is under way is finished, the rest stays pending."""
    with post.change() as change:
        return move_campaign(
            change.connection, campaign_id, CampaignState.PAUSED, at=change.at, reason=f"Paused by {by}."
        )


def cancel_campaign(post: Postcard, campaign_id: str) -> Campaign:
    """Cancel a campaign for good: what has not left will not leave."""
    with post.change() as change:
        return move_campaign(change.connection, campaign_id, CampaignState.CANCELLED, at=change.at)


def change_draft(post: Postcard, campaign_id: str, wanted: DraftChange) -> Campaign:
    """Change a draft as it would be created, or nothing of it; name and subject of a scheduled campaign, too.

    Raises:
        WrongState: it is no draft any more.
        InvalidRequest: as :func:`create_campaign`.
    """
    with post.database.read() as connection:
        now = get_campaign(connection, campaign_id)
        given = wanted.recipients
        if given is None and not wanted.is_of_words:
            given = recipients_of(connection, campaign_id)
    subject = now.subject if wanted.subject is None else wanted.subject
    order = Order(
        parts=now.parts if wanted.parts is None else wanted.parts,
        recipients=given or (),
        subject=subject,
        name=now.name if wanted.name is None else wanted.name,
        source=now.source,
        mt_config=now.mt_config,
        profile=now.profile if wanted.profile is None else wanted.profile,
        send_at=wanted.send_at if wanted.moves_time else now.send_at,
    )
    if wanted.is_of_words:
        check_order(order)
        name = None if wanted.name is None else wanted.name or usual_name(subject, now.parts) or now.name
        words = {"name": name, "subject": wanted.subject}
        with post.change() as change:
            given_words = {each: word for each, word in words.items() if word is not None}
            return edit_draft(change.connection, campaign_id, given_words)
    senders, new_messages = _assigned(post, order)
    with post.change() as change:
        if wanted.moves_time:
            _check_time(change, order.send_at)
        new, new_messages = _new_campaign(change, order, senders, new_messages, created_by=now.created_by)
        return remake_draft(change.connection, campaign_id, new, new_messages, at=change.at)


def resend_messages(post: Postcard, campaign_id: str, *, unknown: bool) -> tuple[Campaign, int]:
    """Send failed messages again, or, because a person says so, those whose outcome is unknown.

    An unknown one is resent only when its time-out and its claim are well past: by then no worker can still be sending it.

    Raises:
        WrongState: the campaign is not finished or paused, or its media was deleted or taken down.
    """
    with post.change() as change:
        campaign = get_campaign(change.connection, campaign_id, lock=True)
        if campaign.state not in {CampaignState.FINISHED, CampaignState.PAUSED}:
            raise WrongState(
                f"The campaign is {campaign.state.value}; messages are resent once it is finished or paused.",
                state=campaign.state.value,
            )
        _require_media(change, campaign)
        quiet = change.at - timedelta(seconds=claim_seconds(post) + post.settings.openmarket.answer_seconds)
        count = resend(change.connection, campaign_id, unknown=unknown, quiet_before=quiet, at=change.at)
        if count:
            change.job("start_campaign", campaign_id)
            campaign = move_campaign(change.connection, campaign_id, CampaignState.PREPARING, at=change.at)
    return campaign, count


def test_order(campaign: Campaign, numbers: Sequence[str]) -> Order:
    """Make the order of a test: the same parts and subject, to a few numbers of one's own.

    Raises:
        InvalidRequest: more than 5 numbers.
    """
    if len(numbers) > 5:
        raise InvalidRequest("A test goes to at most 5 numbers.", field="recipients")
    return Order(
        parts=campaign.parts,
        recipients=list(numbers),
        subject=campaign.subject,
        name=f"Test of {campaign.name}"[:200],
        source=campaign.source,
        mt_config=campaign.mt_config,
        profile=campaign.profile,
    )
