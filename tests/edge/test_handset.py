"""A message shows the handset that reports named."""

import json

from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.pipeline import settle_report
from tests.edge.conftest import Browser
from tests.edge.test_campaigns import TEXT, finished
from tests.path import take


def test_api_and_page_show_the_handset_that_a_report_named(web: Postcard, api: FlaskClient, browser: Browser) -> None:
    campaign = finished(api, api.post("/campaigns", json=TEXT).get_json()["id"])
    (message,) = api.get(f"/campaigns/{campaign['id']}/messages").get_json()["items"]
    assert api.get(f"/messages/{message['id']}").get_json()["handset"] is None
    told = {"type": "REPORT", "mtId": message["mt_id"], "status": "Retrieved", "userAgent": "HTC <One>"}
    take(web, json.dumps(told).encode())
    settle_report(web)
    handset = api.get(f"/messages/{message['id']}").get_json()["handset"]
    assert (handset["user_agent"], handset["operator_id"]) == ("HTC <One>", None)
    assert "handset HTC &lt;One&gt;" in browser.client.get(f"/app/messages/{message['id']}").text
