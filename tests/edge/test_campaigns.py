import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from tests.edge.conftest import Browser
from tests.edge.test_assets import SMALL, send
from tests.servers.sandbox import RunningSandbox

TEXT: dict[str, Any] = {"parts": [{"text": "Half price until Sunday"}], "recipients": ["+1 251 555 0130"]}


def finished(api: FlaskClient, campaign_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        campaign: dict[str, Any] = api.get(f"/campaigns/{campaign_id}").get_json()
        if campaign["state"] in {"finished", "paused"}:
            return campaign
        time.sleep(0.1)
    pytest.fail("the campaign did not finish")


def draft(api: FlaskClient) -> str:
    campaign_id: str = api.post("/campaigns", json={**TEXT, "start": False}).get_json()["id"]
    return campaign_id


def test_a_campaign_is_sent_and_told(api: FlaskClient, sandbox: RunningSandbox) -> None:
    asset = send(api, SMALL).get_json()
    order = {
        "parts": [{"asset_id": asset["id"]}, {"text": "Hi"}],
        "subject": "Sale",
        "recipients": ["12515550130", {"number": "447700900765", "operator_id": 10}, "12515550130"],
    }
    answer = api.post("/campaigns", json=order)
    created = answer.get_json()
    assert answer.status_code == 201
    assert created["recipients"] == 2
    assert created["counts"]["pending"] == 2
    campaign = finished(api, created["id"])
    assert (campaign["state"], campaign["counts"]["accepted"]) == ("finished", 2), campaign["pause_reason"]
    items = api.get(f"/campaigns/{created['id']}/messages").get_json()["items"]
    assert {each["number"] for each in items} == {"12515550130", "447700900765"}
    for each in items:
        assert each["mt_id"]
        assert each["attempts"] == len(each["attempt_history"]) == 1
        assert api.get(f"/messages/{each['id']}").get_json() == each
    held = api.get(f"/campaign-assets/{asset['id']}").get_json()
    assert held["held_until"] > held["last_requested_at"]
    refused = api.delete(f"/campaign-assets/{asset['id']}")
    assert (refused.status_code, "held_until" in refused.get_json()) == (409, True)


def test_the_messages_are_given_as_a_table(api: FlaskClient) -> None:
    campaign_id = draft(api)
    answer = api.get(f"/campaigns/{campaign_id}/messages.csv")
    assert answer.mimetype == "text/csv"
    rows = answer.text.splitlines()
    assert rows[0].startswith("id,number,country,state")
    assert ",12515550130,US,pending,0," in rows[1]


def test_one_bad_number_refuses_the_whole_campaign_and_all_bad_ones_are_named(api: FlaskClient) -> None:
    bad = ["abc", "12", "12345678901234567890", "14165550123", "447797123456"]
    answer = api.post("/campaigns", json={**TEXT, "recipients": ["12515550130", *bad]})
    problem = answer.get_json()
    assert (answer.status_code, problem["type"].split("#")[1]) == (422, "invalid-recipients")
    assert [each["number"] for each in problem["recipients"]] == bad
    assert api.get("/campaigns").get_json()["items"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "   "},
        {"subject": "x" * 256},
        {"parts": []},
        {"parts": [{"text": " "}]},
        {"parts": [{"asset_id": "ast_none"}]},
        {"parts": [{"text": "a", "asset_id": "b"}]},
        {"parts": "text"},
        {"recipients": []},
        {"recipients": [5]},
        {"recipients": [{"number": "12515550130", "operator_id": "x"}]},
        {"profile": "gigantic"},
        {"send_at": "yesterday"},
        {"send_at": "2026-11-22T10:00:00"},
        {"send_at": "2001-01-01T00:00:00Z"},
        {"start": "maybe"},
        {"unknown": 1},
        {"name": "x" * 201},
    ],
    ids=str,
)
def test_a_wrong_order_is_refused_and_creates_nothing(api: FlaskClient, changed: dict[str, Any]) -> None:
    answer = api.post("/campaigns", json={**TEXT, **changed})
    assert answer.status_code in {404, 422}
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["detail"]
    assert api.get("/campaigns").get_json()["items"] == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b'"' + b"x" * 5_000_001 + b'"', "application/json", 413),
        (b"", "application/json", 400),
        (b"null", "application/json", 422),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    api: FlaskClient, body: bytes, content_type: str, status: int
) -> None:
    answer = api.post("/campaigns", data=body, content_type=content_type)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


def test_the_same_key_and_body_get_the_first_answer(api: FlaskClient) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = api.post("/campaigns", json={**TEXT, "start": False}, headers=key)
    again = api.post("/campaigns", json={**TEXT, "start": False}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(api.get("/campaigns").get_json()["items"]) == 1
    other = api.post("/campaigns", json={**TEXT, "start": False, "name": "other"}, headers=key)
    assert (other.status_code, other.get_json()["type"].split("#")[1]) == (409, "idempotency-conflict")


def test_a_refused_request_does_not_use_its_key_up(api: FlaskClient) -> None:
    key = {"Idempotency-Key": "order-2"}
    assert api.post("/campaigns", json={**TEXT, "recipients": ["abc"]}, headers=key).status_code == 422
    assert api.post("/campaigns", json={**TEXT, "start": False}, headers=key).status_code == 201


def test_keys_of_two_callers_do_not_meet(api: FlaskClient, browser: Browser) -> None:
    key = {"Idempotency-Key": "same"}
    own = {**key, "X-CSRFToken": browser.csrf, "Accept": "application/json"}
    first = api.post("/campaigns", json={**TEXT, "start": False}, headers=key)
    second = browser.client.post("/campaigns", json={**TEXT, "start": False}, headers=own)
    assert first.get_json()["id"] != second.get_json()["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä"])
def test_an_odd_key_is_refused(api: FlaskClient, key: str) -> None:
    answer = api.post("/campaigns", json={**TEXT, "start": False}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "Idempotency-Key"


def test_an_upload_with_a_key_is_answered_the_same_again(api: FlaskClient) -> None:
    first = send(api, SMALL, **{"Idempotency-Key": "u1"})
    again = send(api, SMALL, **{"Idempotency-Key": "u1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()


def test_a_single_message_is_a_campaign_of_one(api: FlaskClient) -> None:
    answer = api.post("/messages", json={"parts": [{"text": "Hi"}], "to": "12515550130"})
    assert (answer.status_code, answer.get_json()["recipients"]) == (201, 1)
    assert finished(api, answer.get_json()["id"])["counts"]["accepted"] == 1


def test_a_preview_shows_the_exact_bytes_and_sends_nothing(api: FlaskClient, sandbox: RunningSandbox) -> None:
    asset = send(api, SMALL).get_json()
    order = {"parts": [{"asset_id": asset["id"]}, {"text": "Hi"}], "recipients": ["12515550130", "447700900765"]}
    previews = api.post("/campaigns/preview", json=order).get_json()["previews"]
    assert [each["profile"] for each in previews] == ["universal", "xlarge"]
    for each in previews:
        assert 0 < each["message_bytes"] <= each["limit_bytes"]
        assert each["parts"][0]["url"] in each["body"]
        assert each["content_type"].startswith("multipart/mixed")
    assert api.post("/campaigns/preview", json={"parts": [{"text": "Hi"}]}).get_json()["previews"][0]["recipients"] == 0
    assert api.get("/campaigns").get_json()["items"] == []


def test_numbers_are_checked_without_creating_anything(api: FlaskClient) -> None:
    checked = api.post("/recipients/check", json={"recipients": ["+1 (251) 555-0130", "12515550130", "447700900765"]})
    assert checked.get_json()["recipients"] == 2
    assert checked.get_json()["duplicates"] == 1
    assert checked.get_json()["countries"] == {"US": 1, "GB": 1}
    assert api.post("/recipients/check", json={"recipients": ["x"]}).status_code == 422


def test_a_campaign_without_a_name_is_called_by_its_subject_else_by_how_its_text_begins(api: FlaskClient) -> None:
    def name_of(text: str, subject: str = "") -> str:
        order = {**TEXT, "parts": [{"text": text}], "subject": subject, "start": False}
        return str(api.post("/campaigns", json=order).get_json()["name"])

    assert name_of("Hello", "Leaves") == "Leaves"
    assert name_of("  Two\n lines ") == "Two lines"
    assert name_of("word " * 40) == "word " * 11 + "word…"
    assert name_of("字" * 61) == "字" * 59 + "…"


def test_a_draft_is_changed_started_and_then_no_more_changed(api: FlaskClient) -> None:
    campaign_id = draft(api)
    changed = api.patch(f"/campaigns/{campaign_id}", json={"name": "Autumn", "subject": "Leaves"}).get_json()
    assert (changed["name"], changed["subject"]) == ("Autumn", "Leaves")
    assert api.post(f"/campaigns/{campaign_id}/pause").status_code == 409
    assert api.post(f"/campaigns/{campaign_id}/start").status_code == 200
    finished(api, campaign_id)
    for late in (
        api.patch(f"/campaigns/{campaign_id}", json={"name": "x"}),
        api.post(f"/campaigns/{campaign_id}/start"),
    ):
        assert (late.status_code, late.get_json()["type"].split("#")[1]) == (409, "wrong-state")
    assert api.post(f"/campaigns/{campaign_id}/resend-failed").get_json()["resent"] == 0


def test_a_draft_gets_other_parts_recipients_limit_and_time_and_keeps_the_rest(api: FlaskClient) -> None:
    campaign_id = draft(api)
    wanted = {
        "parts": [{"text": "Leaves"}, {"text": "fall"}],
        "recipients": ["447700900765", {"number": "12515550131", "operator_id": 383}],
        "profile": "urgent",
        "send_at": "2099-01-01T00:00:00Z",
    }
    refused = api.patch(f"/campaigns/{campaign_id}", json=wanted)
    assert (refused.status_code, refused.get_json()["field"]) == (422, "send_at")
    before = api.get(f"/campaigns/{campaign_id}").get_json()
    assert before["recipients"] == 1
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    changed = api.patch(f"/campaigns/{campaign_id}", json={**wanted, "send_at": later}).get_json()
    assert changed["parts"] == [{"text": "Leaves"}, {"text": "fall"}]
    assert (changed["profile"], changed["send_at"] is None, changed["counts"]["pending"]) == ("urgent", False, 2)
    for same in ("id", "name", "subject", "created_at", "created_by", "state"):
        assert changed[same] == before[same], same
    kept = api.patch(f"/campaigns/{campaign_id}", json={"send_at": None, "name": ""}).get_json()
    assert (kept["send_at"], kept["parts"], kept["profile"]) == (None, changed["parts"], "urgent")
    assert (kept["subject"], kept["name"]) == ("", "Leaves")
    items = api.get(f"/campaigns/{campaign_id}/messages").get_json()["items"]
    assert {(each["number"], each["operator_id"], each["profile"]) for each in items} == {
        ("447700900765", None, "urgent"),
        ("12515550131", 383, "urgent"),
    }
    api.post(f"/campaigns/{campaign_id}/start")
    finished(api, campaign_id)
    assert api.patch(f"/campaigns/{campaign_id}", json={"parts": [{"text": "x"}]}).status_code == 409


def test_what_is_wrong_with_a_change_of_a_draft_changes_nothing(api: FlaskClient) -> None:
    campaign_id = draft(api)
    before = api.get(f"/campaigns/{campaign_id}").get_json()
    for wrong in (
        {"name": "New", "recipients": ["12515550131", "nobody"]},
        {"name": "New", "recipients": []},
        {"name": "New", "parts": [{"asset_id": "ast_gone"}]},
        {"name": "New", "profile": "vast"},
        {"name": "x" * 201},
        {"subject": "x" * 256, "parts": [{"text": "other"}]},
    ):
        assert api.patch(f"/campaigns/{campaign_id}", json=wrong).status_code in {404, 422}, wrong
    assert api.get(f"/campaigns/{campaign_id}").get_json() == before


def test_a_scheduled_campaign_takes_another_name_and_keeps_its_content(api: FlaskClient) -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    order = {"parts": [{"text": "Later"}], "recipients": ["12515550130"], "send_at": later}
    campaign_id = api.post("/campaigns", json=order).get_json()["id"]
    assert api.patch(f"/campaigns/{campaign_id}", json={"name": "Soon", "subject": ""}).get_json()["name"] == "Soon"
    refused = api.patch(f"/campaigns/{campaign_id}", json={"recipients": ["12515550131"]})
    assert (refused.status_code, refused.get_json()["state"]) == (409, "scheduled")
    assert [each["number"] for each in api.get(f"/campaigns/{campaign_id}/messages").get_json()["items"]] == [
        "12515550130"
    ]


def test_a_draft_is_cancelled_for_good(api: FlaskClient) -> None:
    campaign_id = draft(api)
    cancelled = api.post(f"/campaigns/{campaign_id}/cancel").get_json()
    assert (cancelled["state"], cancelled["counts"]["cancelled"]) == ("cancelled", 1)
    assert api.post(f"/campaigns/{campaign_id}/start").status_code == 409


def test_a_test_goes_to_a_few_numbers_of_ones_own(api: FlaskClient) -> None:
    campaign_id = draft(api)
    answer = api.post(f"/campaigns/{campaign_id}/test", json={"recipients": ["10000871000"]})
    assert (answer.status_code, answer.get_json()["name"][:7]) == (201, "Test of")
    assert api.post(f"/campaigns/{campaign_id}/test", json={"recipients": ["10000871000"] * 6}).status_code == 422


@pytest.mark.parametrize("path", ["/campaigns/x", "/campaigns/x/messages", "/campaigns/x/messages.csv", "/messages/x"])
def test_what_is_not_there_is_not_found(api: FlaskClient, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.get_json()["type"].split("#")[1]) == (404, "not-found")


def test_a_wrong_method_names_the_right_ones(api: FlaskClient) -> None:
    answer = api.delete("/campaigns")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_messages_are_listed_by_state_and_in_pages(api: FlaskClient) -> None:
    numbers = [f"1251555013{digit}" for digit in range(5)]
    campaign_id = api.post("/campaigns", json={**TEXT, "recipients": numbers, "start": False}).get_json()["id"]
    first = api.get(f"/campaigns/{campaign_id}/messages?limit=3").get_json()
    rest = api.get(f"/campaigns/{campaign_id}/messages?limit=3&after={first['next']}").get_json()
    assert sorted(each["number"] for each in first["items"] + rest["items"]) == numbers
    assert len(first["items"]) == 3
    assert api.get(f"/campaigns/{campaign_id}/messages?state=retrieved").get_json()["items"] == []
    assert api.get(f"/campaigns/{campaign_id}/messages?state=odd").status_code == 422


def test_a_locked_database_is_said_and_changes_nothing(web: Postcard, api: FlaskClient) -> None:
    with web.database.write():
        answer = api.post("/campaigns", json={**TEXT, "start": False})
    assert (answer.status_code, answer.get_json()["type"].split("#")[1]) == (503, "database-busy")
    assert api.get("/campaigns").get_json()["items"] == []
