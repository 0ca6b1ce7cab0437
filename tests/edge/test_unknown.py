"""A campaign with unknown messages says what is known about them."""

import json
from typing import Any

from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.pipeline import settle_report
from tests.edge.conftest import Browser
from tests.edge.test_campaigns import TEXT, finished
from tests.path import take
from tests.servers.sandbox import RunningSandbox


def told(post: Postcard, mt_id: str, status: str) -> None:
    body = json.dumps({"type": "REPORT", "mtId": mt_id, "status": status}).encode()
    take(post, body)
    settle_report(post)


def campaign_with_an_unknown(api: FlaskClient, sandbox: RunningSandbox) -> dict[str, Any]:
    sandbox.add_fault("cut_after", times=1)
    campaign = finished(api, api.post("/campaigns", json=TEXT).get_json()["id"])
    assert campaign["counts"]["unknown"] == 1
    return campaign


def test_reports_with_an_mtid_that_we_never_recorded_are_counted(
    web: Postcard, api: FlaskClient, sandbox: RunningSandbox
) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    note = campaign["unknown_note"]
    assert note["sentence"] == "1 unknown; 0 reports with an mtId we never recorded came since."
    assert "None of them seems to have been accepted" in note["advice"]
    told(web, "987654321", "Forwarded")
    told(web, "987654321", "Retrieved")
    note = api.get(f"/campaigns/{campaign['id']}").get_json()["unknown_note"]
    assert (note["unknown"], note["unmatched_reports"], note["unmatched_mt_ids"]) == (1, 2, 1)
    assert note["sentence"] == "1 unknown; 2 reports with an mtId we never recorded came since."
    assert "may well have been accepted" in note["advice"]


def test_reports_from_before_the_send_do_not_count(web: Postcard, api: FlaskClient, sandbox: RunningSandbox) -> None:
    told(web, "1", "Retrieved")
    assert campaign_with_an_unknown(api, sandbox)["unknown_note"]["unmatched_reports"] == 0


def test_a_campaign_of_known_ends_has_no_note(api: FlaskClient) -> None:
    campaign = finished(api, api.post("/campaigns", json=TEXT).get_json()["id"])
    assert campaign["unknown_note"] is None


def test_the_page_says_the_same(api: FlaskClient, browser: Browser, sandbox: RunningSandbox) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    page = browser.client.get(f"/app/campaigns/{campaign['id']}").text
    assert campaign["unknown_note"]["sentence"] in page
