"""What a campaign links to is kept, or the campaign does not send."""

from dataclasses import replace
from typing import Any

import pytest

from app.duties.campaigns import Order, create_campaign
from app.duties.leases import LeaseKeeper, verify_once
from app.duties.postcard import Postcard
from app.errors import MediaUnreachable, StoreMisconfigured
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.model.media import Rendition
from app.model.messages import AssetPart
from app.model.status import CampaignState
from app.records.objects import find_object, renditions_of, settle_verification
from tests.media.pictures import phone_photo
from tests.path import campaign_of, upload, work_off

TO = "12515550130"


def _with_minimum(post: Postcard, days: int) -> Postcard:
    return replace(post, settings=replace(post.settings, lease=replace(post.settings.lease, minimum_days=days)))


def test_an_object_that_goes_too_early_even_when_renewed_stops_the_send(post: Postcard) -> None:
    asset = upload(post, phone_photo(800, 600))
    work_off(post)
    with post.database.read() as connection:
        renditions = renditions_of(connection, [asset.id])
    LeaseKeeper(post, renditions).keep()
    # The bucket's rule says 30 days: no renewal makes an object stay for 60.
    with pytest.raises(StoreMisconfigured) as caught:
        LeaseKeeper(_with_minimum(post, 60), renditions).keep()
    assert "POSTCARD_LEASE_LIFECYCLE_DAYS" in caught.value.detail
    assert caught.value.facts["minimum_days"] == 60


def test_a_campaign_whose_media_would_go_too_early_pauses_and_says_why(post: Postcard) -> None:
    asset = upload(post, phone_photo(800, 600))
    work_off(post)
    longer = _with_minimum(post, 60)
    campaign = create_campaign(longer, Order(parts=(AssetPart(asset.id),), recipients=[TO]), created_by="test")
    work_off(longer)
    paused = campaign_of(post, campaign.id)
    assert paused.state is CampaignState.PAUSED
    assert "POSTCARD_LEASE_LIFECYCLE_DAYS" in paused.pause_reason


def _hosted(post: Postcard) -> Rendition:
    asset = upload(post, phone_photo(800, 600))
    work_off(post)
    with post.database.read() as connection:
        (rendition,) = renditions_of(connection, [asset.id])
    return rendition


def _verified(post: Postcard, key: str) -> dict[str, Any]:
    with post.database.read() as connection:
        found = find_object(connection, key)
    assert found is not None
    return found.verified or {}


def test_what_was_fetched_over_one_url_is_fetched_again_over_another(post: Postcard, seaweed: EmbeddedStore) -> None:
    rendition = _hosted(post)
    verify_once(post, rendition)
    with post.database.read() as connection:
        (rendition,) = renditions_of(connection, [rendition.asset_id])
    elsewhere = S3Store(
        post.settings.s3,
        public_base_url="http://127.0.0.1:9/media",
        access_key=seaweed.access_key,
        secret_key=seaweed.secret_key,
    )
    with pytest.raises(MediaUnreachable):
        verify_once(replace(post, store=elsewhere), rendition)
    assert _verified(post, rendition.key)["ok"] is False


def test_what_was_fetched_is_not_fetched_again_over_the_same_url(post: Postcard) -> None:
    rendition = _hosted(post)
    marked = {"ok": True, "url": post.store.url_of(rendition.key), "mark": 1}
    with post.change() as change:
        settle_verification(change.connection, rendition.key, marked, change.at)
    LeaseKeeper(post, [rendition]).keep()
    assert _verified(post, rendition.key) == marked


def test_what_was_restored_is_fetched_again_before_anything_leaves(post: Postcard) -> None:
    rendition = _hosted(post)
    marked = {"ok": True, "url": post.store.url_of(rendition.key), "mark": 1}
    with post.change() as change:
        settle_verification(change.connection, rendition.key, marked, change.at)
    post.store.delete(rendition.key)
    LeaseKeeper(post, [rendition]).keep()
    found = _verified(post, rendition.key)
    assert found["ok"] is True
    assert "mark" not in found
