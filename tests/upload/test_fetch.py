import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.errors import FetchRefused, UploadEmpty, UploadTooLarge
from app.model.media import Spooled
from app.upload.fetch import fetch_url

CONTENT = b"\xff\xd8" + bytes(range(256)) * 40


class Site(BaseHTTPRequestHandler):
    """A web server with every bad habit."""

    seen: list[str]
    internal_url = ""

    def do_GET(self) -> None:
        type(self).seen.append(self.path)
        what = self.path.strip("/").split("/")[0].split("?")[0]
        getattr(self, f"on_{what}", self.on_missing)()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def on_photo(self) -> None:
        self.answer(200, CONTENT, Content_Type="image/jpeg; charset=x")

    def on_named(self) -> None:
        self.answer(200, CONTENT, Content_Disposition='attachment; filename="../Sale.jpg"')

    def on_missing(self) -> None:
        self.answer(404, b"no such page")

    def on_empty(self) -> None:
        self.answer(200)

    def on_redirect(self) -> None:
        self.answer(302, b"x" * 100_000, Location=f"/{'/'.join(self.path.strip('/').split('/')[1:])}")

    def on_loop(self) -> None:
        self.answer(302, Location="/loop")

    def on_inward(self) -> None:
        self.answer(302, Location=type(self).internal_url)

    def on_to_file(self) -> None:
        self.answer(302, Location="file:///etc/passwd")

    def on_with_password(self) -> None:
        self.answer(302, Location=f"http://me:secret@{self.headers['Host']}/photo")

    def on_slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def on_cut(self) -> None:
        self.answer(200, b"abc", Content_Length="1000")

    def on_large(self) -> None:
        self.answer(200, b"x" * 200_000)

    def on_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b"x" * 10_000)

    def on_garbage(self) -> None:
        self.wfile.write(b"I am no web server\r\n\r\n")

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


def serve(host: str) -> tuple[Server, type[Site]]:
    site = type("OneSite", (Site,), {"seen": []})
    server = Server((host, 0), site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, site


@pytest.fixture
def site() -> Iterator[tuple[str, type[Site]]]:
    server, handler = serve("127.0.0.1")
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()


def fetch(url: str, spool_dir: Path, **changed: Any) -> Spooled:
    how: dict[str, Any] = {"max_bytes": 100_000, "seconds": 10, "allow_http": True, "allow_private": True}
    return fetch_url(url, spool_dir=spool_dir, **(how | changed))


def test_a_file_is_fetched_counted_and_hashed(site: tuple[str, type[Site]], tmp_path: Path) -> None:
    spooled = fetch(site[0] + "/photo/summer%20sale.jpg?size=1", tmp_path)
    assert spooled.path.read_bytes() == CONTENT
    assert spooled.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (spooled.bytes, spooled.filename, spooled.declared_type) == (len(CONTENT), "summer sale.jpg", "image/jpeg")


def test_a_url_may_have_letters_beyond_ascii(site: tuple[str, type[Site]], tmp_path: Path) -> None:
    assert fetch(site[0] + "/photo/Grüße.jpg", tmp_path).filename == "Grüße.jpg"
    with pytest.raises(FetchRefused, match="name of the server is not known"):
        fetch("http://grüße.invalid/a.jpg", tmp_path)


def test_the_servers_own_file_name_is_taken_and_cleaned(site: tuple[str, type[Site]], tmp_path: Path) -> None:
    assert fetch(site[0] + "/named", tmp_path).filename == "Sale.jpg"


def test_five_redirects_are_followed(site: tuple[str, type[Site]], tmp_path: Path) -> None:
    assert fetch(site[0] + "/redirect" * 5 + "/photo", tmp_path).bytes == len(CONTENT)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/redirect" * 6 + "/photo", "more than 5 times"),
        ("/loop", "more than 5 times"),
        ("/missing", "answers 404"),
        ("/redirect/missing", "answers 404"),
        ("/cut", "before its announced length"),
        ("/garbage", "cannot be understood"),
        ("/to_file", "must start with https:// or http://"),
        ("/with_password", "user name or password"),
    ],
)
def test_a_server_that_misbehaves_is_refused_with_the_reason(
    site: tuple[str, type[Site]], tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(FetchRefused) as refused:
        fetch(site[0] + path, tmp_path)
    assert reason in refused.value.detail
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_dribbles_is_given_up_in_time(site: tuple[str, type[Site]], tmp_path: Path) -> None:
    with pytest.raises(FetchRefused, match=r"longer than 0\.5 seconds"):
        fetch(site[0] + "/slow", tmp_path, seconds=0.5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/large", "/endless"])
def test_too_much_is_stopped_announced_or_not(site: tuple[str, type[Site]], tmp_path: Path, path: str) -> None:
    with pytest.raises(UploadTooLarge) as refused:
        fetch(site[0] + path, tmp_path)
    assert refused.value.facts == {"limit_bytes": 100_000}
    assert list(tmp_path.iterdir()) == []


def test_an_answer_without_bytes_is_an_empty_upload(site: tuple[str, type[Site]], tmp_path: Path) -> None:
    with pytest.raises(UploadEmpty):
        fetch(site[0] + "/empty", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_this_machine_is_connected_to(site: tuple[str, type[Site]], tmp_path: Path, host: str) -> None:
    port = site[0].rsplit(":", 1)[1]
    with pytest.raises(FetchRefused) as refused:
        fetch(f"http://{host}:{port}/photo", tmp_path, allow_private=False)
    assert "not a public address" in refused.value.detail
    assert site[1].seen == []
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_into_our_own_network_is_not_followed(tmp_path: Path) -> None:
    """127.0.0.2 plays the public internet here, 127.0.0.1 our own network."""
    outside, outside_site = serve("127.0.0.2")
    inside, inside_site = serve("127.0.0.1")
    outside_site.internal_url = f"http://127.0.0.1:{inside.server_port}/photo"
    try:
        with pytest.raises(FetchRefused) as refused:
            fetch(
                f"http://127.0.0.2:{outside.server_port}/inward",
                tmp_path,
                allow_private=False,
                may_reach=lambda address: address == "127.0.0.2",
            )
    finally:
        for server in (outside, inside):
            server.shutdown()
            server.server_close()
    assert refused.value.facts["address"] == "127.0.0.1"
    assert (outside_site.seen, inside_site.seen) == (["/inward"], [])


def test_a_proxy_of_the_environment_is_not_used(
    site: tuple[str, type[Site]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert fetch(site[0] + "/photo", tmp_path).bytes == len(CONTENT)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/a.jpg", "must start with https://"),
        ("ftp://example.com/a.jpg", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("//example.com/a", "must start with"),
        ("photo.jpg", "must start with"),
        ("https:///a.jpg", "names no server"),
        ("https://me:secret@example.com/a.jpg", "user name or password"),
        ("https://example.com/a b", "spaces"),
        ("https://example.com\\@127.0.0.1/", "backslashes"),
        ("https://example.com/\r\nHost: x", "control characters"),
        ("https://example.com:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://example.com/" + "a" * 3000, "too long"),
    ],
)
def test_a_url_that_is_no_public_https_url_is_refused(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(FetchRefused) as refused:
        fetch(url, tmp_path, allow_http=False)
    assert reason in refused.value.detail
    assert "secret" not in str(refused.value.facts)


def test_a_name_that_nobody_knows_and_a_closed_port_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FetchRefused, match="name of the server is not known"):
        fetch("http://nobody.invalid/a.jpg", tmp_path)
    with pytest.raises(FetchRefused, match="does not take a connection"):
        fetch("http://127.0.0.1:9/a.jpg", tmp_path)
