"""Idempotency-Key on the calls beside /campaigns: the first answer comes again, with its place, whatever it was."""

from importlib import import_module
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from tests.edge.conftest import Working
from tests.edge.test_assets import SMALL, send
from tests.edge.test_campaigns import TEXT
from tests.records.rows import MovableClock

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


def test_a_request_that_took_longer_than_its_claim_creates_nothing_beside_its_repeat(
    web: Postcard, api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stands still in the middle of its work until a repeat has found the claim run out and was answered."""
    clock = web.database.clock = MovableClock()
    order = {**TEXT, "start": False, "name": "once"}
    campaigns = import_module("app.edge.api.campaigns")
    really, repeats = campaigns.create_campaign, list[Any]()

    def slow(*args: Any, **options: Any) -> Any:
        if not repeats:
            clock.move(minutes=6)
            repeats.append(None)
            repeats[0] = api.post("/campaigns", json=order, headers=KEY)
        return really(*args, **options)

    monkeypatch.setattr(campaigns, "create_campaign", slow)
    overtaken = api.post("/campaigns", json=order, headers=KEY)
    assert repeats[0].status_code == 201
    problem = overtaken.get_json()
    assert (overtaken.status_code, problem["type"].split("#")[1]) == (409, "idempotency-in-progress")
    assert "took over" in problem["detail"]
    found = api.get("/campaigns").get_json()["items"]
    assert [each["id"] for each in found if each["name"] == "once"] == [repeats[0].get_json()["id"]]
    again = api.post("/campaigns", json=order, headers=KEY)
    assert (again.status_code, again.get_json()) == (201, repeats[0].get_json())
