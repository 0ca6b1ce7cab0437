"""Erasing an object with its versions, listing keys, and having the CDN forget, over the wire."""

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.duties.postcard import Postcard
from app.duties.removal import remove_asset
from app.duties.takedown import take_down
from app.errors import NotFound, StoreMisconfigured
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.records.objects import renditions_of
from app.settings import S3
from tests.media.pictures import phone_photo
from tests.path import upload, work_off
from tests.servers.seaweed import Sample, make_store

MakeSample = Callable[..., Sample]


def test_erasing_removes_the_object_and_is_a_success_when_repeated(store: S3Store, sample: MakeSample) -> None:
    file = sample()
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    store.erase(key)
    with pytest.raises(NotFound):
        store.describe(key)
    store.erase(key)


def test_erasing_leaves_no_version_behind(seaweed: EmbeddedStore, s3_section: S3, sample: MakeSample) -> None:
    s3 = replace(s3_section, bucket=f"versions-{secrets.token_hex(4)}")
    store = make_store(seaweed, s3)
    store.client.create_bucket(Bucket=s3.bucket)
    store.client.put_bucket_versioning(Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"})
    file, other = sample(), sample()
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    kept = store.put_media(other.path, sha256=other.sha256, content_type="image/jpeg").key
    store.renew(key)
    store.delete(key)
    listed: dict[str, Any] = dict(store.client.list_object_versions(Bucket=s3.bucket, Prefix=key))
    assert len(listed["Versions"]) == 2
    store.erase(key)
    listed = dict(store.client.list_object_versions(Bucket=s3.bucket, Prefix=key))
    assert not listed.get("Versions")
    assert not listed.get("DeleteMarkers")
    assert store.describe(kept).sha256 == other.sha256


def test_keys_are_listed_page_by_page(store: S3Store, s3_section: S3, sample: MakeSample) -> None:
    files = [sample() for _ in range(3)]
    put = [store.put_media(file.path, sha256=file.sha256, content_type="image/gif") for file in files]
    listed = list(store.list_keys(s3_section.media_prefix))
    assert [each.key for each in listed] == sorted(each.key for each in put)
    assert {each.bytes for each in listed} == {1000}
    assert all(abs(each.stored_at - datetime.now(UTC)) < timedelta(minutes=5) for each in listed)
    assert list(store.list_keys(s3_section.originals_prefix)) == []


class _CloudFront(ThreadingHTTPServer):
    """A CloudFront that writes down what is asked of it."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = status
        self.asked: list[tuple[str, str, str]] = []


class _Answer(BaseHTTPRequestHandler):
    server: _CloudFront

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        answer = b"<Invalidation><Id>I1</Id><Status>InProgress</Status></Invalidation>"
        if self.server.status >= 400:
            answer = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        self.send_response(self.server.status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's
        del format, args


@pytest.fixture
def cloudfront(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[_CloudFront]:
    server = _CloudFront(getattr(request, "param", 201))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFRONT", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _behind_cloudfront(distribution_id: str) -> S3Store:
    return S3Store(S3(), public_base_url="", access_key="a", secret_key="b", distribution_id=distribution_id)


def test_the_cdn_is_asked_to_forget_keys(cloudfront: _CloudFront) -> None:
    _behind_cloudfront("E2EXAMPLE").uncache(["m/one.jpg", "m/two.jpg"])
    ((path, authorization, body),) = cloudfront.asked
    assert path.endswith("/distribution/E2EXAMPLE/invalidation")
    assert "/us-east-1/cloudfront/aws4_request" in authorization
    assert "<Quantity>2</Quantity>" in body
    assert "<Path>/m/one.jpg</Path>" in body
    assert "<Path>/m/two.jpg</Path>" in body


def test_without_a_cdn_nobody_is_asked(cloudfront: _CloudFront) -> None:
    _behind_cloudfront("").uncache(["m/one.jpg"])
    _behind_cloudfront("E2EXAMPLE").uncache([])
    assert cloudfront.asked == []


def test_what_is_deleted_or_taken_down_goes_from_the_cdn_too(
    cloudfront: _CloudFront, post: Postcard, seaweed: EmbeddedStore
) -> None:
    store = S3Store(
        post.settings.s3,
        public_base_url="",
        access_key=seaweed.access_key,
        secret_key=seaweed.secret_key,
        distribution_id="E2EXAMPLE",
    )
    behind = replace(post, store=store)
    deleted, taken = upload(post, phone_photo(640, 480)), upload(post, phone_photo(800, 600))
    work_off(post)
    with post.database.read() as connection:
        hosted = [each.key for each in renditions_of(connection, [deleted.id, taken.id])]
    remove_asset(behind, deleted.id)
    take_down(behind, taken.id, reason="A face.", by="mia")
    assert len(hosted) == 2
    assert [f"<Path>/{key}</Path>" in body for key, (_, _, body) in zip(hosted, cloudfront.asked, strict=True)] == [
        True,
        True,
    ]


@pytest.mark.parametrize("cloudfront", [403], indirect=True)
def test_a_cdn_that_refuses_is_ours_to_mend(cloudfront: _CloudFront) -> None:
    with pytest.raises(StoreMisconfigured):
        _behind_cloudfront("E2EXAMPLE").uncache(["m/one.jpg"])
    assert len(cloudfront.asked) == 1
