"""What a campaign links to is kept, or the campaign does not send."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from app.duties.campaigns import Order, begin_campaign, create_campaign
from app.duties.fitting import POSTER
from app.duties.leases import LeaseKeeper, verify_once
from app.duties.media import host_rendition
from app.duties.postcard import Postcard
from app.duties.takedown import take_down
from app.errors import MediaUnreachable, NotFound, StoreMisconfigured
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.limits import budget_of, profiles
from app.model.media import Rendition
from app.model.messages import AssetPart
from app.model.status import CampaignState
from app.records.objects import find_object, renditions_of, settle_verification
from app.records.tables import objects, renditions
from tests.media.clips import clip
from tests.media.pictures import phone_photo, photograph, save
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


def test_a_lost_picture_that_this_version_fits_otherwise_is_made_anew_by_the_next_start(post: Postcard) -> None:
    rendition = _hosted(post)
    other_key = rendition.key.replace(rendition.sha256, "0" * 64)
    with post.change() as change:
        facts = {"sha256": "0" * 64, "content_type": "image/jpeg", "bytes": 1, "state": "hosted"}
        change.connection.execute(sa.insert(objects).values(key=other_key, **facts))
        change.connection.execute(sa.update(renditions).values(key=other_key))
    order = Order(parts=(AssetPart(rendition.asset_id),), recipients=[TO], profile="universal")
    campaign = create_campaign(post, order, created_by="test")
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.PAUSED
    assert "Start the campaign again" in campaign_of(post, campaign.id).pause_reason
    begin_campaign(post, campaign.id)
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    with post.database.read() as connection:
        assert [each.key for each in renditions_of(connection, [rendition.asset_id])] == [rendition.key]


def test_a_lost_poster_is_made_again_by_the_next_start_with_the_same_bytes(post: Postcard) -> None:
    asset = upload(post, clip("clip.mp4", 2, size="160x90"), "clip.mp4")
    work_off(post)
    with post.database.read() as connection:
        (poster,) = [each for each in renditions_of(connection, [asset.id]) if each.profile == POSTER]
    post.store.delete(poster.key)
    with pytest.raises(NotFound):
        post.store.describe(poster.key)
    order = Order(parts=(AssetPart(asset.id),), recipients=[TO], profile="universal")
    campaign = create_campaign(post, order, created_by="test")
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    assert post.store.describe(poster.key).sha256 == poster.sha256
    answer = requests.get(post.store.url_of(poster.key), timeout=10)
    assert hashlib.sha256(answer.content).hexdigest() == poster.sha256


def _at(post: Postcard, setting: str) -> Postcard:
    return replace(post, settings=replace(post.settings, fit=replace(post.settings.fit, setting=setting)))


_ENCODERS = {
    "best": "libjpeg-turbo with our tables, baseline 4:2:0",
    "fast": "libjpeg-turbo, baseline 4:2:0, plain Huffman tables",
}


@pytest.mark.parametrize(("made_at", "other"), [("best", "fast"), ("fast", "best")])
def test_what_was_made_at_one_setting_stays_at_the_other_and_is_restored_to_the_same_bytes(
    post: Postcard, made_at: str, other: str
) -> None:
    asset = upload(post, save(photograph(1600, 1200, seed=6, grain=0.05), "JPEG", quality=95))
    budget = budget_of(profiles()["universal"])
    made, later = host_rendition(_at(post, made_at), asset, "universal", budget), _at(post, other)
    assert host_rendition(later, asset, "universal", budget) == made
    assert (made.fast, made.quality.encoder) == (made_at == "fast", _ENCODERS[made_at])
    post.store.delete(made.key)
    LeaseKeeper(later, [made]).keep()
    assert post.store.describe(made.key).sha256 == made.sha256
    # What is made from then on is made at the setting that stands.
    assert host_rendition(later, asset, "large", budget).quality.encoder == _ENCODERS[other]


def test_a_poster_that_cannot_be_made_again_keeps_no_message_back(post: Postcard) -> None:
    asset = upload(post, clip("clip.mp4", 2, size="160x90"), "clip.mp4")
    work_off(post)
    with post.database.read() as connection:
        (poster,) = [each for each in renditions_of(connection, [asset.id]) if each.profile == POSTER]
    post.store.delete(poster.key)
    post.store.delete(asset.original_key)
    order = Order(parts=(AssetPart(asset.id),), recipients=[TO], profile="universal")
    campaign = create_campaign(post, order, created_by="test")
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED


def test_a_picture_that_is_taken_down_while_it_is_renewed_stays_gone(post: Postcard) -> None:
    rendition = _hosted(post)
    take_down(post, rendition.asset_id, reason="A face.", by="mia")
    copied = post.spool_dir / "copied"
    copied.write_bytes(b"GIF89a")
    sha256 = hashlib.sha256(b"GIF89a").hexdigest()
    put = post.store.put_media(copied, sha256=sha256, content_type="image/gif")
    # A renewal whose copy came after the bytes were erased, as a store with versions allows.
    stale = replace(rendition, key=put.key, sha256=sha256)
    with pytest.raises(StoreMisconfigured):
        LeaseKeeper(_with_minimum(post, 60), [stale]).keep()
    work_off(post)
    with pytest.raises(NotFound):
        post.store.describe(put.key)
