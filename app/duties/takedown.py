"""Taking down for emergencies (a wrong price, a claim, a face): gone at once, whatever holds it, and never to come back."""

from dataclasses import dataclass
from datetime import timedelta

from app.duties.postcard import Change, Postcard
from app.errors import PostcardError
from app.host.address import sha256_of_key
from app.model.messages import Campaign, Message
from app.model.status import CampaignState
from app.records.assets import find_asset_by_sha256, get_asset, mark_asset_deleted
from app.records.audit import add_audit
from app.records.campaigns import get_campaign, move_campaign
from app.records.objects import discard_object, find_object, forget_object
from app.records.takedowns import (
    assets_with_same_bytes,
    block_content,
    campaigns_of,
    lock_assets,
    messages_at_risk,
    take_objects,
)
from app.telemetry import log, log_error

AT_RISK = timedelta(days=3)
"""OpenMarket may fetch for three days after the last request (docs/infra.md)."""
LISTED = 1_000


@dataclass(frozen=True)
class Takedown:
    """What came of one: ``erased`` False = the store did not answer, and the worker goes on trying.

    ``at_risk`` lists the first 1,000 of ``at_risk_count`` messages whose media may have been fetched, or may come
    from a cache.
    """

    asset_id: str
    audit_id: str
    erased: bool
    paused: tuple[str, ...]
    campaigns: tuple[str, ...]
    blocked_sha256s: tuple[str, ...]
    at_risk_count: int
    at_risk: tuple[Message, ...]


def take_down(post: Postcard, asset_id: str, *, reason: str, by: str) -> Takedown:
    """Delete an asset, its original and its hosted bytes with all versions, block them, and stop what uses them.

    Rows first, in one transaction: from its commit on nothing that links to these bytes is claimed. Then the bytes; whatever
    of that fails is a job that the worker repeats. An asset that was deleted may be taken down, too.
    """
    with post.change() as change:
        # Assets, then campaigns, then objects: a claim holds its campaign when it touches the objects.
        asset = get_asset(change.connection, asset_id, or_deleted=True)
        # After an asset was deleted the same bytes may have come in again: then that upload is meant, too.
        living = find_asset_by_sha256(change.connection, asset.sha256) or asset
        same = {asset_id, *assets_with_same_bytes(change.connection, living.id)}
        lock_assets(change.connection, same)
        why = f"Taken down by {by}: {reason}"
        paused = [each for each in campaigns_of(change.connection, same) if _stop(change, each, why)]
        taken = take_objects(change.connection, living.id)
        sha256s = sorted({asset.sha256, *taken.sha256s})
        block_content(change.connection, sha256s, asset_id=asset_id, reason=reason, created_by=by, at=change.at)
        mark_asset_deleted(change.connection, living.id, change.at)
        discard_object(
            change.connection,
            asset.original_key,
            sha256=asset.sha256,
            content_type=asset.facts.content_type,
            size=asset.facts.bytes,
            at=change.at,
        )
        campaigns = campaigns_of(change.connection, {asset_id, *taken.asset_ids})
        # Those of an upload that came to the same bytes only now; a stopped one is not stopped again.
        paused += [each for each in campaigns if _stop(change, each, why)]
        count, at_risk = messages_at_risk(change.connection, campaigns, since=change.at - AT_RISK, limit=LISTED)
        keys = [*taken.keys, asset.original_key]
        facts = {"keys": keys, "sha256s": sha256s, "paused": paused, "campaigns": campaigns, "at_risk": count}
        audit_id = add_audit(
            change.connection, who=by, action="takedown", subject=asset_id, reason=reason, facts=facts, at=change.at
        )
        for key in keys:
            change.job("erase_object", key)
    log.warning("taken down", asset=asset_id, by=by, keys=keys, at_risk=count, alarm=True)
    erased = [_erase_now(post, key) for key in keys]
    return Takedown(
        asset_id=asset_id,
        audit_id=audit_id,
        erased=all(erased),
        paused=tuple(paused),
        campaigns=tuple(campaigns),
        blocked_sha256s=tuple(sha256s),
        at_risk_count=count,
        at_risk=tuple(at_risk),
    )


def _stop(change: Change, campaign_id: str, reason: str) -> bool:
    """Pause a campaign that could still send; a scheduled one becomes a draft again. Tell whether anything was stopped."""
    campaign: Campaign = get_campaign(change.connection, campaign_id, lock=True)
    then = {
        CampaignState.RUNNING: CampaignState.PAUSED,
        CampaignState.PREPARING: CampaignState.PAUSED,
        CampaignState.SCHEDULED: CampaignState.DRAFT,
    }.get(campaign.state)
    if then is None:
        return False
    move_campaign(change.connection, campaign_id, then, at=change.at, reason=reason)
    return True


def erase_object(post: Postcard, key: str) -> None:
    """Remove the bytes of a key for good, from the bucket and the CDN, then forget its row; doing it again changes nothing."""
    with post.database.read() as connection:
        row = find_object(connection, key)
    post.store.erase(key)
    if key.startswith(post.settings.s3.media_prefix):
        post.store.uncache([key])
    if row is not None:
        with post.change() as change:
            forget_object(change.connection, row)


def _erase_now(post: Postcard, key: str) -> bool:
    try:
        erase_object(post, key)
    except PostcardError as error:
        log_error("not erased yet; the worker tries again", error, key=key, sha256=sha256_of_key(key))
        return False
    return True
