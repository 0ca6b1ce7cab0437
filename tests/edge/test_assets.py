import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from apiflask import APIFlask
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.edge import create_app
from app.edge.waiting import patience
from app.host.s3 import S3Store
from app.settings import S3
from tests.edge.conftest import Browser, Working
from tests.media.pictures import photograph, png_bomb, save
from tests.upload.test_receive import CONTENT_TYPE, form, part

PHOTO = save(photograph(1600, 1200), "JPEG", quality=92)
SMALL = save(photograph(300, 200), "JPEG", quality=80)


def send(client: FlaskClient, content: bytes, filename: str = "photo.jpg", **headers: str) -> Any:
    # Written out as browsers and curl do; the test client's own encoder leaves files open.
    body = form(part("file", content, filename=filename))
    return client.post("/campaign-assets", data=body, content_type=CONTENT_TYPE, headers=headers)


def spool_is_empty(web: Postcard) -> bool:
    return not [path for path in web.spool_dir.iterdir() if path.is_file()]


def test_an_upload_is_answered_with_its_rendition_hosted_under_its_hash(web: Postcard, api: FlaskClient) -> None:
    answer = send(api, PHOTO, "Sümmer sale.jpg")
    asset = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/campaign-assets/{asset['id']}"
    assert asset["sha256"] == hashlib.sha256(PHOTO).hexdigest()
    assert (asset["state"], asset["filename"]) == ("ready", "Sümmer sale.jpg")
    assert (asset["content_type"], asset["bytes"]) == ("image/jpeg", len(PHOTO))
    assert (asset["width"], asset["height"], asset["held_until"]) == (1600, 1200, None)
    (rendition,) = asset["renditions"]
    assert rendition["profile"] == "universal"
    assert rendition["bytes"] <= rendition["budget_bytes"] == 290_000 - 4096
    fetched = requests.get(rendition["url"], timeout=10)
    assert fetched.status_code == 200
    assert fetched.headers["Content-Type"] == rendition["content_type"]
    assert hashlib.sha256(fetched.content).hexdigest() == rendition["sha256"]
    assert rendition["sha256"] in rendition["url"]
    assert rendition["available_until"] is not None
    assert spool_is_empty(web)


def test_known_bytes_are_one_asset(api: FlaskClient) -> None:
    first, again = send(api, SMALL, "a.jpg"), send(api, SMALL, "b.jpg")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json()["id"] == again.get_json()["id"]


class Counted:
    """The real thing, and which of its methods were called."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            self.calls.append(name)
            return found(*args, **options)

        return call


def test_known_bytes_are_answered_without_decoding_fitting_or_putting(
    web: Postcard, queue: Working, token: str
) -> None:
    store, decoders = Counted(web.store), Counted(web.decoders)
    queue.post = replace(web, store=store, decoders=decoders)
    client = create_app(queue.post).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    first = send(client, SMALL)
    assert {"run", "run_watched"} <= set(decoders.calls)
    assert {"put_original", "put_media"} <= set(store.calls)
    for thread in queue.threads:
        thread.join(timeout=60)
    store.calls.clear()
    decoders.calls.clear()
    jobs = len(queue.threads)
    again = send(client, SMALL)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json()["renditions"] == first.get_json()["renditions"]
    assert (decoders.calls, len(queue.threads)) == ([], jobs)
    # One look whether its original is still there; addresses and the bucket's rules are told without asking.
    assert [call for call in store.calls if call not in {"url_of", "link_to", "lifecycle_days"}] == ["describe"]


def test_an_upload_that_takes_long_is_promised_and_found_later(api: FlaskClient, queue: Working) -> None:
    queue.held = True
    answer = send(api, SMALL, Prefer="wait=0")
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "wait=0"
    assert (answer.get_json()["state"], answer.get_json()["renditions"]) == ("fitting", [])
    shown = api.get(answer.headers["Location"])
    assert (shown.status_code, shown.get_json()["state"]) == (200, "fitting")


def test_too_many_waiting_uploads_are_promised_at_once_so_that_others_are_served(
    app: APIFlask, api: FlaskClient, queue: Working
) -> None:
    queue.held = True
    with app.app_context(), ExitStack() as stack:
        while stack.enter_context(patience().wait()):
            pass
        assert send(api, SMALL, Prefer="wait=100").status_code == 202


def test_long_work_beyond_half_of_the_threads_is_refused_and_changes_nothing(
    app: APIFlask, web: Postcard, api: FlaskClient
) -> None:
    asset = send(api, SMALL).get_json()
    with app.app_context(), ExitStack() as stack:
        for _ in range(web.settings.web.threads // 2):
            stack.enter_context(patience().work())
        answers = [
            send(api, PHOTO),
            api.post(f"/campaign-assets/{asset['id']}/renditions", json={"profile": "urgent"}),
            api.delete(f"/campaign-assets/{asset['id']}"),
        ]
        assert {(each.status_code, each.get_json()["type"].split("#")[1]) for each in answers} == {
            (503, "decoder-busy")
        }
        assert {each.headers["Retry-After"] for each in answers} == {"3"}
        assert [each["id"] for each in api.get("/campaign-assets").get_json()["items"]] == [asset["id"]]
    assert send(api, PHOTO).status_code == 201
    assert api.delete(f"/campaign-assets/{asset['id']}").status_code == 204


@pytest.mark.parametrize(
    ("content", "filename", "status", "slug"),
    [
        (b"", "empty.jpg", 422, "upload-empty"),
        (b"I am text, not a picture, whatever my name says.\n" * 20, "text.jpg", 415, "media-unsupported"),
        (PHOTO[: len(PHOTO) // 2], "cut.jpg", 422, "media-damaged"),
        (png_bomb(), "bomb.png", 422, "media-too-big"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "x.svg", 415, "media-unsupported"),
        (b"<!doctype html><html><body>hi</body></html>", "x.html", 415, "media-unsupported"),
        (b"PK\x03\x04" + b"\0" * 100, "x.zip", 415, "media-unsupported"),
        (b"\xff\xd8\xff\xe0" + b"x" * 5_000_001, "huge.jpg", 413, "upload-too-large"),
    ],
    ids=["empty", "text", "truncated", "png bomb", "svg", "html", "zip", "too large"],
)
def test_what_is_no_media_is_refused_and_leaves_nothing(
    web: Postcard, api: FlaskClient, content: bytes, filename: str, status: int, slug: str
) -> None:
    answer = send(api, content, filename)
    problem = answer.get_json()
    assert (answer.status_code, problem["type"]) == (status, f"http://127.0.0.1:8000/docs/errors#{slug}")
    assert answer.content_type == "application/problem+json"
    assert problem["title"]
    assert problem["detail"]
    assert problem["remedy"]
    assert api.get("/campaign-assets").get_json()["items"] == []
    assert spool_is_empty(web)


def test_the_file_name_never_harms(api: FlaskClient) -> None:
    shown = send(api, SMALL, "../../etc/pass\u202ewd" + "x" * 300 + ".jpg").get_json()["filename"]
    assert len(shown) <= 120
    assert "/" not in shown
    assert shown.endswith(".jpg")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x", "text/plain", 415),
        (b"x", "multipart/form-data", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"url": 5}', "application/json", 422),
        (b'{"url": "https://a/b", "more": 1}', "application/json", 422),
        (b'{"url": "ftp://a/b"}', "application/json", 422),
        (b"", "", 415),
    ],
)
def test_a_body_of_another_kind_is_refused(api: FlaskClient, body: bytes, content_type: str, status: int) -> None:
    answer = api.post("/campaign-assets", data=body, content_type=content_type)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


class Photo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/photo.jpg" else 404)
        self.send_header("Content-Length", str(len(SMALL)))
        self.end_headers()
        self.wfile.write(SMALL)

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Photo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_media_is_fetched_by_its_address(api: FlaskClient, site: str) -> None:
    answer = api.post("/campaign-assets", json={"url": f"{site}/photo.jpg"})
    assert answer.status_code == 201
    assert answer.get_json()["sha256"] == hashlib.sha256(SMALL).hexdigest()
    refused = api.post("/campaign-assets", json={"url": f"{site}/gone.jpg"})
    assert (refused.status_code, refused.get_json()["http_status"]) == (422, 404)


def test_a_private_address_is_not_fetched_unless_allowed(web: Postcard, site: str, token: str) -> None:
    closed = replace(web.settings, upload=replace(web.settings.upload, fetch_private=False))
    client = create_app(replace(web, settings=closed)).test_client()
    answer = client.post(
        "/campaign-assets", json={"url": f"{site}/photo.jpg"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 422
    assert "not a public address" in answer.get_json()["detail"]


def test_a_rendition_is_made_for_a_profile(api: FlaskClient) -> None:
    asset = send(api, PHOTO).get_json()
    made = api.post(f"/campaign-assets/{asset['id']}/renditions", json={"profile": "urgent"})
    assert made.status_code == 201
    assert made.get_json()["bytes"] <= 150_000 - 4096
    wrong = api.post(f"/campaign-assets/{asset['id']}/renditions", json={"profile": "gigantic"})
    assert (wrong.status_code, wrong.get_json()["errors"][0]["field"]) == (422, "profile")


def test_an_asset_is_deleted_and_gone(api: FlaskClient) -> None:
    asset = send(api, SMALL).get_json()
    assert api.delete(f"/campaign-assets/{asset['id']}").status_code == 204
    assert api.get(f"/campaign-assets/{asset['id']}").status_code == 404
    assert requests.get(asset["renditions"][0]["url"], timeout=10).status_code in {403, 404}
    assert api.delete(f"/campaign-assets/{asset['id']}").status_code == 404


def test_a_draft_keeps_its_asset(api: FlaskClient) -> None:
    asset = send(api, SMALL).get_json()
    draft = api.post(
        "/campaigns", json={"parts": [{"asset_id": asset["id"]}], "recipients": ["12515550130"], "start": False}
    ).get_json()
    refused = api.delete(f"/campaign-assets/{asset['id']}")
    assert (refused.status_code, refused.get_json()["campaigns"]) == (409, [draft["id"]])


def test_the_library_is_listed_in_pages(api: FlaskClient) -> None:
    ids = [send(api, save(photograph(40, 40, seed), "PNG"), f"{seed}.png").get_json()["id"] for seed in range(3)]
    first = api.get("/campaign-assets?limit=2").get_json()
    assert [each["id"] for each in first["items"]] == [ids[2], ids[1]]
    second = api.get(f"/campaign-assets?limit=2&before={first['next']}").get_json()
    assert ([each["id"] for each in second["items"]], second["next"]) == ([ids[0]], None)
    assert api.get("/campaign-assets?limit=0").status_code == 422


def test_a_store_that_is_away_is_said_and_nothing_is_half_done(web: Postcard, token: str, s3_section: S3) -> None:
    section = replace(s3_section, endpoint_url="http://127.0.0.1:9", attempts=1)
    away = S3Store(section, public_base_url="http://127.0.0.1:9", access_key="key", secret_key="secret")
    client = create_app(replace(web, store=away)).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    answer = send(client, SMALL)
    assert (answer.status_code, answer.get_json()["type"].split("#")[1]) == (503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/campaign-assets").get_json()["items"] == []
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_a_page_uploads_with_its_session_and_csrf_header(browser: Browser) -> None:
    answer = send(browser.client, SMALL, "a.jpg", **{"X-CSRFToken": browser.csrf, "Accept": "application/json"})
    assert answer.status_code == 201
    assert answer.get_json()["created_by"] == "mia"
