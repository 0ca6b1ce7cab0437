"""The contract of ``app.model.ports.Store``, over the wire, on SeaweedFS, Ceph and moto; differences.py names theirs.

SeaweedFS and Ceph are real servers. moto is not: it shows what a test that uses it can see, and proves nothing.
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
import urllib3
from botocore.exceptions import ClientError

from app import settings
from app.errors import MediaUnsupported, NotFound, StoreMisconfigured, StoreUnavailable
from app.host.s3 import S3Store
from app.model.ports import Store, Stored
from tests.servers.seaweed import Sample
from tests.servers.stores import S3Server, make_store

MakeSample = Callable[..., Sample]


@pytest.fixture
def s3_section(own_section: settings.S3) -> settings.S3:
    return own_section


@pytest.fixture
def store(own_store: S3Store) -> S3Store:
    return own_store


def test_the_store_is_what_the_path_asks_for(store: S3Store) -> None:
    as_asked: Store = store
    assert as_asked


def test_hosted_media_are_described_as_they_were_put(store: S3Store, sample: MakeSample) -> None:
    file = sample(290_000)
    put = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg")
    described = store.describe(put.key)
    assert replace(put, stored_at=described.stored_at, expires_at=described.expires_at) == described
    # What the answer to a put tells of the clock is on the safe side.
    assert timedelta(0) <= described.stored_at - put.stored_at <= timedelta(seconds=30)
    assert put.expires_at is not None
    assert described.expires_at is not None
    assert put.expires_at <= described.expires_at
    assert put.key.endswith(f"/{file.sha256}.jpg")
    assert (put.bytes, put.content_type, put.sha256) == (290_000, "image/jpeg", file.sha256)
    assert put.cache_control == "public, max-age=604800, immutable"
    assert abs(put.stored_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_anybody_may_read_media_and_gets_the_right_headers(store: S3Store, sample: MakeSample) -> None:
    file = sample(5000)
    put = store.put_media(file.path, sha256=file.sha256, content_type="image/png")
    answer = urllib3.request("GET", store.url_of(put.key), redirect=False)
    assert (answer.status, answer.data) == (200, file.content)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Length"] == "5000"
    assert answer.headers["Cache-Control"] == "public, max-age=604800, immutable"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{file.sha256[:12]}.png"'


def test_nobody_reads_an_original_without_a_signature(store: S3Store, server: S3Server, sample: MakeSample) -> None:
    file = sample(5000)
    kept = store.put_original(file.path, sha256=file.sha256, content_type="image/heic")
    assert kept.cache_control == "private, no-store"
    assert urllib3.request("GET", f"{server.endpoint_url}/media/{kept.key}").status == 403


def test_the_same_bytes_twice_are_one_object_and_its_clock_goes_on(store: S3Store, sample: MakeSample) -> None:
    file = sample()
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    first = store.describe(key)
    time.sleep(1.1)
    assert store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg") == first


def _put_in_process(s3: settings.S3, keys: tuple[str, str], path: Path, sha256: str, kind: str) -> Stored:
    racer = S3Store(s3, public_base_url="", access_key=keys[0], secret_key=keys[1])
    put = racer.put_media if kind == "media" else racer.put_original
    return put(path, sha256=sha256, content_type="image/gif")


@pytest.mark.parametrize(("kind", "size"), [("media", 290_000), ("original", 40_000_000)])
def test_eight_processes_that_race_make_one_object(
    server: S3Server, s3_section: settings.S3, sample: MakeSample, kind: str, size: int
) -> None:
    file = sample(size)
    keys = (server.access_key, server.secret_key)
    with get_context("spawn").Pool(8) as pool:
        jobs = [(s3_section, keys, file.path, file.sha256, kind)] * 8
        answers = pool.starmap(_put_in_process, jobs)
    store = make_store(server, s3_section)
    for each in answers:
        described = store.describe(each.key)
        assert replace(each, stored_at=described.stored_at, expires_at=described.expires_at) == described
        assert each.stored_at <= described.stored_at


def test_eight_threads_share_one_store(store: S3Store, sample: MakeSample) -> None:
    files = [sample(100_000) for _ in range(4)] * 2
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda f: store.put_media(f.path, sha256=f.sha256, content_type="image/gif"), files))
    assert [each.sha256 for each in answers] == [file.sha256 for file in files]


def test_the_store_itself_refuses_bytes_that_are_not_those_of_the_address(store: S3Store, sample: MakeSample) -> None:
    file, other = sample(), sample()
    with pytest.raises(StoreUnavailable) as refused:
        store.put_media(file.path, sha256=other.sha256, content_type="image/jpeg")
    assert refused.value.facts["code"] == "BadDigest"
    with pytest.raises(NotFound):
        store.describe(refused.value.facts["key"])


def test_a_long_original_goes_in_parts_and_comes_back_whole(store: S3Store, sample: MakeSample, tmp_path: Path) -> None:
    file = sample(40_000_000)
    kept = store.put_original(file.path, sha256=file.sha256, content_type="video/mp4")
    assert (kept.bytes, kept.sha256) == (40_000_000, file.sha256)
    assert kept.etag.strip('"').endswith("-5")
    store.fetch(kept.key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.content


def test_a_long_original_that_is_not_what_it_claims_leaves_nothing_behind(
    store: S3Store, s3_section: settings.S3, sample: MakeSample
) -> None:
    file = sample(40_000_000)
    with pytest.raises(StoreUnavailable):
        store.put_original(file.path, sha256="0" * 64, content_type="video/mp4")
    uploads = store.client.list_multipart_uploads(Bucket="media", Prefix=s3_section.originals_prefix)
    assert not uploads.get("Uploads")
    assert not store.client.list_objects_v2(Bucket="media", Prefix=s3_section.originals_prefix).get("Contents")


@pytest.mark.parametrize("length", [999, 1000])
def test_other_bytes_at_an_address_are_never_taken_for_ours(store: S3Store, sample: MakeSample, length: int) -> None:
    file, other = sample(1000), sample(length)
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    checksum = b64encode(hashlib.sha256(other.content).digest()).decode()
    store.client.put_object(Bucket="media", Key=key, Body=other.content, ChecksumSHA256=checksum)
    with pytest.raises(StoreMisconfigured):
        store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg")
    with pytest.raises(StoreMisconfigured):
        store.renew(key)
    with pytest.raises(StoreUnavailable):
        store.fetch(key, file.path)
    assert not file.path.exists()


@pytest.mark.parametrize(("kind", "size"), [("media", 290_000), ("original", 40_000_000)])
def test_renewal_restarts_the_clock_and_changes_nothing_else(
    store: S3Store, sample: MakeSample, kind: str, size: int
) -> None:
    file = sample(size)
    put = store.put_media if kind == "media" else store.put_original
    before = store.describe(put(file.path, sha256=file.sha256, content_type="image/gif").key)
    headers = _headers(store, before.key)
    time.sleep(1.1)
    after = store.renew(before.key)
    assert after.stored_at > before.stored_at
    assert (after.bytes, after.sha256, after.content_type) == (before.bytes, before.sha256, before.content_type)
    assert _headers(store, before.key) == headers


def _headers(store: S3Store, key: str) -> dict[str, str]:
    head = store.client.head_object(Bucket="media", Key=key, ChecksumMode="ENABLED")
    names = ("content-type", "cache-control", "content-disposition", "content-length", "x-amz-checksum-sha256")
    return {name: head["ResponseMetadata"]["HTTPHeaders"].get(name, "") for name in names}


def test_renewals_at_the_same_time_all_succeed(store: S3Store, sample: MakeSample) -> None:
    file = sample(290_000)
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    with ThreadPoolExecutor(8) as threads:
        assert {each.sha256 for each in threads.map(store.renew, [key] * 16)} == {file.sha256}


def test_fetch_writes_the_very_bytes(store: S3Store, sample: MakeSample, tmp_path: Path) -> None:
    file = sample(3_000_000)
    key = store.put_original(file.path, sha256=file.sha256, content_type="image/jpeg").key
    store.fetch(key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.content


def test_delete_removes_and_may_be_repeated(store: S3Store, sample: MakeSample) -> None:
    file = sample()
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    store.delete(key)
    store.delete(key)
    # 403 where nobody may list the bucket, as on AWS; SeaweedFS says 404 all the same.
    assert urllib3.request("GET", store.url_of(key)).status in {403, 404}


@pytest.mark.parametrize("what", ["describe", "renew", "fetch"])
def test_a_missing_object_is_not_found(store: S3Store, s3_section: settings.S3, tmp_path: Path, what: str) -> None:
    key = f"{s3_section.media_prefix}{'0' * 64}.jpg"
    with pytest.raises(NotFound):
        store.fetch(key, tmp_path / "never") if what == "fetch" else getattr(store, what)(key)
    assert not (tmp_path / "never").exists()


def test_a_missing_bucket_is_a_matter_of_settings(server: S3Server, sample: MakeSample) -> None:
    lost = make_store(server, settings.S3(endpoint_url=server.endpoint_url, bucket="nowhere"))
    file = sample()
    for ask in (
        lambda: lost.describe(f"m/{file.sha256}.jpg"),
        lambda: lost.put_media(file.path, sha256=file.sha256, content_type="image/jpeg"),
        lost.lifecycle_days,
    ):
        with pytest.raises(StoreMisconfigured, match=r"no such bucket|no bucket"):
            ask()


def test_wrong_credentials_are_a_matter_of_settings(s3_section: settings.S3) -> None:
    stranger = S3Store(s3_section, public_base_url="", access_key="nobody", secret_key="nothing")
    with pytest.raises(StoreMisconfigured):
        stranger.lifecycle_days()


def test_a_type_without_an_extension_is_refused_before_anything_is_sent(store: S3Store, sample: MakeSample) -> None:
    file = sample()
    with pytest.raises(MediaUnsupported):
        store.put_media(file.path, sha256=file.sha256, content_type="text/html")


def test_the_end_of_an_object_is_told_from_the_buckets_own_rules(store: S3Store, sample: MakeSample) -> None:
    file = sample()
    put = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg")
    assert store.lifecycle_days() == 30
    assert put.expires_at is not None
    assert timedelta(days=30) <= put.expires_at - put.stored_at <= timedelta(days=31)


def test_a_presumed_public_listing_is_refused(store: S3Store, server: S3Server) -> None:
    assert urllib3.request("GET", f"{server.endpoint_url}/media?list-type=2").status == 403
    with pytest.raises(ClientError):
        store.client.put_object(Bucket="other", Key="x", Body=b"")
