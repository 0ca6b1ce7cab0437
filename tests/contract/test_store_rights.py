"""The rights that the adapter names are those of the requests it makes: written down while it makes them, then compared."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from app import settings
from app.errors import NotFound, StoreUnavailable
from app.host.bucket import RIGHTS_TO_COMPARE, BucketPlan, show_bucket
from app.host.embedded import EmbeddedStore
from app.host.incoming import PREFIX, S3Incoming
from app.host.s3 import S3Store
from app.model.ports import ReceivedPart
from tests.servers.seaweed import Sample, make_store

MakeSample = Callable[..., Sample]

# What AWS asks for, by request (Service Authorization Reference, "Actions defined by Amazon S3" and "... CloudFront").
RIGHTS: dict[str, tuple[str, ...]] = {
    "AbortMultipartUpload": ("s3:AbortMultipartUpload",),
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CopyObject": ("s3:GetObject", "s3:PutObject"),
    "CreateInvalidation": ("cloudfront:CreateInvalidation",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "DeleteObject": ("s3:DeleteObject",),
    "GetBucketCors": ("s3:GetBucketCORS",),
    "GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "GetBucketPolicy": ("s3:GetBucketPolicy",),
    "GetBucketVersioning": ("s3:GetBucketVersioning",),
    "GetObject": ("s3:GetObject",),
    "GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "HeadBucket": ("s3:ListBucket",),
    "HeadObject": ("s3:GetObject",),
    "ListObjectVersions": ("s3:ListBucketVersions",),
    "ListObjectsV2": ("s3:ListBucket",),
    "ListParts": ("s3:ListMultipartUploadParts",),
    "PutObject": ("s3:PutObject",),
    "UploadPart": ("s3:PutObject",),
}
WITHOUT_REQUEST = {"client", "incoming", "url_of", "part_bytes"}


class Recorder:
    """Writes down the rights of each request, by what it is about."""

    def __init__(self, section: settings.S3) -> None:
        self._section = section
        self.rights: dict[str, set[str]] = {}

    def __call__(self, *, model: Any, params: dict[str, Any], **rest: Any) -> None:
        del rest
        rights = RIGHTS[model.name]
        if model.name == "DeleteObject" and "VersionId" in params:
            rights = ("s3:DeleteObjectVersion",)
        self.rights.setdefault(self._about(params), set()).update(rights)

    def _about(self, params: dict[str, Any]) -> str:
        if "DistributionId" in params:
            return "distribution"
        key = params.get("Key", "")
        prefixes = {
            "media": self._section.media_prefix,
            "originals": self._section.originals_prefix,
            "incoming": PREFIX,
        }
        return next((name for name, prefix in prefixes.items() if key.startswith(prefix)), "bucket")


@pytest.fixture
def versions(seaweed: EmbeddedStore, s3_section: settings.S3) -> list[str]:
    """Keys in a bucket that has versions, made by somebody who is not heard."""
    client = make_store(seaweed, s3_section).client
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    keys = [f"{prefix}x" for prefix in (s3_section.media_prefix, s3_section.originals_prefix)]
    for key in keys:
        client.put_object(Bucket="versioned", Key=key, Body=b"x")
    return keys


@pytest.fixture
def recorder(s3_section: settings.S3, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Hears every request of every client that is made from now on."""
    session = boto3.Session()
    recorder = Recorder(s3_section)
    session.events.register("before-parameter-build", recorder)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    return recorder


@pytest.fixture
def heard(
    recorder: Recorder, seaweed: EmbeddedStore, s3_section: settings.S3, monkeypatch: pytest.MonkeyPatch
) -> S3Store:
    """A store whose requests are heard; its CDN is away."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFRONT", "http://127.0.0.1:9")
    return _store(seaweed, s3_section)


def _store(seaweed: EmbeddedStore, s3_section: settings.S3) -> S3Store:
    return S3Store(
        replace(s3_section, attempts=1),
        public_base_url="",
        access_key=seaweed.access_key,
        secret_key=seaweed.secret_key,
        distribution_id="E2EXAMPLE",
        presign_days=7,
    )


def _each(ask: Callable[[str], None], *names: str) -> None:
    for name in names:
        ask(name)


def _walk_store(
    store: S3Store, s3_section: settings.S3, file: Sample, long: Sample, target: Path
) -> dict[str, Callable[[], object]]:
    media = f"{s3_section.media_prefix}{file.sha256}.jpg"
    original = f"{s3_section.originals_prefix}{file.sha256}.jpg"
    return {
        "put_media": lambda: store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg"),
        "put_original": lambda: [
            store.put_original(each.path, sha256=each.sha256, content_type="image/jpeg") for each in (file, long, long)
        ],
        "describe": lambda: [store.describe(key) for key in (media, original)],
        "renew": lambda: [store.renew(key) for key in (media, original)],
        "fetch": lambda: _each(lambda key: store.fetch(key, target), media, original),
        "list_keys": lambda: list(store.list_keys(s3_section.media_prefix)),
        "lifecycle_days": store.lifecycle_days,
        "link_to": lambda: store.link_to(media),
        "uncache": lambda: store.uncache([media]),
        "erase": lambda: _each(store.erase, media, original),
        "delete": lambda: _each(store.delete, media, original),
    }


def _walk_incoming(incoming: S3Incoming, file: Sample) -> dict[str, Callable[[], object]]:
    size = len(file.content)
    uploads: list[str] = []

    def send(name: str) -> None:
        upload = incoming.begin_parts(name)
        uploads.append(upload)
        signed = incoming.sign_part(name, upload, 1, size=size, sha256=file.sha256)
        assert urllib3.request("PUT", signed.url, headers=signed.headers, body=file.content).status == 200

    def told(name: str, upload: str) -> list[ReceivedPart]:
        # Not every store lists the SHA-256 of its parts; whoever sent them knows it.
        return [replace(each, sha256=file.sha256) for each in incoming.received_parts(name, upload)]

    def whole() -> None:
        with incoming.opened("whole") as stream:
            assert stream.read(-1) == file.content

    return {
        "begin_parts": lambda: _each(send, "whole", "broken"),
        "sign_part": lambda: incoming.sign_part("whole", uploads[0], 2, size=1, sha256=file.sha256),
        "sign_put": lambda: incoming.sign_put("put", size=size, sha256=file.sha256),
        "received_parts": lambda: incoming.received_parts("whole", uploads[0]),
        "complete": lambda: incoming.complete("whole", uploads[0], told("whole", uploads[0])),
        "size_of": lambda: incoming.size_of("whole"),
        "opened": whole,
        "discard": lambda: _each(lambda name: incoming.discard(name, uploads[1]), "broken"),
    }


def test_the_rights_named_are_those_that_are_used(
    versions: list[str],
    heard: S3Store,
    seaweed: EmbeddedStore,
    s3_section: settings.S3,
    recorder: Recorder,
    sample: MakeSample,
    tmp_path: Path,
) -> None:
    with_versions = _store(seaweed, replace(s3_section, bucket="versioned"))
    file, long = sample(1000), sample(40_000_000)
    walk = _walk_store(heard, s3_section, file, long, tmp_path / "back")
    incoming = _walk_incoming(heard.incoming, file)
    assert _public(S3Store) | _public(S3Incoming) == set(walk) | set(incoming) | WITHOUT_REQUEST
    for name, ask in (walk | incoming).items():
        if name == "uncache":
            with pytest.raises(StoreUnavailable):
                ask()
        else:
            ask()
    _break_off(heard, long)
    for key in versions:
        with_versions.erase(key)
    with suppress(NotFound):
        heard.describe(f"{s3_section.media_prefix}{'0' * 64}.jpg")
    assert recorder.rights == {
        "bucket": set(S3Store.RIGHTS_ON_BUCKET),
        "media": set(S3Store.RIGHTS_ON_OBJECTS),
        "originals": set(S3Store.RIGHTS_ON_OBJECTS),
        "incoming": set(S3Store.RIGHTS_ON_INCOMING),
        "distribution": set(S3Store.RIGHTS_ON_DISTRIBUTION),
    }


def _public(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind) if name[0].islower()}


def _break_off(store: S3Store, long: Sample) -> None:
    """Put what is not what it is said to be, in parts: the adapter aborts."""
    for put in (store.put_media, store.put_original):
        with pytest.raises(StoreUnavailable):
            put(long.path, sha256="1" * 64, content_type="video/mp4")


def test_comparing_the_bucket_needs_what_it_says_and_changes_nothing(
    heard: S3Store, recorder: Recorder, s3_section: settings.S3
) -> None:
    # Every request that is not of RIGHTS would be a KeyError: writing has no entry there.
    show_bucket(heard.client, BucketPlan(s3=s3_section, lifecycle_days=30, originals_days=90, public=False))
    needed = recorder.rights["bucket"]
    assert {*RIGHTS_TO_COMPARE, "s3:GetLifecycleConfiguration", "s3:ListBucket"} == needed
