"""Nouns to JSON, in one place: the API answers these, and the pages show them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from app.compose.regions import SERVED
from app.duties.handsets import handset_of
from app.duties.plan import PlannedMedia
from app.duties.postcard import Postcard
from app.duties.preview import Preview
from app.duties.unknown import note_unknown
from app.edge.context import Edge
from app.edge.media_views import rendition_out
from app.edge.schemas.campaigns import (
    AttemptOut,
    CampaignOut,
    HandsetOut,
    MessageOut,
    PreviewItemOut,
    PreviewPartOut,
    ReportOut,
    UnknownOut,
)
from app.model.messages import Campaign, EmbeddedPart, LinkPart, Message, Recipient, TextPart
from app.records.campaigns import count_messages, part_to_json
from app.records.database import Connection
from app.records.messages import attempts_of
from app.records.reports import reports_of


def campaigns_out(connection: Connection, campaigns: Sequence[Campaign]) -> list[CampaignOut]:
    """Show campaigns with their counts."""
    counts = count_messages(connection, [campaign.id for campaign in campaigns])
    return [_campaign_out(campaign, counts[campaign.id]) for campaign in campaigns]


def campaign_out(connection: Connection, campaign: Campaign) -> CampaignOut:
    """Show one campaign, with what is known about its unknown messages."""
    shown = campaigns_out(connection, [campaign])[0]
    note = note_unknown(connection, campaign.id) if shown.counts["unknown"] else None
    return shown.model_copy(update={"unknown_note": UnknownOut(**asdict(note))}) if note else shown


def _campaign_out(campaign: Campaign, counts: dict[str, int]) -> CampaignOut:
    return CampaignOut(
        id=campaign.id,
        name=campaign.name,
        state=campaign.state.value,
        subject=campaign.subject,
        source=campaign.source,
        mt_config=campaign.mt_config,
        profile=campaign.profile,
        parts=[part_to_json(part) for part in campaign.parts],
        counts=counts,
        recipients=sum(counts.values()),
        pause_reason=campaign.pause_reason,
        created_at=campaign.created_at,
        created_by=campaign.created_by,
        send_at=campaign.send_at,
        started_at=campaign.started_at,
        finished_at=campaign.finished_at,
    )


def messages_out(connection: Connection, messages: Sequence[Message]) -> list[MessageOut]:
    """Show messages with their attempts and reports; three queries however many they are."""
    ids = [message.id for message in messages]
    attempts: dict[str, list[AttemptOut]] = defaultdict(list)
    for attempt in attempts_of(connection, ids):
        facts = {name: getattr(attempt, name) for name in AttemptOut.model_fields}
        attempts[attempt.message_id].append(AttemptOut(**{**facts, "state": attempt.state.value}))
    reports: dict[str, list[ReportOut]] = defaultdict(list)
    for report in reports_of(connection, ids):
        reports[report.message_id].append(ReportOut(**{name: getattr(report, name) for name in ReportOut.model_fields}))
    return [_message_out(message, attempts[message.id], reports[message.id]) for message in messages]


def message_out(post: Postcard, connection: Connection, message: Message) -> MessageOut:
    """Show one message, with what is known of the handset."""
    shown = messages_out(connection, [message])[0]
    known = handset_of(post, connection, message.number)
    return shown.model_copy(update={"handset": HandsetOut(**asdict(known))}) if known else shown


def _message_out(message: Message, attempts: list[AttemptOut], reports: list[ReportOut]) -> MessageOut:
    return MessageOut(
        id=message.id,
        campaign_id=message.campaign_id,
        number=message.number,
        country=message.country,
        operator_id=message.operator_id,
        profile=message.profile,
        side_pixels=message.side_pixels,
        state=message.state.value,
        mt_id=message.mt_id,
        request_id=message.request_id,
        problem=message.problem,
        attempts=message.attempts,
        attempt_history=attempts,
        reports=reports,
        updated_at=message.updated_at,
    )


def preview_out(edge: Edge, preview: Preview, posters: Mapping[str, str]) -> PreviewItemOut:
    """Show what everybody of one limit would get; ``posters`` are the stills of clips by their asset."""
    plan = preview.plan
    media = iter(plan.media)
    return PreviewItemOut(
        profile=plan.profile.name,
        side_pixels=plan.profile.side_pixels,
        limit_bytes=plan.profile.max_bytes,
        media_bytes=plan.room_bytes,
        message_bytes=preview.message_bytes,
        recipients=preview.recipients,
        suppressed=preview.suppressed,
        reason=preview.reason,
        sender={**asdict(preview.sender), "kind": preview.sender.kind.value},
        parts=[
            _link_out(edge, part, next(media), posters) if isinstance(part, LinkPart) else _part_out(part)
            for part in plan.parts
        ],
        advice=list(preview.advice),
        content_type=preview.content_type,
        body=preview.body.decode("utf-8", "replace"),
    )


def _part_out(part: TextPart | EmbeddedPart) -> PreviewPartOut:
    if isinstance(part, TextPart):
        return PreviewPartOut(text=part.text, bytes=len(part.text.encode()))
    return PreviewPartOut(content_type=part.content_type, bytes=len(part.content))


def _link_out(edge: Edge, part: LinkPart, planned: PlannedMedia, posters: Mapping[str, str]) -> PreviewPartOut:
    rendition = planned.rendition
    return PreviewPartOut(
        url=part.url,
        content_type=part.content_type,
        bytes=part.bytes,
        width=rendition.width,
        height=rendition.height,
        given_up=list(rendition.given_up),
        untouched=rendition.untouched,
        asset_id=rendition.asset_id,
        budget_bytes=planned.share_bytes,
        rendition=rendition_out(edge, rendition, planned.asset.facts),
        poster_url=posters.get(rendition.asset_id),
    )


def advise_suppressed(count: int) -> list[str]:
    """Say that some recipients will get nothing; nothing to be said of none."""
    if not count:
        return []
    return [
        f"{count:,} number{'' if count == 1 else 's'} {'has' if count == 1 else 'have'} opted out and will get nothing."
    ]


def countries_of(recipients: Iterable[Recipient]) -> dict[str, int]:
    """Count recipients by country, the served ones in their order."""
    counts: dict[str, int] = dict.fromkeys(SERVED, 0)
    for each in recipients:
        counts[each.country] = counts.get(each.country, 0) + 1
    return {country: count for country, count in counts.items() if count}
