"""What is deleted goes for good, whatever comes between: a store that is away, a crash, an upload, a fitting, a campaign."""

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.duties.campaigns import Order, create_campaign
from app.duties.leases import LeaseKeeper
from app.duties.postcard import Change, Postcard
from app.duties.reconcile import reconcile
from app.duties.removal import finish_deletions, remove_asset
from app.duties.takedown import take_down
from app.errors import ContentBlocked, NotFound, StillHeld, StoreUnavailable
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.model.media import Asset, Rendition
from app.model.messages import AssetPart, Campaign
from app.model.status import CampaignState
from app.pipeline import make_rendition
from app.records.assets import get_asset, mark_asset_deleted
from app.records.campaigns import get_campaign
from app.records.jobs import due_jobs
from app.records.objects import all_objects, note_requested, objects_being_deleted, renditions_of
from app.records.tables import jobs
from app.records.takedowns import lock_assets
from app.work.claiming import do_job
from app.work.recovery import sweep
from tests.media.pictures import phone_photo
from tests.path import campaign_of, upload, work_off
from tests.records.rows import MovableClock
from tests.servers.seaweed import make_store
from tests.servers.seaweed_filer import backdate

TO = "12515550130"
PHOTO = phone_photo(800, 600)


@dataclass
class Meanwhile:
    """The real store, before or after whose next call of a method something else happens, once."""

    behind: Any
    method: str
    happens: Callable[[], object]
    before: bool = False
    happened: bool = False

    def __getattr__(self, name: str) -> Any:
        """Hand every call on."""
        call = getattr(self.behind, name)
        if name != self.method or self.happened:
            return call
        self.happened = True

        def with_company(*args: Any, **kwargs: Any) -> Any:
            if self.before:
                self.happens()
            result = call(*args, **kwargs)
            if not self.before:
                self.happens()
            return result

        return with_company


def hosted(post: Postcard) -> tuple[Asset, Rendition]:
    asset = upload(post, PHOTO)
    work_off(post)
    with post.database.read() as connection:
        (rendition,) = renditions_of(connection, [asset.id])
    return asset, rendition


def away(post: Postcard) -> Postcard:
    """The path with a store that takes no connection."""
    s3 = replace(post.settings.s3, endpoint_url="http://127.0.0.1:1", connect_seconds=0.2, attempts=1)
    return replace(post, store=S3Store(s3, public_base_url="", access_key="a", secret_key="b"))


def keys_in(post: Postcard) -> list[str]:
    """Everything that the bucket has of this test."""
    prefixes = (post.settings.s3.media_prefix, post.settings.s3.originals_prefix)
    return [each.key for prefix in prefixes for each in post.store.list_keys(prefix)]


def rows_of(post: Postcard) -> list[str]:
    with post.database.read() as connection:
        return [each.key for each in all_objects(connection)]


def delete(post: Postcard, asset_id: str) -> None:
    remove_asset(post, asset_id)


def take(post: Postcard, asset_id: str) -> None:
    take_down(post, asset_id, reason="A face.", by="mia")


GONE = pytest.mark.parametrize("gone", [delete, take])


@GONE
@pytest.mark.parametrize("trouble", ["away", "rights"])
def test_a_deletion_is_tried_until_the_store_does_it(
    post: Postcard, seaweed: EmbeddedStore, gone: Callable[[Postcard, str], None], trouble: str
) -> None:
    asset, _ = hosted(post)
    clock = post.database.clock = MovableClock()
    stranger = S3Store(post.settings.s3, public_base_url="", access_key=seaweed.access_key, secret_key="wrong")
    troubled = away(post) if trouble == "away" else replace(post, store=stranger)
    gone(troubled, asset.id)
    for _ in range(10):
        clock.move(minutes=2)
        with post.database.read() as connection:
            due = due_jobs(connection, at=clock.now())
        for job_id in due:
            do_job(troubled, job_id)
    assert len(keys_in(post)) == 2
    clock.move(minutes=2)
    work_off(post)
    assert (keys_in(post), rows_of(post)) == ([], [])


@GONE
def test_the_sweeper_goes_on_with_a_deletion_whose_job_was_lost(
    either: Postcard, gone: Callable[[Postcard, str], None]
) -> None:
    asset, _ = hosted(either)
    gone(away(either), asset.id)
    with either.database.write() as connection:
        connection.execute(sa.delete(jobs))
    sweep(either)
    work_off(either)
    assert (keys_in(either), rows_of(either)) == ([], [])


def test_what_is_being_deleted_and_is_still_there_is_told(post: Postcard, seaweed: EmbeddedStore) -> None:
    asset, rendition = hosted(post)
    remove_asset(away(post), asset.id)
    backdate(seaweed, bucket="media", key=rendition.key, age=timedelta(days=2))
    assert reconcile(post).orphans == (rendition.key,)


def test_what_was_taken_down_and_is_still_there_is_erased_by_the_daily_look(post: Postcard) -> None:
    asset, rendition = hosted(post)
    take_down(away(post), asset.id, reason="A face.", by="mia")
    assert set(reconcile(post).came_back) == {rendition.key, asset.original_key}
    assert (keys_in(post), rows_of(post)) == ([], [])


@GONE
@pytest.mark.parametrize("before", [True, False])
def test_an_asset_that_goes_while_it_is_fitted_leaves_nothing(
    either: Postcard, gone: Callable[[Postcard, str], None], *, before: bool
) -> None:
    asset = upload(either, PHOTO)
    fitting = Meanwhile(either.store, "put_media", lambda: gone(either, asset.id), before=before)
    work_off(replace(either, store=fitting))
    assert fitting.happened
    assert (keys_in(either), rows_of(either)) == ([], [])


def test_what_another_upload_needs_stays_when_the_asset_goes_while_it_is_fitted(either: Postcard) -> None:
    first, rendition = hosted(either)
    copy = either.spool_dir / "copy"
    either.store.fetch(rendition.key, copy)
    second = upload(either, copy.read_bytes())
    copy.unlink()
    fitting = Meanwhile(either.store, "put_media", lambda: remove_asset(either, second.id), before=True)
    work_off(replace(either, store=fitting))
    assert fitting.happened
    with either.database.read() as connection:
        assert [each.key for each in renditions_of(connection, [first.id])] == [rendition.key]
        assert objects_being_deleted(connection) == []
    assert sorted(keys_in(either)) == sorted([rendition.key, first.original_key])


def test_a_deletion_waits_for_the_campaign_that_is_being_created_and_is_refused(either: Postcard) -> None:
    asset, _ = hosted(either)
    came: list[type[BaseException]] = []

    def remove() -> None:
        try:
            remove_asset(either, asset.id)
        except StillHeld as error:
            came.append(type(error))

    thread = threading.Thread(target=remove)

    def in_the_creating_transaction(change: Change, campaign: Campaign) -> None:
        del change, campaign
        thread.start()
        thread.join(0.5)

    order = Order(parts=(AssetPart(asset.id),), recipients=[TO], start=False)
    create_campaign(either, order, created_by="test", remember=in_the_creating_transaction)
    thread.join()
    assert came == [StillHeld]
    with either.database.read() as connection:
        assert get_asset(connection, asset.id)


def test_a_campaign_waits_for_the_deletion_that_is_under_way_and_is_refused(either: Postcard) -> None:
    asset, _ = hosted(either)
    order = Order(parts=(AssetPart(asset.id),), recipients=[TO], start=False)
    came: list[type[BaseException]] = []

    def create() -> None:
        try:
            create_campaign(either, order, created_by="test")
        except NotFound as error:
            came.append(type(error))

    thread = threading.Thread(target=create)
    with either.change() as change:
        lock_assets(change.connection, [asset.id])
        thread.start()
        thread.join(0.5)
        mark_asset_deleted(change.connection, asset.id, change.at)
    thread.join()
    assert came == [NotFound]


def test_an_asset_that_was_deleted_can_still_be_taken_down(either: Postcard) -> None:
    asset, _ = hosted(either)
    remove_asset(either, asset.id)
    done = take_down(either, asset.id, reason="A face.", by="mia")
    assert asset.sha256 in done.blocked_sha256s
    with pytest.raises(ContentBlocked):
        upload(either, PHOTO)


def test_what_came_in_again_after_it_was_deleted_is_taken_down_with_it(either: Postcard) -> None:
    asset, _ = hosted(either)
    remove_asset(either, asset.id)
    again, _ = hosted(either)
    campaign = create_campaign(
        either, Order(parts=(AssetPart(again.id),), recipients=[TO], start=False), created_by="test"
    )
    done = take_down(either, asset.id, reason="A face.", by="mia")
    assert done.campaigns == (campaign.id,)
    assert (keys_in(either), rows_of(either)) == ([], [])
    with either.database.read() as connection, pytest.raises(NotFound):
        get_asset(connection, again.id)


def test_a_takedown_and_a_claim_of_the_same_campaign_do_not_lock_each_other_out(either: Postcard) -> None:
    asset, rendition = hosted(either)
    campaign = create_campaign(either, Order(parts=(AssetPart(asset.id),), recipients=[TO]), created_by="test")
    paused: list[str] = []
    thread = threading.Thread(
        target=lambda: paused.extend(take_down(either, asset.id, reason="A face.", by="mia").paused)
    )
    with either.change() as change:
        get_campaign(change.connection, campaign.id, lock=True)
        thread.start()
        thread.join(0.5)
        note_requested(change.connection, [rendition.key], change.at)
    thread.join()
    assert paused == [campaign.id]
    assert campaign_of(either, campaign.id).state is CampaignState.PAUSED


def test_a_lost_picture_that_is_taken_down_while_it_is_restored_stays_gone(either: Postcard) -> None:
    asset, rendition = hosted(either)
    either.store.delete(rendition.key)
    restoring = Meanwhile(either.store, "put_media", lambda: take(either, asset.id), before=True)
    with pytest.raises(ContentBlocked):
        LeaseKeeper(replace(either, store=restoring), [rendition]).keep()
    work_off(either)
    assert (keys_in(either), rows_of(either)) == ([], [])


def test_the_same_bytes_come_in_again_only_when_the_deletion_of_their_original_has_ended(either: Postcard) -> None:
    asset, _ = hosted(either)
    remove_asset(away(either), asset.id)
    with pytest.raises(StoreUnavailable, match="being deleted"):
        upload(either, PHOTO)
    finish_deletions(either)
    again, _ = hosted(either)
    assert again.id != asset.id
    assert either.store.describe(again.original_key)


def test_an_original_that_a_deletion_takes_between_put_and_row_is_put_again(either: Postcard) -> None:
    asset, _ = hosted(either)
    remove_asset(away(either), asset.id)
    uploading = Meanwhile(either.store, "put_original", lambda: finish_deletions(either))
    again = upload(replace(either, store=uploading), PHOTO)
    assert uploading.happened
    assert either.store.describe(again.original_key).bytes == len(PHOTO)


def test_a_deletion_under_way_does_not_forget_what_was_put_and_discarded_after_it(either: Postcard) -> None:
    asset = upload(either, PHOTO)
    about_to_put, bytes_are_gone = threading.Event(), threading.Event()

    def wait_for_the_deletion() -> None:
        about_to_put.set()
        bytes_are_gone.wait(10)

    def fit() -> None:
        fitting = Meanwhile(either.store, "put_media", wait_for_the_deletion, before=True)
        with suppress(NotFound):
            make_rendition(replace(either, store=fitting), asset.id, "universal")

    thread = threading.Thread(target=fit)

    def let_it_put() -> None:
        bytes_are_gone.set()
        thread.join()

    thread.start()
    about_to_put.wait(30)
    # After the bytes were deleted, before their row is forgotten.
    remove_asset(replace(either, store=Meanwhile(either.store, "uncache", let_it_put)), asset.id)
    assert len(keys_in(either)) == 1
    work_off(either)
    assert (keys_in(either), rows_of(either)) == ([], [])


def test_a_lost_original_is_mended_by_the_same_upload(either: Postcard) -> None:
    asset, _ = hosted(either)
    either.store.delete(asset.original_key)
    assert upload(either, PHOTO).id == asset.id
    assert either.store.describe(asset.original_key).bytes == len(PHOTO)


def test_a_known_file_is_not_put_again_while_its_original_is_there(post: Postcard) -> None:
    asset, _ = hosted(post)
    puts = Meanwhile(post.store, "put_original", lambda: None)
    assert upload(replace(post, store=puts), PHOTO).id == asset.id
    assert not puts.happened


@pytest.fixture
def versioned(post: Postcard, seaweed: EmbeddedStore) -> Postcard:
    """The path on a bucket that keeps old versions."""
    s3 = replace(post.settings.s3, bucket=f"versions-{secrets.token_hex(4)}")
    store = make_store(seaweed, s3)
    store.client.create_bucket(Bucket=s3.bucket)
    store.client.put_bucket_versioning(Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"})
    return replace(post, store=store, settings=replace(post.settings, s3=s3))


def versions_in(post: Postcard) -> list[Any]:
    """Every version that the bucket has; a delete marker holds no bytes."""
    assert isinstance(post.store, S3Store)
    listed: dict[str, Any] = dict(post.store.client.list_object_versions(Bucket=post.settings.s3.bucket))
    return list(listed.get("Versions", ()))


def test_a_deletion_leaves_no_old_version_for_a_takedown_that_comes_later(versioned: Postcard) -> None:
    asset, rendition = hosted(versioned)
    versioned.store.renew(rendition.key)
    assert len(versions_in(versioned)) == 3
    remove_asset(versioned, asset.id)
    assert versions_in(versioned) == []
    take_down(versioned, asset.id, reason="A face.", by="mia")
    assert versions_in(versioned) == []


def test_nothing_of_a_deleted_asset_is_found(either: Postcard) -> None:
    asset, rendition = hosted(either)
    remove_asset(either, asset.id)
    for key in (asset.original_key, rendition.key):
        with pytest.raises(NotFound):
            either.store.describe(key)
