"""Taken down: gone from the bucket, blocked, and nothing goes on sending it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from app.duties.campaigns import Order, create_campaign, resend_messages
from app.duties.media import host_rendition, keep_upload
from app.duties.postcard import Postcard
from app.duties.takedown import take_down
from app.errors import ContentBlocked, NotFound, WrongState
from app.host.s3 import S3Store
from app.model.media import Budget
from app.model.messages import AssetPart
from app.model.status import CampaignState, MessageState
from app.records.assets import get_asset
from app.records.audit import list_audit
from app.records.jobs import due_jobs
from app.records.objects import renditions_of
from app.records.takedowns import block_content
from app.work.claiming import do_job
from tests.media.pictures import phone_photo
from tests.path import campaign_of, messages_of, spool, upload, work_off
from tests.records.rows import MovableClock
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"
PHOTO = phone_photo(800, 600)


def _sent(post: Postcard) -> tuple[str, str]:
    asset = upload(post, PHOTO)
    campaign = create_campaign(post, Order(parts=(AssetPart(asset.id),), recipients=[TO]), created_by="test")
    work_off(post)
    return asset.id, campaign.id


def test_the_bytes_are_gone_although_a_lease_holds_them_and_do_not_come_back(post: Postcard) -> None:
    asset_id, campaign_id = _sent(post)
    with post.database.read() as connection:
        asset = get_asset(connection, asset_id)
        keys = {each.key for each in renditions_of(connection, [asset_id])}
    done = take_down(post, asset_id, reason="The price is wrong.", by="mia")
    assert done.erased
    for key in keys:
        assert requests.get(post.store.url_of(key), timeout=10).status_code == 404
    for key in (*keys, asset.original_key):
        with pytest.raises(NotFound):
            post.store.describe(key)
    assert done.campaigns == (campaign_id,)
    assert done.paused == ()
    assert (done.at_risk_count, [each.number for each in done.at_risk]) == (1, [TO])
    with pytest.raises(ContentBlocked) as caught:
        upload(post, PHOTO)
    assert "The price is wrong." in caught.value.detail
    with post.database.read() as connection:
        (entry,) = list_audit(connection)
        assert renditions_of(connection, [asset_id]) == []
    assert (entry.who, entry.action, entry.subject, entry.reason) == (
        "mia",
        "takedown",
        asset_id,
        "The price is wrong.",
    )
    assert entry.facts["at_risk"] == 1


def test_campaigns_that_use_it_stop_and_say_why(post: Postcard) -> None:
    asset = upload(post, PHOTO)
    order = Order(parts=(AssetPart(asset.id),), recipients=[TO])
    preparing = create_campaign(post, order, created_by="test")
    with post.database.read() as connection:
        later = post.database.now(connection) + timedelta(days=1)
    scheduled = create_campaign(post, replace(order, send_at=later), created_by="test")
    draft = create_campaign(post, replace(order, start=False), created_by="test")
    other = create_campaign(
        post, replace(order, parts=(AssetPart(upload(post, phone_photo(640, 480)).id),)), created_by="test"
    )
    done = take_down(post, asset.id, reason="A face.", by="mia")
    assert set(done.paused) == {preparing.id, scheduled.id}
    assert done.at_risk_count == 0
    work_off(post)
    assert campaign_of(post, preparing.id).state is CampaignState.PAUSED
    assert campaign_of(post, preparing.id).pause_reason == "Taken down by mia: A face."
    assert campaign_of(post, scheduled.id).state is CampaignState.DRAFT
    assert campaign_of(post, draft.id).state is CampaignState.DRAFT
    assert campaign_of(post, other.id).state is CampaignState.FINISHED
    assert messages_of(post, preparing.id)[TO].attempts == 0


@pytest.mark.parametrize("unknown", [False, True])
def test_messages_are_not_sent_again_without_what_they_showed(
    post: Postcard, sandbox: RunningSandbox, unknown: bool
) -> None:
    sandbox.add_fault("refuse", code=15201, times=1)
    asset_id, campaign_id = _sent(post)
    take_down(post, asset_id, reason="A face.", by="mia")
    with pytest.raises(WrongState) as caught:
        resend_messages(post, campaign_id, unknown=unknown)
    assert caught.value.facts["missing"] == [asset_id]
    work_off(post)
    assert campaign_of(post, campaign_id).state is CampaignState.FINISHED
    assert messages_of(post, campaign_id)[TO].state is MessageState.REFUSED


def test_other_uploads_that_were_fitted_to_the_same_bytes_go_with_it(post: Postcard) -> None:
    asset = upload(post, PHOTO)
    work_off(post)
    with post.database.read() as connection:
        (rendition,) = renditions_of(connection, [asset.id])
    fetched = requests.get(post.store.url_of(rendition.key), timeout=10).content
    copy = upload(post, fetched, "saved-from-the-phone.jpg")
    work_off(post)
    with post.database.read() as connection:
        (same,) = renditions_of(connection, [copy.id])
    assert same.key == rendition.key
    campaign = create_campaign(post, Order(parts=(AssetPart(copy.id),), recipients=[TO]), created_by="test")
    assert take_down(post, asset.id, reason="A claim.", by="mia").paused == (campaign.id,)
    budget = Budget(285_904, 1920)
    with pytest.raises(ContentBlocked):
        host_rendition(post, copy, "universal", budget)
    with pytest.raises(NotFound):
        post.store.describe(rendition.key)


def test_what_is_taken_down_while_it_is_hosted_leaves_nothing(post: Postcard) -> None:
    spooled = spool(post, PHOTO)
    facts = upload(post, phone_photo(640, 480)).facts
    with post.change() as change:
        block_content(
            change.connection, [spooled.sha256], asset_id="ast_x", reason="A face.", created_by="mia", at=change.at
        )
    with pytest.raises(ContentBlocked):
        keep_upload(post, spooled, facts, created_by="test")
    work_off(post)
    prefix = post.settings.s3.originals_prefix
    assert [each.key for each in post.store.list_keys(prefix) if spooled.sha256 in each.key] == []


def test_what_came_in_while_it_was_taken_down_is_erased_however_often_the_store_fails(post: Postcard) -> None:
    spooled = spool(post, PHOTO)
    facts = upload(post, phone_photo(640, 480)).facts
    work_off(post)
    with post.change() as change:
        block_content(
            change.connection, [spooled.sha256], asset_id="ast_x", reason="A face.", created_by="mia", at=change.at
        )
    with pytest.raises(ContentBlocked):
        keep_upload(post, spooled, facts, created_by="test")
    with post.database.read() as connection:
        (job,) = due_jobs(connection, at=post.database.now(connection))
    s3 = replace(post.settings.s3, endpoint_url="http://127.0.0.1:1", connect_seconds=0.2, attempts=1)
    do_job(replace(post, store=S3Store(s3, public_base_url="", access_key="a", secret_key="b")), job)
    prefix = post.settings.s3.originals_prefix
    assert [each.key for each in post.store.list_keys(prefix) if spooled.sha256 in each.key] != []
    clock = post.database.clock = MovableClock()
    clock.at = datetime.now(UTC) + timedelta(minutes=2)
    work_off(post)
    assert [each.key for each in post.store.list_keys(prefix) if spooled.sha256 in each.key] == []


def test_a_store_that_is_away_is_tried_again_by_the_worker(post: Postcard) -> None:
    asset = upload(post, PHOTO)
    work_off(post)
    s3 = replace(post.settings.s3, endpoint_url="http://127.0.0.1:1", connect_seconds=0.2, attempts=1)
    away = replace(post, store=type(post.store)(s3, public_base_url="", access_key="a", secret_key="b"))  # type: ignore[call-arg]  # -- the adapter's own arguments
    assert not take_down(away, asset.id, reason="A face.", by="mia").erased
    assert post.store.describe(asset.original_key).bytes == len(PHOTO)
    with post.database.read() as connection:
        assert len(due_jobs(connection, at=post.database.now(connection))) == 2
    work_off(post)
    with pytest.raises(NotFound):
        post.store.describe(asset.original_key)
