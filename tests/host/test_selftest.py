"""The self-test against servers that do it right and servers that do it wrong, over the wire."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.errors import MediaUnreachable
from app.host.s3 import S3Store
from app.host.selftest import verify_public
from tests.contract.test_store import MakeSample

CONTENT = b"x" * 5000
THREE_DAYS = 259_200
GOOD = {"Content-Type": "image/jpeg", "Content-Length": "5000", "Cache-Control": "public, max-age=604800, immutable"}


@contextmanager
def _server(
    *, status: int = 200, headers: dict[str, str] | None = None, body: bytes = CONTENT, pause_seconds: float = 0.0
) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in (headers if headers is not None else GOOD).items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for byte in range(0, len(body), 500):
                    self.wfile.write(body[byte : byte + 500])
                    time.sleep(pause_seconds)
            except OSError:
                pass  # the reader has seen enough
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/m/x.jpg"
        server.shutdown()
        thread.join()


def _verify(url: str, read_seconds: float = 5.0) -> dict[str, object]:
    return verify_public(
        url,
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        content_type="image/jpeg",
        bytes=5000,
        minimum_cache_seconds=THREE_DAYS,
        connect_seconds=2,
        read_seconds=read_seconds,
    )


def _failed(url: str, read_seconds: float = 5.0) -> set[str]:
    with pytest.raises(MediaUnreachable) as refused:
        _verify(url, read_seconds)
    facts = json.loads(json.dumps(refused.value.facts))
    assert facts["url"] == url
    assert facts["cause"] in refused.value.detail
    assert facts["advice"] in refused.value.detail
    return {check["name"] for check in facts["checks"] if not check["passed"]}


def test_what_the_store_serves_passes(store: S3Store, sample: MakeSample) -> None:
    file = sample(290_000)
    put = store.put_media(file.path, sha256=file.sha256, content_type="image/png")
    told = verify_public(
        store.url_of(put.key),
        sha256=file.sha256,
        content_type="image/png",
        bytes=290_000,
        minimum_cache_seconds=THREE_DAYS,
        connect_seconds=3,
        read_seconds=10,
    )
    assert told["ok"] is True
    assert told["bytes"] == 290_000
    assert all(check["passed"] for check in json.loads(json.dumps(told))["checks"])


def test_a_plain_good_server_passes() -> None:
    with _server() as url:
        assert _verify(url)["ok"] is True


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"Content-Type": "application/octet-stream"}, {"content_type"}),
        ({"Content-Type": ""}, {"content_type"}),
        ({"Cache-Control": "public, max-age=3600"}, {"cache_age"}),
        ({"Cache-Control": "public, max-age=604800, s-maxage=60"}, {"cache_age"}),
        ({"Cache-Control": "private, max-age=604800"}, {"cache_age"}),
        ({"Cache-Control": "no-store"}, {"cache_age"}),
        ({"Cache-Control": "immutable"}, {"cache_age"}),
        ({"Content-Length": "4999"}, {"content_length", "bytes", "sha256"}),
    ],
)
def test_each_wrong_header_is_found(change: dict[str, str], failed: set[str]) -> None:
    with _server(headers=GOOD | change) as url:
        assert _failed(url) == failed


def test_a_redirect_is_not_followed() -> None:
    with _server(status=302, headers=GOOD | {"Location": "http://127.0.0.1:1/other"}) as url:
        assert _failed(url) == {"no_redirect", "status"}


@pytest.mark.parametrize("status", [403, 404, 500, 206])
def test_another_status_is_refused(status: int) -> None:
    with _server(status=status) as url:
        assert "status" in _failed(url)


def test_a_chunked_answer_is_refused() -> None:
    chunked = b"1388\r\n" + CONTENT + b"\r\n0\r\n\r\n"
    headers = {name: value for name, value in GOOD.items() if name != "Content-Length"}
    with _server(headers=headers | {"Transfer-Encoding": "chunked"}, body=chunked) as url:
        assert _failed(url) == {"not_chunked", "content_length"}


def test_a_compressed_answer_is_refused() -> None:
    with _server(headers=GOOD | {"Content-Encoding": "gzip"}, body=CONTENT) as url:
        assert _failed(url) == {"not_encoded"}


def test_an_address_without_a_valid_certificate_is_refused() -> None:
    with _server() as url, pytest.raises(MediaUnreachable, match="a certificate that is not valid") as refused:
        _verify(url.replace("http://", "https://"))
    assert "certificate" in refused.value.facts["advice"]


def test_other_bytes_are_refused() -> None:
    with _server(body=b"y" * 5000) as url:
        assert _failed(url) == {"sha256"}


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    headers = {name: value for name, value in GOOD.items() if name != "Content-Length"}
    with _server(headers=headers, body=b"x" * 50_000_000) as url:
        assert _failed(url) == {"content_length", "bytes", "sha256"}


def test_an_answer_that_breaks_off_is_refused() -> None:
    with _server(body=CONTENT[:2500]) as url:
        assert _failed(url) <= {"connection", "bytes", "sha256"}


@pytest.mark.parametrize("pause_seconds", [0.2, 3.0])
def test_an_answer_that_drips_is_given_up(pause_seconds: float) -> None:
    with _server(pause_seconds=pause_seconds) as url, pytest.raises(MediaUnreachable) as refused:
        verify_public(
            url, sha256="0" * 64, content_type="image/jpeg", bytes=5000,
            minimum_cache_seconds=1, connect_seconds=0.5, read_seconds=0.5,
        )  # fmt: skip
    assert refused.value.facts["checks"][0]["found"] == "no whole answer in time"


def test_a_closed_port_and_an_unknown_host_are_told_apart() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert _failed(f"http://127.0.0.1:{taken.getsockname()[1]}/m/x.jpg") == {"connection"}
    with pytest.raises(MediaUnreachable, match="does not resolve"):
        _verify("http://nowhere.invalid/m/x.jpg")
