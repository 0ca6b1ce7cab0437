import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.edge.conftest import Browser
from tests.edge.test_assets import SMALL, send


def take_down(client: FlaskClient, asset_id: str, **changes: str) -> Any:
    body = {"reason": "The price is wrong.", "confirm": asset_id, **changes}
    return client.post(f"/campaign-assets/{asset_id}/takedown", json=body)


def test_a_takedown_tells_what_came_of_it_and_the_bytes_may_not_come_back(api: FlaskClient) -> None:
    asset = send(api, SMALL).get_json()
    done = take_down(api, asset["id"])
    assert done.status_code == 200
    told = done.get_json()
    assert told["erased"] is True
    assert (told["at_risk"], told["at_risk_count"], told["paused"]) == ([], 0, [])
    assert asset["sha256"] in told["blocked_sha256s"]
    assert api.get(f"/campaign-assets/{asset['id']}").status_code == 404
    again = send(api, SMALL)
    assert again.status_code == 403
    problem = again.get_json()
    assert problem["type"].endswith("#content-blocked")
    assert problem["reason"] == "The price is wrong."
    (entry,) = api.get("/audit").get_json()["items"]
    assert (entry["id"], entry["who"], entry["subject"]) == (told["audit_id"], "token tests", asset["id"])


@pytest.mark.parametrize("changes", [{"confirm": "yes"}, {"reason": ""}, {"because": "so"}])
def test_without_a_reason_and_the_id_twice_nothing_happens(api: FlaskClient, changes: dict[str, str]) -> None:
    asset = send(api, SMALL).get_json()
    assert take_down(api, asset["id"], **changes).status_code == 422
    assert api.get(f"/campaign-assets/{asset['id']}").status_code == 200
    assert api.get("/audit").get_json()["items"] == []


def test_only_an_admin_takes_down_and_reads_the_audit(api: FlaskClient, clerk: Browser) -> None:
    asset = send(api, SMALL).get_json()
    page = f"/app/library/{asset['id']}/takedown"
    assert "Take down" not in clerk.client.get("/app/library").text
    assert clerk.client.get(page).status_code == 403
    assert clerk.post(page, {"reason": "So there.", "confirm": asset["id"]}).status_code == 403
    refused = clerk.client.post(
        f"/campaign-assets/{asset['id']}/takedown",
        json={"reason": "So there.", "confirm": asset["id"]},
        headers={"X-CSRFToken": clerk.csrf},
    )
    assert refused.status_code == 403
    assert clerk.client.get("/audit").status_code == 403
    assert api.get(f"/campaign-assets/{asset['id']}").status_code == 200


def test_the_page_asks_a_second_time(api: FlaskClient, browser: Browser) -> None:
    asset = send(api, SMALL).get_json()
    page = f"/app/library/{asset['id']}/takedown"
    assert page in browser.client.get("/app/library").text
    asked = browser.client.get(page).text
    assert re.search(r'name="reason"[^>]*required', asked)
    assert "cannot be undone" in asked
    assert browser.post(page, {"reason": "A face."}).status_code == 422
    assert api.get(f"/campaign-assets/{asset['id']}").status_code == 200
    done = browser.post(page, {"reason": "A face.", "confirm": asset["id"]})
    assert "Taken down" in done.text
    assert "0 messages at risk" in done.text
    assert api.get("/audit").get_json()["items"][0]["who"] == "mia"
    settings = browser.client.get("/app/settings").text
    assert asset["id"] in settings
    assert re.search(r"by mia, [0-9 :-]+ UTC: A face\.", settings)


def test_what_was_taken_down_is_shown_to_admins_alone(api: FlaskClient, browser: Browser, clerk: Browser) -> None:
    asset = send(api, SMALL).get_json()
    take_down(api, asset["id"])
    assert asset["id"] in browser.client.get("/app/settings").text
    assert asset["id"] not in clerk.client.get("/app/settings").text
