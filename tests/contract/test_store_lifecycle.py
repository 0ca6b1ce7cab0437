"""The lease for real: a lifecycle run of a real server removes what is old and spares what was renewed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from app.errors import NotFound
from app.host.embedded import EmbeddedStore
from app.host.lease import needs_renewal
from app.host.s3 import S3Store
from tests.servers.seaweed import Sample
from tests.servers.seaweed_filer import backdate

MakeSample = Callable[..., Sample]
MINIMUM_DAYS = 4


def _hosted(store: S3Store, server: EmbeddedStore, file: Sample, *, age: timedelta) -> str:
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    backdate(server, bucket="media", key=key, age=age)
    return key


def test_a_lifecycle_run_removes_an_old_object_and_spares_a_renewed_one(
    store: S3Store, seaweed: EmbeddedStore, sample: MakeSample
) -> None:
    old = _hosted(store, seaweed, sample(290_000), age=timedelta(days=40))
    renewed = _hosted(store, seaweed, sample(290_000), age=timedelta(days=40))
    young = _hosted(store, seaweed, sample(290_000), age=timedelta(days=20))
    assert needs_renewal(store.describe(renewed).expires_at, datetime.now(UTC), MINIMUM_DAYS)
    after = store.renew(renewed)
    assert not needs_renewal(after.expires_at, datetime.now(UTC), MINIMUM_DAYS)
    seaweed.apply_lifecycle()
    with pytest.raises(NotFound):
        store.describe(old)
    assert urllib3.request("GET", store.url_of(old)).status == 404
    for key in (renewed, young):
        assert urllib3.request("GET", store.url_of(key)).status == 200


def test_an_object_that_needs_no_renewal_survives_the_minimum(
    store: S3Store, seaweed: EmbeddedStore, sample: MakeSample
) -> None:
    # The oldest object that is let pass without renewal, looked at when its lease has just run out.
    asked = datetime.now(UTC)
    file = sample(1000)
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    ages = [timedelta(hours=hours) for hours in range(31 * 24)]
    oldest = max(age for age in ages if not _would_need_renewal(store, key, asked, age))
    backdate(seaweed, bucket="media", key=key, age=oldest + timedelta(days=MINIMUM_DAYS))
    seaweed.apply_lifecycle()
    assert store.describe(key).sha256 == file.sha256


def _would_need_renewal(store: S3Store, key: str, asked: datetime, age: timedelta) -> bool:
    from app.host.lease import available_until

    return needs_renewal(available_until(asked - age, store.lifecycle_days()), asked, MINIMUM_DAYS)


def test_uploads_and_incoming_files_go_by_their_own_rules(
    store: S3Store, seaweed: EmbeddedStore, sample: MakeSample
) -> None:
    file = sample(1000)
    original = store.put_original(file.path, sha256=file.sha256, content_type="image/jpeg").key
    backdate(seaweed, bucket="media", key=original, age=timedelta(days=80))
    store.client.put_object(Bucket="media", Key="incoming/old", Body=b"x")
    store.client.put_object(Bucket="media", Key="incoming/new", Body=b"x")
    backdate(seaweed, bucket="media", key="incoming/old", age=timedelta(days=2, hours=1))
    seaweed.apply_lifecycle()
    left = store.client.list_objects_v2(Bucket="media", Prefix="incoming/")
    assert [each["Key"] for each in left["Contents"]] == ["incoming/new"]
    assert store.describe(original).sha256 == file.sha256
    backdate(seaweed, bucket="media", key=original, age=timedelta(days=12))
    seaweed.apply_lifecycle()
    with pytest.raises(NotFound):
        store.describe(original)
