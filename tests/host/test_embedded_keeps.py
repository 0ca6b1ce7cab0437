"""The embedded store keeps what it took, whatever becomes of its process."""

from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from app import settings
from app.errors import StoreUnavailable
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from tests.servers.seaweed import Sample, make_store

MakeSample = Callable[..., Sample]


def test_the_store_keeps_everything_through_kill_9(tmp_path: Path, sample: MakeSample) -> None:
    file = sample(290_000)
    folder = tmp_path / "killed"
    running = EmbeddedStore(folder)
    running.start()
    try:
        first = make_store(running, settings.S3(endpoint_url=running.endpoint_url))
        first.client.create_bucket(Bucket="media")
        key = first.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
        put = first.describe(key)
        running.kill()
        with pytest.raises(StoreUnavailable):
            first.describe(put.key)
    finally:
        running.stop()
    with EmbeddedStore(folder) as again:
        store = make_store(again, settings.S3(endpoint_url=again.endpoint_url))
        assert again.endpoint_url == running.endpoint_url
        assert store.describe(put.key) == put
        store.fetch(put.key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.content


def test_no_inner_port_gives_an_original_away(store: S3Store, seaweed: EmbeddedStore, sample: MakeSample) -> None:
    file = sample(5000)
    kept = store.put_original(file.path, sha256=file.sha256, content_type="image/heic")
    filer = f"http://127.0.0.1:{seaweed.ports['filer']}/buckets/media/{kept.key}"
    assert urllib3.request("GET", filer).status == 401
