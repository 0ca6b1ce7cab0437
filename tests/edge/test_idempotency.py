"""Idempotency-Key on the calls beside /campaigns: the first answer comes again, with its place, whatever it was."""

from typing import Any

from flask.testing import FlaskClient

from tests.edge.conftest import Working
from tests.edge.test_assets import SMALL, send
from tests.edge.test_campaigns import TEXT

KEY = {"Idempotency-Key": "k-1"}


def test_a_promise_is_repeated_and_does_not_block_its_key(api: FlaskClient, queue: Working) -> None:
    queue.held = True
    first = send(api, SMALL, **{"Prefer": "wait=0", **KEY})
    again = send(api, SMALL, **{"Prefer": "wait=0", **KEY})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.get_json() == first.get_json()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_repeated_answer_names_its_place(api: FlaskClient) -> None:
    answers: list[Any] = [api.post("/campaigns", json={**TEXT, "start": False}, headers=KEY) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert api.get(answers[1].headers["Location"]).status_code == 200


def test_a_rendition_with_a_key_is_answered_the_same_again(api: FlaskClient) -> None:
    asset = send(api, SMALL).get_json()
    path = f"/campaign-assets/{asset['id']}/renditions"
    first, again = (api.post(path, json={"profile": "urgent"}, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api.post(path, json={"profile": "large"}, headers=KEY).status_code == 409


def test_a_suppression_with_a_key_is_answered_the_same_again(api: FlaskClient) -> None:
    body = {"numbers": ["12515550130"], "note": "asked on the phone"}
    first, again = (api.post("/suppressions", json=body, headers=KEY) for _ in range(2))
    assert (first.status_code, first.get_json()["added"]) == (201, 1)
    assert (again.status_code, again.get_json()["added"]) == (201, 1)
    assert api.post("/suppressions", json=body).get_json()["added"] == 0
    assert api.post("/suppressions", json={"numbers": ["12515550131"]}, headers=KEY).status_code == 409
