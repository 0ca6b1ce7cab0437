"""Rows and bucket compared, both ways, on a real bucket."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.duties.postcard import Postcard
from app.duties.reconcile import PIXEL, PIXEL_SHA256, reconcile
from app.duties.takedown import take_down
from app.errors import NotFound
from app.host.embedded import EmbeddedStore
from app.model.media import Asset, Rendition
from app.records.objects import note_requested, renditions_of
from app.work.recovery import daily
from tests.media.pictures import phone_photo
from tests.path import spool, upload, work_off
from tests.servers.seaweed_filer import backdate

OLD = timedelta(days=2)


@pytest.fixture
def hosted(post: Postcard) -> tuple[Asset, Rendition]:
    """A photo that is uploaded, fitted and hosted."""
    asset = upload(post, phone_photo(800, 600))
    work_off(post)
    with post.database.read() as connection:
        (rendition,) = renditions_of(connection, [asset.id])
    return asset, rendition


def _stray(post: Postcard, seaweed: EmbeddedStore, content: bytes, *, age: timedelta) -> str:
    file = spool(post, content)
    key = post.store.put_media(file.path, sha256=file.sha256, content_type="image/gif").key
    backdate(seaweed, bucket="media", key=key, age=age)
    return key


def test_where_all_is_well_nothing_is_told(
    post: Postcard, hosted: tuple[Asset, Rendition], seaweed: EmbeddedStore
) -> None:
    _stray(post, seaweed, b"on its way", age=timedelta(hours=1))
    assert PIXEL_SHA256 in _stray(post, seaweed, PIXEL, age=OLD)
    found = reconcile(post)
    assert (found.orphans, found.losses, found.lost_originals, found.came_back, found.expired) == ((), (), (), (), 0)


def test_what_no_row_knows_is_an_orphan_and_stays(
    post: Postcard, hosted: tuple[Asset, Rendition], seaweed: EmbeddedStore
) -> None:
    key = _stray(post, seaweed, b"left over", age=OLD)
    assert reconcile(post).orphans == (key,)
    assert post.store.describe(key)


def test_what_is_missing_is_told_with_an_alarm(post: Postcard, hosted: tuple[Asset, Rendition]) -> None:
    asset, rendition = hosted
    post.store.delete(rendition.key)
    post.store.delete(asset.original_key)
    with capture_logs() as logs:
        found = reconcile(post)
    assert (found.losses, found.lost_originals) == ((rendition.key,), (asset.original_key,))
    (line,) = [each for each in logs if each["event"] == "rows and bucket differ"]
    assert line["alarm"] is True
    assert line["keys"] == [rendition.key, asset.original_key]


def test_what_the_buckets_rule_removed_in_its_time_is_no_loss_unless_it_was_held(
    post: Postcard, hosted: tuple[Asset, Rendition]
) -> None:
    _, rendition = hosted
    post.store.delete(rendition.key)
    with post.database.write() as connection:
        connection.exec_driver_sql("UPDATE objects SET stored_at = datetime(stored_at, '-40 days')")
    found = reconcile(post)
    assert (found.losses, found.expired) == ((), 1)
    with post.change() as change:
        note_requested(change.connection, [rendition.key], change.at)
    found = reconcile(post)
    assert (found.losses, found.expired) == ((rendition.key,), 0)


def test_what_was_taken_down_and_is_back_is_erased_again(post: Postcard, hosted: tuple[Asset, Rendition]) -> None:
    asset, _ = hosted
    take_down(post, asset.id, reason="A face.", by="mia")
    file = spool(post, phone_photo(800, 600))
    assert file.sha256 == asset.sha256
    post.store.put_original(file.path, sha256=file.sha256, content_type="image/jpeg")
    assert reconcile(post).came_back == (asset.original_key,)
    with pytest.raises(NotFound):
        post.store.describe(asset.original_key)
    assert reconcile(post).came_back == ()


def test_one_worker_a_day_looks(post: Postcard, hosted: tuple[Asset, Rendition]) -> None:
    with capture_logs() as logs:
        daily(post)
        daily(post)
    assert len([each for each in logs if each["event"] == "rows and bucket agree"]) == 1
