"""Each row of the adapter's error table, met over the wire: codes by the proxy's answers, the rest by what really happens."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore import exceptions as boto

from app import settings
from app.errors import NotFound, PostcardError, StoreMisconfigured, StoreUnavailable
from app.host.answers import CODES, NO_ANSWER
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from tests.contract.test_store_faults import MakeSample, _error
from tests.servers.faulty_proxy import Fault, FaultyProxy
from tests.servers.stores import S3Server, make_store

# The status that S3 gives with a code, where it is not 400; "403" and the like come from HEAD, which has no body.
STATUS = {"SlowDown": 503, "ServiceUnavailable": 503, "InternalError": 500, "AccessDenied": 403, "NoSuchBucket": 404}
BARE = {code for code in CODES if code.isdigit()}
REDIRECTS = {"301", "307"}


@pytest.fixture
def proxy(seaweed: EmbeddedStore) -> Iterator[FaultyProxy]:
    with FaultyProxy(seaweed.ports["s3"]).running() as proxy:
        yield proxy


@pytest.fixture
def section(proxy: FaultyProxy, s3_section: settings.S3) -> settings.S3:
    endpoint = f"http://127.0.0.1:{proxy.port}"
    return replace(s3_section, endpoint_url=endpoint, connect_seconds=0.5, read_seconds=0.5, attempts=1)


@pytest.fixture
def far(section: settings.S3, seaweed: EmbeddedStore) -> S3Store:
    return make_store(seaweed, section)


@pytest.mark.parametrize("code", sorted(set(CODES) - BARE))
def test_each_code_comes_over_the_wire_as_what_the_table_says(code: str, proxy: FaultyProxy, far: S3Store) -> None:
    proxy.fault = Fault(answer=_error(f"{STATUS.get(code, 400)} No", code))
    kind, sentence = CODES[code]
    with pytest.raises(kind) as told:
        far.lifecycle_days()
    assert told.value.facts["code"] == code
    assert told.value.detail == sentence


@pytest.mark.parametrize("status", sorted(REDIRECTS))
def test_a_redirect_that_leads_nowhere_ends(status: str, proxy: FaultyProxy, far: S3Store) -> None:
    # A web server in front that sends everything to https:// does so.
    proxy.fault = Fault(answer=_bare(status, "Location: https://elsewhere.example/\r\n"))
    with pytest.raises(StoreMisconfigured, match="redirects elsewhere"):
        far.describe(f"m/{'0' * 64}.jpg")


def _bare(status: str, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n{headers}Connection: close\r\n\r\n".encode()


@pytest.mark.parametrize("status", sorted(BARE - REDIRECTS))
def test_an_answer_without_a_body_is_told_by_its_status(status: str, proxy: FaultyProxy, far: S3Store) -> None:
    if status == "404":
        with pytest.raises(NotFound):
            far.describe(f"m/{'0' * 64}.jpg")
        return
    proxy.fault = Fault(answer=_bare(status))
    with pytest.raises(CODES[status][0]) as told:
        far.describe(f"m/{'0' * 64}.jpg")
    assert told.value.detail == CODES[status][1]


def _why(error: PostcardError) -> type[object]:
    return type(error.__cause__)


def _meaning(kind: type[Exception]) -> tuple[type[PostcardError], str]:
    return next(meaning for listed, meaning in NO_ANSWER if issubclass(kind, listed))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(hang=True), boto.ReadTimeoutError),
        (Fault(cut_answer_at=0), boto.ConnectionClosedError),
        (Fault(answer=b"220 mail.example ESMTP\r\n"), boto.ConnectionClosedError),
    ],
)
def test_each_way_of_getting_no_answer_is_told_for_what_it_is(
    fault: Fault, kind: type[Exception], proxy: FaultyProxy, far: S3Store
) -> None:
    proxy.fault = fault
    _expect(far, kind)


def _expect(store: S3Store, kind: type[Exception]) -> None:
    expected, sentence = _meaning(kind)
    with pytest.raises(expected) as told:
        store.lifecycle_days()
    assert _why(told.value) is kind
    assert told.value.detail == sentence


def test_a_body_that_ends_early_is_told(
    proxy: FaultyProxy, far: S3Store, store: S3Store, sample: MakeSample, tmp_path: Path
) -> None:
    file = sample(290_000)
    key = store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    proxy.fault = Fault(cut_answer_at=100_000)
    with pytest.raises(StoreUnavailable) as told:
        far.fetch(key, tmp_path / "back")
    assert _why(told.value) in {boto.ResponseStreamingError, boto.IncompleteReadError}


def test_an_answer_that_cannot_be_read_is_told(proxy: FaultyProxy, far: S3Store) -> None:
    nonsense = b"HTTP/1.1 200 OK\r\nLast-Modified: on Tuesday, maybe\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    proxy.fault = Fault(answer=nonsense)
    with pytest.raises(StoreUnavailable) as told:
        far.describe(f"m/{'0' * 64}.jpg")
    assert _why(told.value) is ValueError


def test_a_closed_port_is_told(proxy: FaultyProxy, far: S3Store) -> None:
    proxy.refuse()
    _expect(far, boto.EndpointConnectionError)
    proxy.accept()


def test_a_server_that_takes_no_connection_in_time_is_told(seaweed: EmbeddedStore, section: settings.S3) -> None:
    # A queue of connections that is full and that nobody empties: the kernel leaves further ones unanswered.
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        busy = replace(section, endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        _expect(make_store(seaweed, busy), boto.ConnectTimeoutError)


def test_a_certificate_that_is_none_is_told(seaweed: EmbeddedStore, section: settings.S3) -> None:
    # Plain HTTP where TLS is expected.
    tls = replace(section, endpoint_url=section.endpoint_url.replace("http://", "https://"))
    _expect(make_store(seaweed, tls), boto.SSLError)


def test_a_proxy_that_is_away_is_told(
    seaweed: EmbeddedStore, section: settings.S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    _expect(make_store(seaweed, replace(section, endpoint_url="https://s3.example")), boto.ProxyConnectionError)


def test_no_credentials_anywhere_are_told(
    section: settings.S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session())
    _expect(S3Store(section, public_base_url=""), boto.NoCredentialsError)


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("name", ["seaweed", "ceph"])
def test_a_clock_that_differs_is_told_by_a_real_server(
    name: str, hours: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: S3Server = request.getfixturevalue(name)
    now = botocore.auth.get_current_datetime  # type: ignore[attr-defined]  # -- botocore's own import

    def elsewhere(*arguments: Any, **named: Any) -> Any:
        return now(*arguments, **named) + timedelta(hours=hours)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", elsewhere)
    store = make_store(server, settings.S3(endpoint_url=server.endpoint_url, attempts=1))
    with pytest.raises(StoreMisconfigured, match="clock"):
        store.lifecycle_days()
