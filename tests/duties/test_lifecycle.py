"""The lease with a real lifecycle: what a campaign named stays, what was merely uploaded again goes, short rules pause."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.duties.campaigns import Order, create_campaign
from app.duties.leases import LeaseKeeper
from app.duties.postcard import Postcard
from app.errors import NotFound
from app.host.bucket import BucketPlan, apply_bucket
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.model.media import Asset, Rendition
from app.model.messages import AssetPart
from app.model.status import CampaignState
from app.records.jobs import take_lock
from app.records.objects import renditions_of
from app.records.tables import campaigns, locks
from app.work.recovery import hourly
from tests.media.pictures import phone_photo
from tests.path import campaign_of, messages_of, upload, wait_until, work_off
from tests.servers.seaweed import make_store
from tests.servers.seaweed_filer import backdate

TO = "12515550130"


def _hosted(post: Postcard, width: int) -> tuple[Asset, Rendition]:
    asset = upload(post, phone_photo(width, 600))
    work_off(post)
    with post.database.read() as connection:
        (rendition,) = renditions_of(connection, [asset.id])
    return asset, rendition


def _grow_old(seaweed: EmbeddedStore, post: Postcard, rendition: Rendition, days: int) -> None:
    backdate(seaweed, bucket=post.settings.s3.bucket, key=rendition.key, age=timedelta(days=days))


def _is_gone_after_a_run(seaweed: EmbeddedStore, post: Postcard, rendition: Rendition) -> bool:
    seaweed.apply_lifecycle()
    try:
        post.store.describe(rendition.key)
    except NotFound:
        return True
    return False


def test_a_campaign_renews_what_it_names_and_an_upload_of_the_same_bytes_does_not(
    post: Postcard, seaweed: EmbeddedStore
) -> None:
    (named, renewed), (_, repeated) = _hosted(post, 800), _hosted(post, 900)
    for each in (renewed, repeated):
        _grow_old(seaweed, post, each, 27)
    before = post.store.describe(repeated.key)
    _hosted(post, 900)  # the same bytes once more
    assert post.store.describe(repeated.key).stored_at == before.stored_at
    campaign = create_campaign(post, Order(parts=(AssetPart(named.id),), recipients=[TO]), created_by="test")
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    # Three days and two hours later, which is when OpenMarket may fetch for the last time, retries included.
    for each in (renewed, repeated):
        _grow_old(seaweed, post, each, 4)
    # A run on a store that has taken much shortly before may leave something to the next one.
    wait_until(lambda: _is_gone_after_a_run(seaweed, post, repeated))
    assert post.store.describe(renewed.key).sha256 == renewed.sha256


def test_workers_that_renew_at_the_same_time_copy_once(post: Postcard, seaweed: EmbeddedStore) -> None:
    _, rendition = _hosted(post, 800)
    _grow_old(seaweed, post, rendition, 27)
    copies: list[str] = []

    def heard(model: Any, **rest: Any) -> None:
        del rest
        copies.append(model.name)

    assert isinstance(post.store, S3Store)
    post.store.client.meta.events.register("before-call.s3.CopyObject", heard)
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda _: LeaseKeeper(post, [rendition]).keep(), range(8)))
    assert copies == ["CopyObject"]
    assert datetime.now(UTC) - post.store.describe(rendition.key).stored_at < timedelta(minutes=5)
    with post.database.read() as connection:
        assert connection.execute(sa.select(locks).where(locks.c.name.like("renew:%"))).all() == []


def test_a_worker_that_died_while_it_renewed_holds_nobody_up_for_long(post: Postcard, seaweed: EmbeddedStore) -> None:
    _, rendition = _hosted(post, 800)
    _grow_old(seaweed, post, rendition, 27)
    with post.change() as change:
        assert take_lock(change.connection, f"renew:{rendition.sha256}", "dead", at=change.at, seconds=2)
    LeaseKeeper(post, [rendition]).keep()
    assert datetime.now(UTC) - post.store.describe(rendition.key).stored_at < timedelta(minutes=5)


@pytest.fixture
def own_bucket(post: Postcard, seaweed: EmbeddedStore) -> Postcard:
    """The path on a bucket of its own, whose rules may change."""
    s3 = replace(post.settings.s3, bucket="changing")
    store = make_store(seaweed, s3)
    _apply(store, post, days=30)
    return replace(post, store=store, settings=replace(post.settings, s3=s3))


def _apply(store: S3Store, post: Postcard, *, days: int) -> None:
    s3 = replace(post.settings.s3, bucket="changing")
    apply_bucket(store.client, BucketPlan(s3=s3, lifecycle_days=days, originals_days=0, public=True))


def _running_campaign(post: Postcard) -> str:
    asset, _ = _hosted(post, 800)
    campaign = create_campaign(
        post, Order(parts=(AssetPart(asset.id),), recipients=[TO], start=False), created_by="test"
    )
    with post.change() as change:
        change.connection.execute(sa.update(campaigns).values(state=CampaignState.RUNNING))
    return campaign.id


def test_the_hourly_look_pauses_a_running_campaign_when_somebody_shortened_the_rule(own_bucket: Postcard) -> None:
    running = _running_campaign(own_bucket)
    hourly(own_bucket)
    assert campaign_of(own_bucket, running).state is CampaignState.RUNNING
    assert isinstance(own_bucket.store, S3Store)
    _apply(own_bucket.store, own_bucket, days=3)
    with own_bucket.change() as change:
        change.connection.execute(sa.text("DELETE FROM locks"))  # an hour later
    hourly(own_bucket)
    paused = campaign_of(own_bucket, running)
    assert paused.state is CampaignState.PAUSED
    assert "removes media 3 days after the last write" in paused.pause_reason
    assert "POSTCARD_LEASE_LIFECYCLE_DAYS" in paused.pause_reason


def test_a_campaign_does_not_start_under_rules_that_are_too_short(own_bucket: Postcard) -> None:
    asset, _ = _hosted(own_bucket, 800)
    assert isinstance(own_bucket.store, S3Store)
    _apply(own_bucket.store, own_bucket, days=3)
    campaign = create_campaign(own_bucket, Order(parts=(AssetPart(asset.id),), recipients=[TO]), created_by="test")
    work_off(own_bucket)
    assert campaign_of(own_bucket, campaign.id).state is CampaignState.PAUSED
    assert messages_of(own_bucket, campaign.id)[TO].attempts == 0


def test_lease_rows_are_written_once_a_group_and_not_once_a_message(post: Postcard) -> None:
    asset, rendition = _hosted(post, 800)
    written: list[str] = []

    def heard(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE objects SET last_requested_at"):
            written.append(statement)

    numbers = [f"1251555{number:04}" for number in range(1, 61)]
    before = post.store.describe(rendition.key)
    sa.event.listen(post.database.engine, "before_cursor_execute", heard)
    campaign = create_campaign(post, Order(parts=(AssetPart(asset.id),), recipients=numbers), created_by="test")
    work_off(post)
    sa.event.remove(post.database.engine, "before_cursor_execute", heard)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    assert len(messages_of(post, campaign.id)) == 60
    assert 1 <= len(written) <= 15
    assert post.store.describe(rendition.key).stored_at == before.stored_at
