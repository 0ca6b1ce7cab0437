"""What handsets send is kept privately, and only bytes of our own making are shown."""

import base64
import io
import json

import pytest
from flask.testing import FlaskClient
from PIL import Image

from app.duties.postcard import Postcard
from app.pipeline import settle_report
from tests.media.pictures import phone_photo
from tests.path import take


def part(content_type: str, content: bytes) -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
    return head + base64.encodebytes(content)


def inbound(post: Postcard, *parts: bytes) -> None:
    details = json.dumps({"type": "MO", "moId": 7, "source": "12515550130", "destinations": ["88600"]}).encode()
    pieces = [b"Content-Type: application/json\r\nContent-Id: main\r\n\r\n" + details, *parts]
    body = b"".join(b"--b\r\n" + piece + b"\r\n" for piece in pieces) + b"--b--\r\n"
    take(post, body, "multipart/mixed; boundary=b")
    settle_report(post)


def urls(api: FlaskClient) -> list[str | None]:
    (item,) = api.get("/inbound").get_json()["items"]
    found: list[str | None] = item["part_urls"]
    return found


def test_a_picture_is_shown_encoded_anew_upright_and_without_its_metadata(web: Postcard, api: FlaskClient) -> None:
    came = phone_photo(1600, 1200, orientation=6, gps=True)
    inbound(web, part("image/jpeg", came))
    (url,) = urls(api)
    answer = api.get(url or "")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Exif" not in answer.data
    assert answer.data[:200] != came[:200]
    with Image.open(io.BytesIO(answer.data)) as shown:
        assert shown.size == (960, 1280)


def test_what_claims_to_be_a_picture_and_is_something_else_is_not_shown(web: Postcard, api: FlaskClient) -> None:
    inbound(web, part("image/png", b"<html><script>alert(1)</script>"), part("image/svg+xml", b"<svg onload='x()'/>"))
    for url in urls(api):
        answer = api.get(url or "")
        assert answer.status_code in {415, 422}
        assert answer.content_type == "application/problem+json"


def test_text_is_plain_text_even_if_it_looks_like_a_page(web: Postcard, api: FlaskClient) -> None:
    inbound(web, part("text/plain; charset=utf-8", b"<script>alert(1)</script>"))
    (url,) = urls(api)
    answer = api.get(url or "")
    assert (answer.content_type, answer.text) == ("text/plain; charset=utf-8", "<script>alert(1)</script>")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_kinds_have_no_address_and_are_refused_at_the_one_they_would_have(
    web: Postcard, api: FlaskClient
) -> None:
    inbound(web, part("text/html", b"<b>hi</b>"), part("application/pdf", b"%PDF-1.7"))
    assert urls(api) == [None, None]
    (item,) = api.get("/inbound").get_json()["items"]
    assert api.get(f"/inbound/{item['id']}/parts/0").status_code == 415


@pytest.mark.parametrize(
    "path", ["/inbound/mo_none/parts/0", "/inbound/{id}/parts/1", "/inbound/{id}/parts/x", "/inbound/{id}/parts/-1"]
)
def test_a_part_that_is_not_there_is_not_found(web: Postcard, api: FlaskClient, path: str) -> None:
    inbound(web, part("text/plain", b"hi"))
    (item,) = api.get("/inbound").get_json()["items"]
    assert api.get(path.format(id=item["id"])).status_code == 404


def test_nobody_sees_it_without_signing_in(web: Postcard, api: FlaskClient, nobody: FlaskClient) -> None:
    inbound(web, part("text/plain", b"hi"))
    (url,) = urls(api)
    assert nobody.get(url or "").status_code == 401
