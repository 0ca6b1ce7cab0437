"""Uploads that go straight to the store: signed requests on a real SeaweedFS, and what they do not allow."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from apiflask import APIFlask
from flask.testing import FlaskClient
from PIL import Image

from app.duties.postcard import Postcard
from app.edge import create_app
from app.records.people import make_token
from app.records.uploads import get_upload
from app.settings import Upload
from tests.edge.conftest import Working
from tests.edge.test_assets import SMALL, spool_is_empty
from tests.media.pictures import save

LARGE = save(Image.frombytes("RGB", (2600, 2600), os.urandom(2600 * 2600 * 3)), "PNG", compress_level=0)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def roomy(post: Postcard, queue: Working) -> Iterator[Postcard]:
    """The path as the web process has it, taking long files."""
    settings = replace(
        post.settings,
        upload=replace(Upload(), max_bytes=60_000_000),
        web=replace(post.settings.web, wait_seconds=60),
    )
    path = replace(post, settings=settings, queue=queue)
    queue.post = path
    yield path
    for thread in queue.threads:
        thread.join(timeout=60)


@pytest.fixture
def program(roomy: Postcard) -> FlaskClient:
    with roomy.change() as change:
        token = make_token(change.connection, "tests", at=change.at)
    app: APIFlask = create_app(roomy)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def begin(client: FlaskClient, content: bytes, **changes: object) -> Any:
    body = {"filename": "summer.jpg", "bytes": len(content), "sha256": sha256(content), **changes}
    return client.post("/campaign-assets/uploads", json=body)


def put(signed: dict[str, Any], content: bytes) -> int:
    return requests.put(signed["url"], data=content, headers=signed["headers"], timeout=30).status_code


def parts_of(upload: dict[str, Any], content: bytes) -> dict[int, bytes]:
    size = upload["part_bytes"]
    return {number + 1: content[number * size :][:size] for number in range(upload["part_count"])}


def sign(client: FlaskClient, upload: dict[str, Any], parts: dict[int, bytes]) -> dict[int, dict[str, Any]]:
    wanted = [{"number": number, "sha256": sha256(content)} for number, content in parts.items()]
    answer = client.post(f"/campaign-assets/uploads/{upload['id']}/parts", json={"parts": wanted})
    assert answer.status_code == 200, answer.text
    return {each["number"]: each for each in answer.get_json()["parts"]}


def complete(client: FlaskClient, upload: dict[str, Any], parts: dict[int, bytes] | None = None) -> Any:
    told = [{"number": number, "sha256": sha256(content)} for number, content in (parts or {}).items()]
    return client.post(f"/campaign-assets/uploads/{upload['id']}/complete", json={"parts": told})


def in_store(post: Postcard) -> list[str]:
    return [each.key for each in post.store.list_keys("incoming/")]


def test_a_short_file_goes_in_one_put_and_becomes_an_asset(program: FlaskClient, roomy: Postcard) -> None:
    upload = begin(program, SMALL).get_json()
    (signed,) = upload["signed"]
    assert (upload["state"], upload["part_count"], signed["bytes"]) == ("open", 1, len(SMALL))
    assert put(signed, SMALL) == 200
    done = complete(program, upload)
    assert done.status_code == 201
    asset = done.get_json()
    assert (asset["sha256"], asset["state"], asset["filename"]) == (sha256(SMALL), "ready", "summer.jpg")
    assert requests.get(asset["renditions"][0]["url"], timeout=10).status_code == 200
    shown = program.get(f"/campaign-assets/uploads/{upload['id']}").get_json()
    assert (shown["state"], shown["asset_id"]) == ("done", asset["id"])
    assert f"incoming/{upload['id']}" not in in_store(roomy)
    assert spool_is_empty(roomy)
    assert complete(program, upload).get_json()["id"] == asset["id"]


def test_the_store_takes_nothing_but_the_announced_bytes(program: FlaskClient, roomy: Postcard) -> None:
    upload = begin(program, SMALL).get_json()
    (signed,) = upload["signed"]
    assert put(signed, SMALL[:-1] + b"x") == 400
    assert put(signed, SMALL + b"x") == 403
    other = {**signed, "headers": {"x-amz-checksum-sha256": "AAAA"}}
    assert put(other, SMALL) == 403
    assert requests.get(signed["url"].partition("?")[0], timeout=10).status_code in {403, 404}
    refused = complete(program, upload)
    assert (refused.status_code, refused.get_json()["missing"]) == (409, [1])


def test_a_long_file_goes_in_parts_and_goes_on_after_a_lost_connection(program: FlaskClient, roomy: Postcard) -> None:
    upload = begin(program, LARGE, filename="noise.png", sha256="").get_json()
    parts = parts_of(upload, LARGE)
    assert (upload["part_count"], upload["signed"]) == (2, [])
    assert put(sign(program, upload, parts)[1], parts[1]) == 200
    # The browser lost its connection here; it asks what is there, and sends the rest.
    seen = program.get(f"/campaign-assets/uploads/{upload['id']}").get_json()
    (received,) = seen["received"]
    assert (received["number"], received["bytes"]) == (1, len(parts[1]))
    assert received["sha256"] in {"", sha256(parts[1])}  # SeaweedFS does not list checksums, AWS does
    refused = complete(program, upload)
    assert (refused.status_code, refused.get_json()["missing"]) == (409, [2])
    assert put(sign(program, upload, {2: parts[2]})[2], parts[2][:-1] + b"x") == 400
    assert put(sign(program, upload, {2: parts[2]})[2], parts[2]) == 200
    assert complete(program, upload, {1: parts[1], 2: b"other"}).status_code == 400
    done = complete(program, upload, parts)
    assert done.status_code == 201
    assert (done.get_json()["sha256"], done.get_json()["bytes"]) == (sha256(LARGE), len(LARGE))
    assert f"incoming/{upload['id']}" not in in_store(roomy)


def test_a_completion_whose_answer_was_lost_may_be_repeated(program: FlaskClient, roomy: Postcard) -> None:
    upload = begin(program, LARGE, sha256="").get_json()
    parts = parts_of(upload, LARGE)
    for number, signed in sign(program, upload, parts).items():
        assert put(signed, parts[number]) == 200
    with roomy.database.read() as connection:
        row = get_upload(connection, upload["id"])
    incoming = roomy.store.incoming
    there = incoming.received_parts(row.id, row.multipart_id)
    told = [replace(each, sha256=sha256(parts[each.number])) for each in there]
    incoming.complete(row.id, row.multipart_id, told)
    assert complete(program, upload).status_code == 201


def test_what_arrived_and_cannot_be_sent_says_why(program: FlaskClient, roomy: Postcard) -> None:
    words = b"just some words, not a picture"
    upload = begin(program, words).get_json()
    assert put(upload["signed"][0], words) == 200
    refused = complete(program, upload)
    assert refused.status_code == 415
    assert refused.get_json()["type"].endswith("#media-unsupported")
    assert program.get(f"/campaign-assets/uploads/{upload['id']}").get_json()["state"] == "failed"
    assert f"incoming/{upload['id']}" not in in_store(roomy)
    assert spool_is_empty(roomy)


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"bytes": 0}, 422), ({"bytes": 60_000_001}, 413), ({"sha256": ""}, 422), ({"sha256": "zz"}, 422)],
)
def test_what_cannot_come_is_refused_before_a_byte_is_sent(
    program: FlaskClient, changes: dict[str, object], status: int
) -> None:
    assert begin(program, SMALL, **changes).status_code == status


def test_an_upload_that_is_taken_back_leaves_nothing(program: FlaskClient, roomy: Postcard) -> None:
    upload = begin(program, LARGE, sha256="").get_json()
    parts = parts_of(upload, LARGE)
    signed = sign(program, upload, parts)
    assert put(signed[1], parts[1]) == 200
    assert program.delete(f"/campaign-assets/uploads/{upload['id']}").status_code == 204
    assert put(signed[2], parts[2]) == 404
    assert complete(program, upload).status_code == 400
    assert program.post(f"/campaign-assets/uploads/{upload['id']}/parts", json={"parts": []}).status_code == 422
    assert program.delete(f"/campaign-assets/uploads/{upload['id']}").status_code == 409


def test_parts_that_the_upload_does_not_have_are_refused(program: FlaskClient) -> None:
    upload = begin(program, LARGE, sha256="").get_json()
    body = {"parts": [{"number": 3, "sha256": sha256(b"x")}]}
    refused = program.post(f"/campaign-assets/uploads/{upload['id']}/parts", json=body)
    assert (refused.status_code, refused.get_json()["numbers"]) == (422, [3])
    assert program.get("/campaign-assets/uploads/upl_none").status_code == 404
