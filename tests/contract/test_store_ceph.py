"""What Ceph alone among the real servers can show: x-amz-expiration, a lifecycle that runs by itself, and no checksums."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app import settings
from app.errors import NotFound, StoreUnavailable
from app.host.bucket import BucketPlan, apply_bucket
from app.host.s3 import S3Store
from tests.servers.ceph import DAY_SECONDS
from tests.servers.faulty_proxy import NO_FAULT, Fault, FaultyProxy
from tests.servers.seaweed import Sample
from tests.servers.stores import S3Server, make_store

MakeSample = Callable[..., Sample]
TWO_DAYS = 2


@pytest.fixture
def short_lived(ceph: S3Server) -> S3Store:
    """A bucket whose renditions go after two days, which are twenty seconds here."""
    s3 = settings.S3(endpoint_url=ceph.endpoint_url, bucket="short-lived")
    store = make_store(ceph, s3)
    apply_bucket(store.client, BucketPlan(s3=s3, lifecycle_days=TWO_DAYS, originals_days=90, public=True))
    return store


def _put(store: S3Store, file: Sample) -> str:
    return store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key


def _is_there(store: S3Store, key: str) -> bool:
    try:
        return bool(store.describe(key))
    except NotFound:
        return False


def test_ceph_removes_what_is_old_by_itself_and_spares_what_is_renewed(
    short_lived: S3Store, sample: MakeSample
) -> None:
    old, renewed = (_put(short_lived, sample(290_000)) for _ in range(2))
    began = time.monotonic()
    while _is_there(short_lived, old):
        assert time.monotonic() - began < 120, "waited in vain"
        time.sleep(DAY_SECONDS / 4)
        short_lived.renew(renewed)
    # Two days are over for both, but the renewed one was never older than one.
    assert _is_there(short_lived, renewed)


def test_the_end_of_an_object_is_the_stores_own_word_where_it_gives_one(ceph: S3Server, sample: MakeSample) -> None:
    s3 = settings.S3(endpoint_url=ceph.endpoint_url, bucket="told")
    store = make_store(ceph, s3)
    apply_bucket(store.client, BucketPlan(s3=s3, lifecycle_days=30, originals_days=90, public=True))
    file = sample()
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    head: Any = store.client.head_object(Bucket="told", Key=key)
    assert 'rule-id="renditions"' in head["Expiration"]
    # The rules change behind the store's back: what it remembers of them is old, what it is told is not.
    days_before = store.lifecycle_days()
    apply_bucket(store.client, BucketPlan(s3=s3, lifecycle_days=7, originals_days=90, public=True))
    told = store.describe(key).expires_at
    assert days_before == 30
    assert told is not None
    assert timedelta(days=7) <= told - datetime.now(UTC) + timedelta(minutes=1) <= timedelta(days=8, minutes=1)


@pytest.fixture
def proxy(ceph: S3Server) -> Iterator[FaultyProxy]:
    with FaultyProxy(int(ceph.endpoint_url.rpartition(":")[2])).running() as proxy:
        yield proxy


@pytest.mark.parametrize("at", [2_000, 289_000])
def test_bytes_that_change_on_the_way_in_are_not_kept(
    ceph: S3Server, proxy: FaultyProxy, short_lived: S3Store, sample: MakeSample, at: int
) -> None:
    far = make_store(ceph, settings.S3(endpoint_url=f"http://127.0.0.1:{proxy.port}", bucket="short-lived", attempts=1))
    proxy.fault = Fault(corrupt_request_at=at)
    file = sample(290_000)
    with pytest.raises(StoreUnavailable) as refused:
        far.put_media(file.path, sha256=file.sha256, content_type="image/jpeg")
    assert not _is_there(short_lived, refused.value.facts["key"])


def test_what_cannot_be_read_back_is_looked_at_the_next_time(
    ceph: S3Server, proxy: FaultyProxy, short_lived: S3Store, sample: MakeSample
) -> None:
    far = make_store(ceph, settings.S3(endpoint_url=f"http://127.0.0.1:{proxy.port}", bucket="short-lived", attempts=1))
    proxy.fault = Fault(corrupt_answer_at=200_000)
    file = sample(290_000)
    with pytest.raises(StoreUnavailable):
        far.put_media(file.path, sha256=file.sha256, content_type="image/jpeg")
    proxy.refuse()
    proxy.fault = NO_FAULT
    proxy.accept()
    assert far.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").sha256 == file.sha256
    assert _is_there(short_lived, f"m/{file.sha256}.jpg")
