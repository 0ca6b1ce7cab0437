"""Uploads to a running installation, through gunicorn: a phone's photograph, and a file that is longer than the limit."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from urllib.parse import urlsplit

import pytest
import requests

from app.host.embedded import EmbeddedStore
from tests.media.pictures import phone_photo
from tests.path import wait_until
from tests.servers.postcard import RunningPostcard, environment_of, has_answer, running_postcard
from tests.servers.sandbox import RunningSandbox


@pytest.fixture(scope="module")
def postcard(
    tmp_path_factory: pytest.TempPathFactory, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> Iterator[RunningPostcard]:
    folder = tmp_path_factory.mktemp("uploads")
    with running_postcard(folder, environment_of(folder, seaweed, sandbox), sandbox) as running:
        yield running


def test_a_photograph_of_12_megapixels_is_answered_201_fitted_and_hosted(postcard: RunningPostcard) -> None:
    photo = phone_photo(4032, 3024, orientation=6, gps=True)
    answer = postcard.call("POST", "/campaign-assets", files={"file": ("holiday.jpg", photo)})
    asset = answer.json()
    assert (answer.status_code, asset["state"]) == (201, "ready")
    assert (asset["width"], asset["height"], asset["has_location"]) == (3024, 4032, True)
    (rendition,) = asset["renditions"]
    assert rendition["bytes"] <= rendition["budget_bytes"]
    assert "location and other metadata removed" in rendition["given_up"]
    assert requests.get(rendition["url"], timeout=10).headers["Content-Type"] == "image/jpeg"
    again = postcard.call("POST", "/campaign-assets", files={"file": ("copy.jpg", photo)})
    assert (again.status_code, again.json()["id"]) == (200, asset["id"])


def test_a_file_of_60_megabytes_is_refused_in_words_and_leaves_nothing(postcard: RunningPostcard) -> None:
    long_file = b"\xff\xd8\xff\xe0" + bytes(60_000_000)
    answer = postcard.call("POST", "/campaign-assets", files={"file": ("film.jpg", long_file)})
    problem = answer.json()
    assert (answer.status_code, problem["type"].split("#")[1]) == (413, "upload-too-large")
    assert problem["limit_bytes"] == 50_000_000
    assert [path for path in (postcard.folder / "data" / "spool").iterdir() if path.is_file()] == []
    assert postcard.call("GET", "/campaigns").status_code == 200


def test_uploads_that_stand_still_hold_up_neither_reports_nor_pages(postcard: RunningPostcard) -> None:
    with postcard.half_uploads(20) as slow:  # of 16 threads half may take long
        wait_until(lambda: sum(map(has_answer, slow)) == 12)
        for number in range(30):
            report = f'{{"type":"REPORT","mtId":"{number}","status":"Forwarded"}}'
            assert requests.post(postcard.callback_url, data=report, timeout=5).status_code == 200
        assert postcard.call("GET", "/campaigns").status_code == 200
        answer = postcard.call("POST", "/campaign-assets", files={"file": ("holiday.jpg", phone_photo(400, 300))})
        problem = answer.json()
        assert (answer.status_code, problem["type"].split("#")[1]) == (503, "decoder-busy")
        assert (answer.headers["Retry-After"], problem["remedy"]) == ("3", "Try again in some seconds.")
        taken = [each for each in slow if not has_answer(each)]
        assert len(taken) == 8
        assert {postcard.finish_upload(each) for each in taken} == {"415"}
    assert postcard.upload(phone_photo(400, 300))["state"] == "ready"


def test_connections_on_which_nothing_comes_hold_no_thread(postcard: RunningPostcard) -> None:
    place = (urlsplit(postcard.url).hostname, urlsplit(postcard.url).port)
    with ExitStack() as stack:
        # Five seconds each, in 16 threads, would be 75 seconds.
        silent = [stack.enter_context(socket.create_connection(place)) for _ in range(240)]
        assert requests.get(f"{postcard.url}/healthz", timeout=60).status_code == 200
        last = silent[-1]
        last.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert last.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_clients_that_leave_an_ended_connection_open_hold_up_nobody(postcard: RunningPostcard) -> None:
    place = (urlsplit(postcard.url).hostname, urlsplit(postcard.url).port)
    with ExitStack() as stack:
        for _ in range(100):  # two seconds each, one after the other, would be 200 seconds; more than are waited for
            ended = stack.enter_context(socket.create_connection(place))
            ended.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(partial(ended.recv, 1000), b""))
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert answer.rstrip().endswith(b"}")
        assert requests.get(f"{postcard.url}/healthz", timeout=60).status_code == 200


def test_in_chunks_too(postcard: RunningPostcard) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="film.jpg"\r\n\r\n\xff\xd8\xff\xe0'
        for _ in range(60):
            yield bytes(1_000_000)
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        answer = postcard.call("POST", "/campaign-assets", data=body(), headers=headers)
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # it may be cut off while it still sends: an endless body has no length that could be waited for
    assert [path for path in (postcard.folder / "data" / "spool").iterdir() if path.is_file()] == []
    assert postcard.call("GET", "/campaigns").status_code == 200


def test_a_report_in_chunks_arrives_whole(postcard: RunningPostcard) -> None:
    def body() -> Iterator[bytes]:
        yield b'{"type": "MO", "moId": 7, "source": "12515550199",'
        yield b' "destinations": ["88600"], "subject": "in pieces"}'

    answer = requests.post(postcard.callback_url, data=body(), headers={"Content-Type": "application/json"}, timeout=20)
    assert (answer.status_code, answer.content) == (200, b"")
    wait_until(lambda: "in pieces" in postcard.call("GET", "/inbound").text)
