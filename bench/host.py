"""What hosting costs beside bare boto3 on the same server: one rendition of 290 KB, eight at once, and memory.

Ours is a conditional put whose bytes the store checks, with the description read from its answer; bare is boto3's
`put_object` with its own settings. Server and client share the machine. Medians of interleaved turns.
"""

import hashlib
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from app import settings
from app.host.bucket import BucketPlan, apply_bucket
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.host.selftest import verify_public
from bench.spent import Row, make_row

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RENDITION_BYTES = 290_000
ORIGINAL_BYTES = 200_000_000
TURNS = 120
Put = Callable[[Path], object]


def _files(folder: Path, count: int) -> list[Path]:
    made = []
    for number in range(count):
        path = folder / f"{number}-{time.monotonic_ns()}"
        path.write_bytes(os.urandom(RENDITION_BYTES))
        made.append(path)
    return made


def _ours(store: S3Store) -> Put:
    def put(path: Path) -> object:
        # The caller knows the hash: whoever made the bytes counted and hashed them on the way.
        return store.put_media(path, sha256=_hash_of[path], content_type="image/jpeg")

    return put


_hash_of: dict[Path, str] = {}


def _hashed(paths: list[Path]) -> list[Path]:
    _hash_of.update((path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths)
    return paths


def _bare(client: "S3Client") -> Put:
    def put(path: Path) -> object:
        with path.open("rb") as file:
            return client.put_object(Bucket="media", Key=f"m/{path.name}", Body=file, ContentType="image/jpeg")

    return put


def _milliseconds(put: Put, path: Path) -> float:
    began = time.perf_counter()
    put(path)
    return (time.perf_counter() - began) * 1000


def _one_at_a_time(folder: Path, ours: Put, bare: Put) -> list[Row]:
    first, second = _hashed(_files(folder, TURNS)), _files(folder, TURNS)
    times = [(_milliseconds(ours, a), _milliseconds(bare, b)) for a, b in zip(first, second, strict=True)]
    mine, theirs = (statistics.median(each) for each in zip(*times, strict=True))
    return [
        make_row("bare put_object, 290 KB", round(theirs, 2), "ms"),
        make_row("put_media, 290 KB", round(mine, 2), "ms"),
        make_row("put_media / bare put_object", round(mine / theirs, 2), "", "at most 1.5", met=mine / theirs <= 1.5),
    ]


def _per_second(threads: ThreadPoolExecutor, put: Put, paths: list[Path]) -> float:
    began = time.perf_counter()
    list(threads.map(put, paths))
    return len(paths) / (time.perf_counter() - began)


def _eight_at_once(folder: Path, ours: Put, bare: Put) -> list[Row]:
    mine, theirs = [], []
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            first, second = _hashed(_files(folder, 80)), _files(folder, 80)
            mine.append(_per_second(threads, ours, first))
            theirs.append(_per_second(threads, bare, second))
    ratio = statistics.median(mine) / statistics.median(theirs)
    return [
        make_row("bare put_object, 8 threads", round(statistics.median(theirs)), "a second"),
        make_row("put_media, 8 threads", round(statistics.median(mine)), "a second"),
        make_row("put_media / bare, 8 threads", round(ratio, 2), "", "at least 0.8", met=ratio >= 0.8),
    ]


def _peak_of_put(section: settings.S3, access_key: str, secret_key: str, path: Path, sha256: str) -> tuple[int, int]:
    """Put an original in this fresh process; tell its peak memory in bytes before and after."""
    store = S3Store(section, public_base_url="", access_key=access_key, secret_key=secret_key)
    assert store.client
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    store.put_original(path, sha256=sha256, content_type="video/mp4")
    return before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _memory(folder: Path, server: EmbeddedStore, section: settings.S3) -> list[Row]:
    path = folder / "original"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(ORIGINAL_BYTES // 1_000_000):
            chunk = os.urandom(1_000_000)
            digest.update(chunk)
            file.write(chunk)
    with get_context("spawn").Pool(1) as process:
        asked = (section, server.access_key, server.secret_key, path, digest.hexdigest())
        before, after = process.apply(_peak_of_put, asked)
    return [
        make_row("peak memory before an original of 200 MB is put", round(before / 1e6), "MB"),
        make_row("peak memory after it", round(after / 1e6), "MB", "under 150", met=after < 150e6),
    ]


def _self_test(store: S3Store, folder: Path) -> list[Row]:
    path = _hashed(_files(folder, 1))[0]
    put = store.put_media(path, sha256=_hash_of[path], content_type="image/jpeg")
    times = []
    for _ in range(50):
        began = time.perf_counter()
        verify_public(
            store.url_of(put.key),
            sha256=put.sha256,
            content_type=put.content_type,
            bytes=put.bytes,
            minimum_cache_seconds=259_200,
            connect_seconds=3,
            read_seconds=10,
        )
        times.append((time.perf_counter() - began) * 1000)
    renewals = [_milliseconds(lambda _: store.renew(put.key), path) for _ in range(30)]
    return [
        make_row("self-test of one rendition", round(statistics.median(times), 1), "ms"),
        make_row("renewal of one rendition", round(statistics.median(renewals), 1), "ms"),
    ]


def run() -> list[Row]:
    """Measure on a store of its own, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as name, EmbeddedStore(Path(name) / "store") as server:
        folder = Path(name)
        section = settings.S3(endpoint_url=server.endpoint_url)
        store = S3Store(section, public_base_url="", access_key=server.access_key, secret_key=server.secret_key)
        apply_bucket(store.client, BucketPlan(s3=section, lifecycle_days=30, originals_days=0, public=True))
        bare = boto3.client(
            "s3",
            endpoint_url=server.endpoint_url,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name="us-east-1",
        )
        for warm_up in _hashed(_files(folder, 5)):
            _ours(store)(warm_up)
            _bare(bare)(warm_up)
        return [
            *_one_at_a_time(folder, _ours(store), _bare(bare)),
            *_eight_at_once(folder, _ours(store), _bare(bare)),
            *_self_test(store, folder),
            *_memory(folder, server, section),
        ]
