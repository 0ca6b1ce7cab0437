"""Nouns to JSON, in one place: the API answers these, and the pages show them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from app.compose.regions import SERVED
from app.duties.handsets import handset_of
from app.duties.leases import lease_of
from app.duties.postcard import Postcard
from app.duties.preview import Preview
from app.duties.unknown import note_unknown
from app.edge.context import Edge
from app.edge.schemas.assets import AssetOut, RenditionOut
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
from app.model.media import Asset, Rendition
from app.model.messages import AssetPart, Campaign, EmbeddedPart, LinkPart, Message, Recipient, SendablePart, TextPart
from app.records.campaigns import count_messages
from app.records.database import Connection
from app.records.messages import attempts_of
from app.records.objects import renditions_of
from app.records.reports import reports_of


def rendition_out(edge: Edge, rendition: Rendition) -> RenditionOut:
    """Show a rendition with its lease."""
    hosted = [rendition.object] if rendition.object else []
    available, held = lease_of(
        hosted, lifecycle_days=edge.lifecycle_days(), minimum_days=edge.post.settings.lease.minimum_days
    )
    stands, link = rendition.object, edge.post.store.link_to(rendition.key)
    return RenditionOut(
        id=rendition.id,
        profile=rendition.profile,
        url=link.url,
        url_expires_at=link.expires_at,
        content_type=rendition.content_type,
        bytes=rendition.bytes,
        width=rendition.width,
        height=rendition.height,
        sha256=rendition.sha256,
        budget_bytes=rendition.budget.max_bytes,
        side_pixels=rendition.budget.side_pixels,
        given_up=list(rendition.given_up),
        untouched=rendition.untouched,
        quality=asdict(rendition.quality),
        created_at=rendition.created_at,
        stored_at=stands.stored_at if stands else None,
        last_requested_at=stands.last_requested_at if stands else None,
        available_until=available,
        held_until=held,
        verified_at=stands.verified_at if stands else None,
        verified=stands.verified if stands else None,
    )


def assets_out(edge: Edge, connection: Connection, assets: Sequence[Asset]) -> list[AssetOut]:
    """Show assets with their renditions; two queries however many they are."""
    by_asset: dict[str, list[RenditionOut]] = defaultdict(list)
    for rendition in renditions_of(connection, [asset.id for asset in assets]):
        by_asset[rendition.asset_id].append(rendition_out(edge, rendition))
    return [_asset_out(asset, by_asset[asset.id]) for asset in assets]


def _asset_out(asset: Asset, renditions: list[RenditionOut]) -> AssetOut:
    facts = asset.facts
    requested = [each.last_requested_at for each in renditions if each.last_requested_at]
    ends = [each.available_until for each in renditions if each.available_until]
    holds = [each.held_until for each in renditions if each.held_until]
    return AssetOut(
        id=asset.id,
        sha256=asset.sha256,
        filename=asset.filename,
        content_type=facts.content_type,
        bytes=facts.bytes,
        width=facts.width,
        height=facts.height,
        kind=facts.kind.value,
        frames=facts.frames,
        seconds=facts.seconds,
        has_location=facts.has_location,
        created_at=asset.created_at,
        created_by=asset.created_by,
        state=asset.state.value,
        failure=asset.failure,
        last_requested_at=max(requested, default=None),
        available_until=min(ends, default=None),
        held_until=max(holds, default=None),
        renditions=renditions,
    )


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
        parts=[
            {"asset_id": part.asset_id} if isinstance(part, AssetPart) else {"text": part.text}
            for part in campaign.parts
        ],
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
        state=message.state.value,
        mt_id=message.mt_id,
        request_id=message.request_id,
        problem=message.problem,
        attempts=message.attempts,
        attempt_history=attempts,
        reports=reports,
        updated_at=message.updated_at,
    )


def preview_out(preview: Preview) -> PreviewItemOut:
    """Show what everybody of one profile would get."""
    renditions = iter(preview.plan.renditions)
    return PreviewItemOut(
        profile=preview.plan.profile.name,
        limit_bytes=preview.plan.profile.max_bytes,
        message_bytes=preview.message_bytes,
        recipients=preview.recipients,
        sender={**asdict(preview.sender), "kind": preview.sender.kind.value},
        parts=[_part_out(part, renditions) for part in preview.plan.parts],
        advice=list(preview.advice),
        content_type=preview.content_type,
        body=preview.body.decode("utf-8", "replace"),
    )


def _part_out(part: SendablePart, renditions: Iterable[Rendition]) -> PreviewPartOut:
    if isinstance(part, TextPart):
        return PreviewPartOut(text=part.text, bytes=len(part.text.encode()))
    if isinstance(part, EmbeddedPart):
        return PreviewPartOut(content_type=part.content_type, bytes=len(part.content))
    return _link_out(part, next(iter(renditions)))


def _link_out(part: LinkPart, rendition: Rendition) -> PreviewPartOut:
    return PreviewPartOut(
        url=part.url,
        content_type=part.content_type,
        bytes=part.bytes,
        width=rendition.width,
        height=rendition.height,
        given_up=list(rendition.given_up),
        untouched=rendition.untouched,
        asset_id=rendition.asset_id,
    )


def countries_of(recipients: Iterable[Recipient]) -> dict[str, int]:
    """Count recipients by country, the served ones in their order."""
    counts: dict[str, int] = dict.fromkeys(SERVED, 0)
    for each in recipients:
        counts[each.country] = counts.get(each.country, 0) + 1
    return {country: count for country, count in counts.items() if count}
