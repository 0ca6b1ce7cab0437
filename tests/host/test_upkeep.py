"""The embedded store's lifecycle runs by itself, once a day, whatever is restarted in between."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app import settings
from app.errors import NotFound, StoreUnavailable
from app.host.bucket import BucketPlan, apply_bucket
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.host.upkeep import DAY_SECONDS, daily_lifecycle
from tests.path import wait_until
from tests.servers.seaweed import Sample, make_store
from tests.servers.seaweed_filer import backdate

MakeSample = Callable[..., Sample]


def _store(server: EmbeddedStore) -> S3Store:
    s3 = settings.S3(endpoint_url=server.endpoint_url)
    store = make_store(server, s3)
    apply_bucket(store.client, BucketPlan(s3=s3, lifecycle_days=30, originals_days=90, public=True))
    return store


def _hosted(server: EmbeddedStore, store: S3Store, file: Sample, *, days: int) -> str:
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    backdate(server, bucket="media", key=key, age=timedelta(days=days))
    return key


def _is_gone(store: S3Store, key: str) -> bool:
    try:
        store.describe(key)
    except NotFound:
        return True
    return False


def test_a_store_that_runs_removes_what_is_old_by_itself_once_a_day(tmp_path: Path, sample: MakeSample) -> None:
    stamp = tmp_path / "lifecycle.applied"
    with EmbeddedStore(tmp_path) as server:
        store = _store(server)
        first, young = (_hosted(server, store, sample(), days=days) for days in (40, 20))
        with daily_lifecycle(server, look_seconds=0.1):
            wait_until(lambda: _is_gone(store, first))
            wait_until(stamp.exists)
            assert not _is_gone(store, young)
    ran_at = stamp.stat().st_mtime
    with EmbeddedStore(tmp_path) as server:
        store = _store(server)
        second = _hosted(server, store, sample(), days=40)
        with daily_lifecycle(server, look_seconds=0.1):
            time.sleep(1)
            assert stamp.stat().st_mtime == ran_at  # the restart did not bring the day forward
            yesterday = time.time() - DAY_SECONDS - 1
            os.utime(stamp, (yesterday, yesterday))
            wait_until(lambda: _is_gone(store, second))


def test_a_lifecycle_that_cannot_run_says_so_and_is_tried_again(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as server:
        _store(server)
        server.kill()
        with pytest.raises(StoreUnavailable):
            server.apply_lifecycle()
        with daily_lifecycle(server, look_seconds=0.1):
            time.sleep(0.5)
    assert not (tmp_path / "lifecycle.applied").exists()
