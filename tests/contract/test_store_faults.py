"""The fault table: what the store's caller sees when the wire or the server fails, and that nothing half is kept."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app import settings
from app.errors import NotFound, PostcardError, StoreMisconfigured, StoreUnavailable
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.model.ports import Stored
from tests.servers.faulty_proxy import NO_FAULT, Fault, FaultyProxy
from tests.servers.seaweed import Sample, make_store

MakeSample = Callable[..., Sample]


def _error(status: str, code: str) -> bytes:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
)

# Whatever is asked, this is what the caller is told.
FAULTS: dict[str, tuple[Fault, type[PostcardError]]] = {
    "silent": (Fault(hang=True), StoreUnavailable),
    "slower than the limit": (Fault(delay_seconds=3), StoreUnavailable),
    "cut before the answer": (Fault(cut_answer_at=0), StoreUnavailable),
    "cut in the head of the answer": (Fault(cut_answer_at=20), StoreUnavailable),
    "cut in the request": (Fault(cut_request_at=300), StoreUnavailable),
    "speaking something else": (Fault(answer=b"220 mail.example ESMTP\r\n"), StoreUnavailable),
    "a page instead of a store": (Fault(answer=HTML), StoreUnavailable),
    "a broken gateway in front": (Fault(answer=BAD_GATEWAY), StoreUnavailable),
    "throttling": (Fault(answer=_error("503 Slow Down", "SlowDown")), StoreUnavailable),
    "failing": (Fault(answer=_error("500 Internal Server Error", "InternalError")), StoreUnavailable),
}
REFUSALS: dict[str, Fault] = {
    "clock skew": Fault(answer=_error("403 Forbidden", "RequestTimeTooSkewed")),
    "expired credentials": Fault(answer=_error("400 Bad Request", "ExpiredToken")),
    "access denied": Fault(answer=_error("403 Forbidden", "AccessDenied")),
}


@pytest.fixture
def proxy(seaweed: EmbeddedStore) -> Iterator[FaultyProxy]:
    with FaultyProxy(seaweed.ports["s3"]).running() as proxy:
        yield proxy


@pytest.fixture
def far(proxy: FaultyProxy, seaweed: EmbeddedStore, s3_section: settings.S3) -> S3Store:
    """The store of the test as seen through the proxy, with short limits."""
    section = replace(
        s3_section, endpoint_url=f"http://127.0.0.1:{proxy.port}", connect_seconds=0.5, read_seconds=0.5, attempts=1
    )
    return make_store(seaweed, section)


def _asks(store: S3Store, file: Sample, key: str, target: Path) -> list[Callable[[], object]]:
    return [
        lambda: store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg"),
        lambda: store.put_original(file.path, sha256=file.sha256, content_type="image/jpeg"),
        lambda: store.describe(key),
        lambda: store.renew(key),
        lambda: store.fetch(key, target),
        lambda: store.delete(f"m/{'0' * 64}.jpg"),
        store.lifecycle_days,
    ]


@pytest.mark.parametrize("name", FAULTS)
def test_a_failing_wire_is_unavailable_and_everything_works_again_after(
    name: str, proxy: FaultyProxy, far: S3Store, sample: MakeSample, tmp_path: Path
) -> None:
    kept, file = sample(), sample(290_000)
    key = far.put_media(kept.path, sha256=kept.sha256, content_type="image/png").key
    proxy.fault, expected = FAULTS[name]
    proxy.refuse()  # connections that are open know nothing of the fault
    proxy.accept()
    for ask in _asks(far, file, key, tmp_path / "back"):
        with pytest.raises(expected):
            ask()
    assert not (tmp_path / "back").exists()
    proxy.fault = NO_FAULT
    assert _put(far, file).sha256 == file.sha256
    far.fetch(key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == kept.content


def _put(store: S3Store, file: Sample) -> Stored:
    return store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg")


@pytest.mark.parametrize("name", ["cut before the answer", "a broken gateway in front", "throttling"])
def test_one_failure_is_overcome_by_trying_again(
    name: str, proxy: FaultyProxy, seaweed: EmbeddedStore, s3_section: settings.S3, sample: MakeSample
) -> None:
    section = replace(s3_section, endpoint_url=f"http://127.0.0.1:{proxy.port}", attempts=3)
    proxy.fault = replace(FAULTS[name][0], connections=1)
    assert _put(make_store(seaweed, section), sample(290_000))
    assert proxy.fault.connections == 0


def test_a_refused_connection_is_unavailable(proxy: FaultyProxy, far: S3Store, sample: MakeSample) -> None:
    proxy.refuse()
    with pytest.raises(StoreUnavailable):
        _put(far, sample())
    proxy.accept()
    assert _put(far, sample())


@pytest.mark.parametrize("name", REFUSALS)
def test_a_store_that_refuses_us_is_a_matter_of_settings(
    name: str, proxy: FaultyProxy, far: S3Store, sample: MakeSample, tmp_path: Path
) -> None:
    proxy.fault = REFUSALS[name]
    file = sample()
    for ask in _asks(far, file, f"m/{file.sha256}.jpg", tmp_path / "back"):
        with pytest.raises(StoreMisconfigured):
            ask()


@pytest.mark.parametrize("at", [2_000, 150_000, 289_000])
def test_bytes_that_change_on_the_way_in_are_not_kept(
    at: int, proxy: FaultyProxy, far: S3Store, store: S3Store, sample: MakeSample
) -> None:
    file = sample(290_000)
    proxy.fault = Fault(corrupt_request_at=at)
    with pytest.raises(StoreUnavailable) as refused:
        _put(far, file)
    with pytest.raises(NotFound):
        store.describe(refused.value.facts["key"])


def test_bytes_that_change_on_the_way_out_are_not_handed_on(
    proxy: FaultyProxy, far: S3Store, sample: MakeSample, tmp_path: Path
) -> None:
    file = sample(290_000)
    key = _put(far, file).key
    proxy.refuse()
    proxy.accept()
    proxy.fault = Fault(corrupt_answer_at=100_000)
    with pytest.raises(StoreUnavailable):
        far.fetch(key, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_an_upload_that_is_cut_leaves_nothing_and_one_whose_answer_is_lost_is_found(
    proxy: FaultyProxy, far: S3Store, store: S3Store, sample: MakeSample
) -> None:
    file = sample(290_000)
    proxy.fault = Fault(cut_request_at=100_000)
    with pytest.raises(StoreUnavailable) as cut:
        _put(far, file)
    with pytest.raises(NotFound):
        store.describe(cut.value.facts["key"])
    proxy.refuse()
    proxy.accept()
    proxy.fault = Fault(cut_answer_at=len(b"HTTP/1.1 100 Continue\r\n\r\nHTTP"))
    with pytest.raises(StoreUnavailable):
        _put(far, file)
    there = store.describe(cut.value.facts["key"])
    proxy.fault = NO_FAULT
    assert _put(far, file) == there


def test_a_long_upload_that_breaks_off_leaves_no_parts(
    proxy: FaultyProxy, far: S3Store, store: S3Store, s3_section: settings.S3, sample: MakeSample
) -> None:
    file = sample(40_000_000)
    proxy.fault = Fault(cut_request_at=10_000_000)
    with pytest.raises(StoreUnavailable):
        far.put_original(file.path, sha256=file.sha256, content_type="video/mp4")
    uploads = store.client.list_multipart_uploads(Bucket="media", Prefix=s3_section.originals_prefix)
    assert not uploads.get("Uploads")
